import type { ResultName } from '../schema.js';
import { finalValues } from './final_values.js';
import { learningCurves } from './learning_curves.js';
import { ndcg } from './ndcg.js';
import { overlap } from './overlap.js';
import { panels } from './panels.js';
import type { ResultMaker } from './result.js';
import { shareOfData } from './share_of_data.js';

/** What an experiment can make of its runs, by the names of its key `results`. */
export const resultMakers: Readonly<Record<ResultName, ResultMaker>> = {
  'learning-curves': learningCurves,
  'final-values': finalValues,
  'share-of-data': shareOfData,
  ndcg,
  overlap,
  panels,
};
