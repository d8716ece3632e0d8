import type { Strategy } from './strategy.js';

/** Predictive entropy −Σ p ln p, nats (Settles 2009 §3.1). */
export const entropy: Strategy = {
  name: 'entropy',
  summary: 'predictive entropy: least decided over all classes first',
  needs: ['entropy'],
  score: (pool) => pool.columns.entropy.slice(),
};
