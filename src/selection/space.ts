import type { Backend } from '../backend/index.js';
import { uninitialised, type Tensor } from '../core/tensor.js';
import { nearest } from '../kernels/nearest.js';
import { metrics, pairwise } from '../kernels/pairwise.js';
import { checkedRows, gatherRows } from './rows.js';

/**
 * Samples among which batch selections measure squared Euclidean distances; the vectors themselves need not exist. One call
 * at a time.
 */
export interface SelectionSpace {
  /** Samples, N. */
  readonly size: number;
  /** Squared distances between all samples and the named ones: f32[N,M], valid until the next call. */
  squaredTo(rows: Uint32Array): Promise<Float32Array>;
  /** Squared distance of every sample to the nearest of the named ones, Infinity where none is named: f64[N]. */
  squaredToNearest(rows: Uint32Array): Promise<Float64Array>;
  /** Squared length of every sample's vector: f64[N]. */
  squaredLengths(): Float64Array;
  /** The named samples alone, copied, in that order. */
  subset(rows: Uint32Array): SelectionSpace;
}

/**
 * Distances between rows. Needs the embeddings and a few numbers per row, never N × N.
 * @param embeddings f32[N,D], finite
 * @throws SightlineError E_SHAPE, E_ARGUMENT
 */
export function embeddingSpace(backend: Backend, embeddings: Tensor<'f32'>): SelectionSpace {
  checkedRows(embeddings, 'embeddings');
  return rowSpace(backend, embeddings);
}

function rowSpace(backend: Backend, embeddings: Tensor<'f32'>): SelectionSpace {
  const [size, width] = embeddings.dims;
  let distances = uninitialised('f32', [size, 1]);
  return {
    size,
    async squaredTo(rows) {
      if (distances.dims[1] !== rows.length) distances = uninitialised('f32', [size, rows.length]);
      const b = gatherRows(embeddings, rows);
      await backend.run(pairwise, { a: embeddings, b }, { metric: metrics.squared }, { into: { distances } });
      return distances.data;
    },
    async squaredToNearest(rows) {
      if (!rows.length) return new Float64Array(size).fill(Infinity);
      const centres = gatherRows(embeddings, rows);
      const found = await backend.run(nearest, { a: embeddings, centres }, { metric: metrics.squared });
      return Float64Array.from(found.distance.data);
    },
    squaredLengths: () => squaredLengths(embeddings.data, size, width),
    subset: (rows) => rowSpace(backend, gatherRows(embeddings, rows)),
  };
}

/** Σ x² of every row in float64. */
export function squaredLengths(data: Float32Array, rows: number, width: number): Float64Array {
  const out = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    for (let k = i * width; k < (i + 1) * width; k++) out[i] += data[k] * data[k];
  }
  return out;
}

/** `squaredToNearest` through `squaredTo`, in portions whose matrix stays below 16 MB (or has one column). */
export async function squaredToNearestInPortions(space: SelectionSpace, rows: Uint32Array): Promise<Float64Array> {
  const best = new Float64Array(space.size).fill(Infinity);
  const portion = Math.max(1, Math.min(64, Math.floor((4 << 20) / Math.max(1, space.size))));
  for (let from = 0; from < rows.length; from += portion) {
    const some = rows.subarray(from, from + portion);
    const squared = await space.squaredTo(some);
    for (let i = 0; i < space.size; i++) {
      for (let j = i * some.length; j < (i + 1) * some.length; j++) best[i] = Math.min(best[i], squared[j]);
    }
  }
  return best;
}
