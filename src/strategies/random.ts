import { Rng } from '../core/rng.js';
import type { ScoringStrategy } from './strategy.js';

/** Uniform random order: the baseline. Each draw depends on the seed and the sample's id alone. */
export const random: ScoringStrategy = {
  name: 'random',
  summary: 'uniform random order (the baseline)',
  needs: [],
  blind: true,
  score: (pool, { seed }) => Float64Array.from(pool.ids, (id) => new Rng(seed, 'random', id).uniform()),
};
