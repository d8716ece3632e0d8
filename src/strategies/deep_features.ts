import { featureColumn } from './columns.js';
import type { Strategy } from './strategy.js';

/**
 * IDEAL's deep saliency features (Mahapatra et al., IEEE TMI 2021, Algorithm 2): clusters of saliency maps are ranked by
 * what a sample of theirs taught the model, and a forest predicts the rank of each new sample. Rank 1 first.
 */
export const deepFeatures: Strategy = {
  name: 'deep-features',
  summary: 'IDEAL: expected rank of the cluster of saliency maps that a sample is of',
  needs: [],
  columns: ['expected_rank'],
  score: (pool) => featureColumn(pool, 'expected_rank').map((rank) => -rank),
};
