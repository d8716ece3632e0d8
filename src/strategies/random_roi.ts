import { random } from './random.js';
import type { Strategy } from './strategy.js';

/** Fair baseline for XAL: random among the samples that have a region of interest, then random among the others. */
export const randomRoi: Strategy = {
  name: 'random-roi',
  summary: 'random order of the samples with a region of interest, then of the others',
  needs: ['roi_area'],
  score: (pool, context) => random.score(pool, context).map((draw, i) => draw + Number(pool.columns.roi_area[i] > 0)),
};
