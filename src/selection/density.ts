import { expectArgument, SightlineError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import { checkedRows } from './rows.js';

/**
 * Mean cosine similarity of each sample to all samples of the pool, itself included: f64[N], −1 … 1. Since the mean of
 * x·y over y is x · mean(y), it takes two passes over the unit vectors rather than N² products. A row of zeros is like no
 * other: it counts as 0.
 * @param embeddings f32[N,D], finite @param pool samples to be like, f32[M,D]; by default the same
 * @throws SightlineError E_SHAPE, E_ARGUMENT
 */
export function meanCosine(embeddings: Tensor<'f32'>, pool: Tensor<'f32'> = embeddings): Float64Array {
  const [rows, width] = checkedRows(embeddings, 'embeddings');
  const [others, depth] = pool === embeddings ? [rows, width] : checkedRows(pool, 'pool');
  if (depth !== width) {
    throw new SightlineError('E_SHAPE', { where: 'pool', what: `expected ${width} columns, received ${depth}` });
  }
  const mean = new Float64Array(width);
  for (let i = 0; i < others; i++) {
    const scale = 1 / (lengthOf(pool.data, i * width, width) || Infinity) / others;
    for (let k = 0; k < width; k++) mean[k] += pool.data[i * width + k] * scale;
  }
  return Float64Array.from({ length: rows }, (_, i) => {
    let dot = 0;
    for (let k = 0; k < width; k++) dot += embeddings.data[i * width + k] * mean[k];
    return dot / (lengthOf(embeddings.data, i * width, width) || Infinity);
  });
}

/**
 * Information density (Settles and Craven, "An Analysis of Active Learning Strategies for Sequence Labeling Tasks", EMNLP
 * 2008): a score times (mean similarity to the pool)^β, so that outliers are not asked for. With the predictive entropy it is
 * density-weighted entropy. A mean similarity below 0 counts as 0.
 * @param scores f64[N], from 0; NaN stays NaN @param similarity f64[N], as of `meanCosine` @param beta from 0; 0: no weight
 * @throws SightlineError E_ARGUMENT, E_SHAPE
 */
export function informationDensity(scores: Float64Array, similarity: Float64Array, beta = 1): Float64Array {
  expectArgument(beta >= 0 && beta < Infinity, 'beta', 'a number from 0', beta);
  if (scores.length !== similarity.length) {
    const what = `expected one for each of ${scores.length} scores, received ${similarity.length}`;
    throw new SightlineError('E_SHAPE', { where: 'similarity', what });
  }
  return scores.map((score, i) => score * Math.max(0, similarity[i]) ** beta);
}

function lengthOf(data: Float32Array, from: number, width: number): number {
  let squares = 0;
  for (let k = from; k < from + width; k++) squares += data[k] * data[k];
  return Math.sqrt(squares);
}
