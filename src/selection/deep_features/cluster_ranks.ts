import { SightlineError } from '../../core/errors.js';
import { tensor, type Tensor } from '../../core/tensor.js';

/** What labelling the representative of each cluster was worth. */
export interface ClusterGains {
  /** Mean ΔAUC over the trials: f64[K]; NaN where no trial has a value. */
  means: Float64Array;
  /** Standard error of that mean: f64[K]; NaN below two trials. One sample's ΔAUC is mostly noise: compare the two. */
  standardErrors: Float64Array;
}

/**
 * ΔAUC of each representative (the self-supervision of IDEAL's Algorithm 2): validation AUC of the model fine-tuned with that
 * sample added, minus the AUC before, trial by trial. A trial that differs in the seed alone should have its own AUC before: that of
 * the same fine-tuning without the sample. A NaN (an undefined AUC) leaves its trial out.
 * @param before f64[S], for each trial @param after f64[S,K]
 * @throws SightlineError E_SHAPE
 */
export function clusterGains(before: Float64Array, after: Tensor<'f64'>): ClusterGains {
  const [trials, clusters] = after.dims;
  if (after.dims.length !== 2 || trials !== before.length) {
    throw new SightlineError('E_SHAPE', {
      where: 'after',
      what: `expected [${before.length},K], as many trials as before, received [${after.dims.join(',')}]`,
    });
  }
  const gains: ClusterGains = { means: new Float64Array(clusters), standardErrors: new Float64Array(clusters) };
  for (let c = 0; c < clusters; c++) {
    const deltas = [...before].map((auc, s) => after.data[s * clusters + c] - auc).filter((d) => !Number.isNaN(d));
    const count = deltas.length;
    const mean = deltas.reduce((a, b) => a + b, 0) / count;
    const squares = deltas.reduce((sum, d) => sum + (d - mean) ** 2, 0);
    gains.means[c] = mean;
    gains.standardErrors[c] = count > 1 ? Math.sqrt(squares / (count - 1) / count) : NaN;
  }
  return gains;
}

/**
 * Ranks that make clusters ordinal: 1 = largest gain = most informative. Equal gains: the larger cluster first, then the
 * first cluster. NaN gains come last.
 * @param gains f64[K] @param sizes u32[K]
 * @returns u32[K], each of 1 … K once
 * @throws SightlineError E_SHAPE
 */
export function rankClusters(gains: Float64Array, sizes: Uint32Array): Uint32Array {
  if (gains.length !== sizes.length) {
    const what = `expected one for each of ${gains.length} gains, received ${sizes.length}`;
    throw new SightlineError('E_SHAPE', { where: 'sizes', what });
  }
  const worth = (c: number) => (Number.isNaN(gains[c]) ? -Infinity : gains[c]);
  const order = [...gains.keys()].sort((a, b) =>
    worth(a) === worth(b) ? sizes[b] - sizes[a] || a - b : worth(b) - worth(a),
  );
  const ranks = new Uint32Array(gains.length);
  order.forEach((cluster, place) => (ranks[cluster] = place + 1));
  return ranks;
}

/** Every sample takes its cluster's rank: u32[N], 1 = most informative. */
export function propagateRanks(labels: Uint32Array, ranks: Uint32Array): Tensor<'u32'> {
  return tensor(
    'u32',
    [labels.length],
    labels.map((cluster) => ranks[cluster]),
  );
}
