import type { Strategy } from './strategy.js';

/**
 * IDEAL's observational strategy (Mahapatra et al., IEEE TMI 2021): kurtosis m4/m2² of the saliency
 * map's 256-bin histogram over [0, 1]; a focused map has a high one. 0 for a constant map.
 */
export const kurtosis: Strategy = {
  name: 'kurtosis',
  summary: "IDEAL: kurtosis of the saliency map's histogram",
  needs: ['kurtosis'],
  score: (pool) => pool.columns.kurtosis.slice(),
};
