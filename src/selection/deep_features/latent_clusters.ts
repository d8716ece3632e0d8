import type { Backend } from '../../backend/index.js';
import { withDefaults } from '../../core/options.js';
import type { Tensor } from '../../core/tensor.js';
import { kMeans, nearestToCentres } from '../k_means.js';
import { gatherRows } from '../rows.js';

export interface LatentClusterOptions {
  /** K: levels of informativeness. */
  clusters: number;
  restarts: number;
  seed: number;
}

const defaults: LatentClusterOptions = { clusters: 10, restarts: 10, seed: 0 };

/** Samples grouped by their latent codes; clusters have no order yet. */
export interface LatentClusters {
  /** Cluster of each sample: u32[N]. */
  labels: Uint32Array;
  /** f32[K,D]. */
  centres: Tensor<'f32'>;
  /** Samples in each cluster, at least one: u32[K]. */
  sizes: Uint32Array;
  /** The sample of each cluster that is nearest to its centre, the first one on ties: u32[K]. The one to be labelled. */
  representatives: Uint32Array;
}

/**
 * First step of IDEAL's Algorithm 2 (Mahapatra, Poellinger, Shao and Reyes, "Interpretability-Driven Sample Selection Using
 * Self Supervised Learning for Disease Classification and Segmentation", IEEE TMI 40(10), 2021): latent codes of saliency maps
 * in K clusters, and a representative of each. K = 10 as in the paper. Where the codes are copies of fewer than K, there are
 * that many clusters.
 * @param latents f32[N,D] (D = 32), finite; N ≥ K
 * @throws SightlineError E_SHAPE, E_ARGUMENT
 */
export async function clusterLatents(
  backend: Backend,
  latents: Tensor<'f32'>,
  given: Partial<LatentClusterOptions> = {},
): Promise<LatentClusters> {
  const { clusters, ...options } = withDefaults(given, defaults, 'options of the latent clusters');
  const clustering = await kMeans(backend, latents, clusters, options);
  const nearest = nearestToCentres(clustering);
  const kept = [...nearest.keys()].filter((c) => nearest[c] >= 0);
  const places = new Map(kept.map((c, place) => [c, place]));
  const labels = clustering.labels.map((c) => places.get(c)!);
  const sizes = new Uint32Array(kept.length);
  for (const label of labels) sizes[label]++;
  return {
    labels,
    centres: gatherRows(clustering.centres, kept),
    sizes,
    representatives: Uint32Array.from(kept, (c) => nearest[c]),
  };
}
