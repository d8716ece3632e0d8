import type { Strategy } from './strategy.js';

/** BALD (Houlsby et al., 2011; Gal et al., ICML 2017): where Monte-Carlo dropout passes disagree, each being sure. */
export const bald: Strategy = {
  name: 'bald',
  summary: 'mutual information of prediction and weights, by Monte-Carlo dropout',
  needs: ['bald'],
  score: (pool) => pool.columns.bald.slice(),
};
