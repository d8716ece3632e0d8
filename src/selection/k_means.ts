import type { Backend } from '../backend/index.js';
import { expectArgument, SightlineError } from '../core/errors.js';
import { withDefaults } from '../core/options.js';
import { Rng } from '../core/rng.js';
import type { Tensor } from '../core/tensor.js';
import { nearest } from '../kernels/nearest.js';
import { metrics } from '../kernels/pairwise.js';
import { CentroidSums } from './centroid_sums.js';
import { drawByDistance } from './distance_sampling.js';
import { checkedRows, gatherRows } from './rows.js';
import { embeddingSpace } from './space.js';

export interface KMeansOptions {
  seed: number;
  /** Seedings that are tried; the one with the smallest inertia counts. */
  restarts: number;
  maxIterations: number;
  /** Ends once Σ of the centres' squared shifts is at most this share of the columns' mean variance. */
  tolerance: number;
}

/** scikit-learn's, one restart with k-means++. */
export const defaultKMeans: KMeansOptions = { seed: 0, restarts: 1, maxIterations: 300, tolerance: 1e-4 };

export interface Clustering {
  /** Cluster of each sample: u32[N]. */
  labels: Uint32Array;
  /** f32[K,D]. */
  centres: Tensor<'f32'>;
  /** Squared distance of each sample to its centre: f64[N]. */
  squaredDistances: Float64Array;
  /** Σ squaredDistances. */
  inertia: number;
  iterations: number;
}

/**
 * k-means: Lloyd's iterations ("Least squares quantization in PCM", 1982) from greedy k-means++ seedings (2 + ⌊ln K⌋ trials).
 * As scikit-learn's KMeans: the same objective, the same end, and a cluster that loses its last sample moves to the sample
 * farthest from its centre. Ties go to the first cluster and the first sample; one seed gives one result on any number of
 * threads. Memory: K·D and a few numbers per sample.
 * @param embeddings f32[N,D], finite @param clusters K, 1 … N
 * @throws SightlineError E_SHAPE, E_ARGUMENT
 */
export async function kMeans(
  backend: Backend,
  embeddings: Tensor<'f32'>,
  clusters: number,
  given: Partial<KMeansOptions> = {},
): Promise<Clustering> {
  const options = withDefaults(given, defaultKMeans, 'options of k-means');
  const space = embeddingSpace(backend, embeddings);
  const { seed, restarts } = options;
  const fits = Number.isSafeInteger(clusters) && clusters >= 1 && clusters <= space.size;
  expectArgument(fits, 'clusters', `a whole number from 1 to the number of samples, ${space.size}`, clusters);
  expectArgument(Number.isSafeInteger(restarts) && restarts >= 1, 'restarts', 'a whole number from 1', restarts);
  const trials = 2 + Math.floor(Math.log(clusters));
  let best: Clustering | undefined;
  for (let restart = 0; restart < restarts; restart++) {
    const rows = await drawByDistance(space, clusters, new Rng(seed, 'k-means', restart), { trials });
    const found = await lloyd(backend, embeddings, gatherRows(embeddings, rows), options);
    if (!best || found.inertia < best.inertia) best = found;
  }
  return best!;
}

/** k-means from given centres, f32[K,D]; they are not written to. @throws SightlineError E_SHAPE, E_ARGUMENT */
export async function kMeansFrom(
  backend: Backend,
  embeddings: Tensor<'f32'>,
  centres: Tensor<'f32'>,
  given: Partial<Omit<KMeansOptions, 'seed' | 'restarts'>> = {},
): Promise<Clustering> {
  const [, width] = checkedRows(embeddings, 'embeddings');
  const [clusters, depth] = checkedRows(centres, 'centres');
  if (depth !== width || clusters === 0) {
    const what = `expected [K,${width}] with K from 1, received [${clusters},${depth}]`;
    throw new SightlineError('E_SHAPE', { where: 'centres', what });
  }
  return lloyd(backend, embeddings, centres, withDefaults(given, defaultKMeans, 'options of k-means'));
}

/** For each cluster the sample nearest to its centre, the first one on ties; −1 for a cluster without samples: i32[K]. */
export function nearestToCentres({ labels, squaredDistances, centres }: Clustering): Int32Array {
  const rows = new Int32Array(centres.dims[0]).fill(-1);
  for (const [row, label] of labels.entries()) {
    if (rows[label] < 0 || squaredDistances[row] < squaredDistances[rows[label]]) rows[label] = row;
  }
  return rows;
}

async function lloyd(
  backend: Backend,
  embeddings: Tensor<'f32'>,
  start: Tensor<'f32'>,
  { maxIterations, tolerance }: Pick<KMeansOptions, 'maxIterations' | 'tolerance'>,
): Promise<Clustering> {
  const whole = Number.isSafeInteger(maxIterations) && maxIterations >= 1;
  expectArgument(whole, 'maxIterations', 'a whole number from 1', maxIterations);
  expectArgument(tolerance >= 0 && tolerance < Infinity, 'tolerance', 'a number from 0', tolerance);
  const enough = tolerance * meanVariance(embeddings);
  const sums = new CentroidSums(embeddings, start.dims[0]);
  const assign = (to: Tensor<'f32'>) =>
    backend.run(nearest, { a: embeddings, centres: to }, { metric: metrics.squared });
  let centres = start;
  let found = await assign(centres);
  let iterations = 0;
  for (let settled = false; !settled && iterations < maxIterations; iterations++) {
    const labels = found.index.data;
    const next = sums.centres(labels, found.distance.data, centres);
    const shift = squaredShift(centres.data, next.data);
    centres = next;
    found = await assign(centres);
    settled = shift <= enough || found.index.data.every((label, i) => label === labels[i]);
  }
  const labels = found.index.data;
  const squaredDistances = distancesToOwn(embeddings, centres, labels);
  return { labels, centres, squaredDistances, inertia: squaredDistances.reduce((a, b) => a + b, 0), iterations };
}

function squaredShift(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return sum;
}

function distancesToOwn({ dims, data }: Tensor<'f32'>, centres: Tensor<'f32'>, labels: Uint32Array): Float64Array {
  const [rows, width] = dims;
  const out = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    const at = labels[i] * width;
    for (let k = 0; k < width; k++) out[i] += (data[i * width + k] - centres.data[at + k]) ** 2;
  }
  return out;
}

/** Mean over columns of the population variance. */
function meanVariance({ dims, data }: Tensor<'f32'>): number {
  const [rows, width] = dims;
  const mean = new Float64Array(width);
  for (let i = 0; i < data.length; i += width) for (let k = 0; k < width; k++) mean[k] += data[i + k] / rows;
  let squares = 0;
  for (let i = 0; i < data.length; i += width) for (let k = 0; k < width; k++) squares += (data[i + k] - mean[k]) ** 2;
  return data.length ? squares / data.length : 0;
}
