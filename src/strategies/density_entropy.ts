import { informationDensity, meanCosine } from '../selection/density.js';
import { embeddedSamples } from './embedded.js';
import type { Strategy } from './strategy.js';

/**
 * Density-weighted entropy (information density: Settles and Craven, EMNLP 2008): predictive entropy, in nats, times
 * (mean cosine similarity to the pool)^β, so that outliers are not asked for.
 */
export const densityEntropy: Strategy = {
  name: 'density-entropy',
  summary: 'entropy × (mean similarity to the pool)^beta: uncertain, but no outlier',
  needs: ['entropy'],
  vectors: ['embeddings'],
  score(pool, { beta }) {
    const { rows, vectors } = embeddedSamples({ ...pool, labelled: undefined }, 'strategy density-entropy');
    const entropy = Float64Array.from(rows, (row) => pool.columns.entropy[row]);
    const scores = new Float64Array(pool.ids.length).fill(NaN);
    informationDensity(entropy, meanCosine(vectors), beta).forEach((score, at) => (scores[rows[at]] = score));
    return scores;
  },
};
