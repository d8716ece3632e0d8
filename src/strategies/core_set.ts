import { kCenterGreedy } from '../selection/k_center.js';
import { embeddingSpace } from '../selection/space.js';
import { embeddedSamples } from './embedded.js';
import type { Strategy } from './strategy.js';

/**
 * Core-set (Sener and Savarese, ICLR 2018): k-center greedy over the features before the last layer; labelled samples are
 * centres. Without any the first is that of the lowest id.
 */
export const coreSet: Strategy = {
  name: 'core-set',
  summary: 'core-set: again and again the sample farthest from all labelled and chosen ones',
  needs: [],
  vectors: ['embeddings', 'labelled'],
  async choose(pool, _context, { backend, count }) {
    const { rows, vectors, labelled } = embeddedSamples(pool, 'strategy core-set');
    const chosen = await kCenterGreedy(embeddingSpace(backend, vectors), count, labelled);
    return chosen.rows.map((at) => rows[at]);
  },
};
