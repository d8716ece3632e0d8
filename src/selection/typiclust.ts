import type { Backend } from '../backend/index.js';
import { expectArgument } from '../core/errors.js';
import { withDefaults } from '../core/options.js';
import type { Tensor } from '../core/tensor.js';
import { kMeans, type KMeansOptions } from './k_means.js';
import { meanNeighbourDistance } from './neighbours.js';
import { checkedRows, checkIndices, gatherRows, unitRows } from './rows.js';

/** Settings of TypiClust; defaults are the paper's. */
export interface TypiClustOptions {
  /** Most clusters, however many samples are labelled. */
  maximumClusters: number;
  /** Clusters of fewer samples are left for the end. */
  minimumSize: number;
  /** k: neighbours within the cluster that typicality looks at, at most half of its samples. */
  neighbours: number;
  /** Embeddings are scaled to length 1 first. */
  unitLength: boolean;
  kMeans: Partial<KMeansOptions>;
}

const defaults: TypiClustOptions = {
  maximumClusters: 500,
  minimumSize: 6,
  neighbours: 20,
  unitLength: true,
  kMeans: {},
};

/**
 * TypiClust (Hacohen, Dekel and Weinshall, "Active Learning on a Budget: Opposite Strategies Suit High and Low Budgets", ICML
 * 2022): k-means into as many clusters as samples will be labelled; clusters with the fewest labelled samples first, the
 * larger before the smaller; from each in turn the most typical sample, that with the smallest mean distance to its k nearest
 * neighbours among the cluster's samples that are left. Distances are Euclidean, as in the paper (its code squares them).
 * @param embeddings f32[N,D] of all samples, finite @param labelled rows with labels
 * @returns `count` rows, or as many as are not labelled, in the order of choice
 * @throws SightlineError E_SHAPE, E_ARGUMENT
 */
export async function typiClust(
  backend: Backend,
  embeddings: Tensor<'f32'>,
  count: number,
  labelled: Uint32Array = new Uint32Array(0),
  given: Partial<TypiClustOptions> = {},
): Promise<Uint32Array> {
  const options = withDefaults(given, defaults, 'options of TypiClust');
  expectArgument(Number.isSafeInteger(count) && count >= 0, 'count', 'a whole number from 0', count);
  const [rows] = checkedRows(embeddings, 'embeddings');
  checkIndices(labelled, rows, 'labelled');
  const wanted = Math.min(count, rows - labelled.length);
  if (!wanted) return new Uint32Array(0);
  const vectors = options.unitLength ? unitRows(embeddings) : embeddings;
  const clusters = Math.min(labelled.length + wanted, options.maximumClusters);
  const { labels } = await kMeans(backend, vectors, clusters, options.kMeans);
  const [large, small] = orderedClusters(labels, labelled, clusters, options.minimumSize);
  const chosen: number[] = [];
  for (const order of [large, small]) {
    for (let left = order; left.length && chosen.length < wanted; left = left.filter(({ length }) => length)) {
      for (const members of left.slice(0, wanted - chosen.length)) {
        const at = await mostTypical(backend, vectors, members, options.neighbours);
        chosen.push(...members.splice(at, 1));
      }
    }
  }
  return Uint32Array.from(chosen);
}

/** Rows without labels of each cluster, clusters in the order in which they are asked: large ones, then small ones. */
function orderedClusters(
  labels: Uint32Array,
  labelled: Uint32Array,
  clusters: number,
  minimumSize: number,
): [large: number[][], small: number[][]] {
  const found = Array.from({ length: clusters }, () => ({ size: 0, covered: 0, members: [] as number[] }));
  const hasLabel = new Uint8Array(labels.length);
  for (const row of labelled) hasLabel[row] = 1;
  for (const [row, label] of labels.entries()) {
    const cluster = found[label];
    cluster.size++;
    if (hasLabel[row]) cluster.covered++;
    else cluster.members.push(row);
  }
  const ordered = found
    .filter(({ members }) => members.length)
    // The sort is stable: equal clusters keep their order.
    .sort((a, b) => a.covered - b.covered || b.size - a.size);
  const membersOf = (large: boolean) =>
    ordered.filter(({ size }) => size >= minimumSize === large).map(({ members }) => members);
  return [membersOf(true), membersOf(false)];
}

/** Position in `members` of the sample with the nearest neighbours, the first one on ties. */
async function mostTypical(
  backend: Backend,
  vectors: Tensor<'f32'>,
  members: readonly number[],
  neighbours: number,
): Promise<number> {
  if (members.length < 2) return 0;
  const within = Math.min(neighbours, Math.floor(members.length / 2));
  const distances = await meanNeighbourDistance(backend, gatherRows(vectors, members), within);
  let best = 0;
  for (let i = 1; i < distances.length; i++) if (distances[i] < distances[best]) best = i;
  return best;
}
