import type { Strategy } from './strategy.js';

/** 1 − max p (Lewis & Gale 1994). */
export const leastConfidence: Strategy = {
  name: 'least-confidence',
  summary: '1 − probability of the predicted class',
  needs: ['least_confidence'],
  score: (pool) => pool.columns.least_confidence.slice(),
};
