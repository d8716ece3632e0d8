import type { Strategy } from './strategy.js';

/** 1 − (p₍₁₎ − p₍₂₎): smallest margin first (Scheffer et al. 2001). */
export const margin: Strategy = {
  name: 'margin',
  summary: '1 − difference of the two highest probabilities',
  needs: ['margin'],
  score: (pool) => pool.columns.margin.map((m) => 1 - m),
};
