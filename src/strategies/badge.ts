import { tensor } from '../core/tensor.js';
import { sampleByDistance } from '../selection/distance_sampling.js';
import { gradientSpace } from '../selection/gradient_space.js';
import { finiteRows, gatherRows } from '../selection/rows.js';
import { embeddedSamples } from './embedded.js';
import type { Strategy } from './strategy.js';

/**
 * BADGE (Ash et al., ICLR 2020): k-means++ draws among the gradients of the last layer, were the prediction the label: long
 * ones are uncertain, distant ones diverse. From the longest gradient, as the authors' code. Labelled samples play no part.
 */
export const badge: Strategy = {
  name: 'badge',
  summary: 'BADGE: uncertain and diverse, by draws among the gradients of the last layer',
  needs: [],
  vectors: ['embeddings'],
  async choose(pool, { seed }, { backend, count }) {
    const { probabilities: p, activation } = pool;
    const known = new Set(finiteRows(p));
    const { rows: embedded, vectors } = embeddedSamples({ ...pool, labelled: undefined }, 'strategy badge');
    const kept = [...embedded.keys()].filter((at) => known.has(embedded[at]));
    const rows = kept.map((at) => embedded[at]);
    const classes = p.dims[1];
    const own = tensor('f64', [rows.length, classes]);
    rows.forEach((row, i) => own.data.set(p.data.subarray(row * classes, (row + 1) * classes), i * classes));
    const space = gradientSpace(backend, own, gatherRows(vectors, kept), activation);
    const drawn = await sampleByDistance(space, count, { seed, first: 'longest' });
    return drawn.map((at) => rows[at]);
  },
};
