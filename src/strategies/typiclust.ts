import { typiClust } from '../selection/typiclust.js';
import { embeddedSamples } from './embedded.js';
import type { Strategy } from './strategy.js';

/**
 * TypiClust (Hacohen, Dekel and Weinshall, ICML 2022): the most typical sample of each cluster that has the fewest labelled
 * ones. Made for small budgets.
 */
export const typiclust: Strategy = {
  name: 'typiclust',
  summary: 'TypiClust: the most typical sample of clusters that have no label yet',
  needs: [],
  vectors: ['embeddings', 'labelled'],
  async choose(pool, { seed }, { backend, count }) {
    const { rows, vectors, labelled } = embeddedSamples(pool, 'strategy typiclust');
    const chosen = await typiClust(backend, vectors, count, labelled, { kMeans: { seed } });
    return chosen.map((at) => rows[at]);
  },
};
