import type { Backend } from '../backend/index.js';
import { expectArgument } from '../core/errors.js';
import { tensor, type Tensor } from '../core/tensor.js';
import { metrics, pairwise } from '../kernels/pairwise.js';
import { checkedRows } from './rows.js';

/** Distances that are in memory at a time: 16 MB. */
const blockElements = 4 << 20;

/**
 * Mean Euclidean distance of each sample to its k nearest others, in blocks of rows: f64[N]. A copy of a sample is a
 * neighbour at distance 0; the sample itself is none.
 * @param embeddings f32[N,D], finite @param neighbours k, 1 … N − 1
 * @throws SightlineError E_SHAPE, E_ARGUMENT
 */
export async function meanNeighbourDistance(
  backend: Backend,
  embeddings: Tensor<'f32'>,
  neighbours: number,
): Promise<Float64Array> {
  const [rows, width] = checkedRows(embeddings, 'embeddings');
  const fits = Number.isSafeInteger(neighbours) && neighbours >= 1 && neighbours < rows;
  expectArgument(fits, 'neighbours', `a whole number from 1, below the ${rows} samples`, neighbours);
  const means = new Float64Array(rows);
  const block = Math.max(1, Math.floor(blockElements / rows));
  for (let from = 0; from < rows; from += block) {
    const count = Math.min(block, rows - from);
    const a = tensor('f32', [count, width], embeddings.data.subarray(from * width, (from + count) * width));
    const { distances } = await backend.run(pairwise, { a, b: embeddings }, { metric: metrics.l2 });
    for (let i = 0; i < count; i++) {
      const line = distances.data.subarray(i * rows, (i + 1) * rows);
      means[from + i] = meanOfSmallest(line, from + i, neighbours);
    }
  }
  return means;
}

/** Mean of the `count` smallest values, that at `skipped` left out. */
function meanOfSmallest(values: Float32Array, skipped: number, count: number): number {
  // Ascending; most values end at the first comparison.
  const smallest = new Float64Array(count).fill(Infinity);
  for (let j = 0; j < values.length; j++) {
    if (values[j] >= smallest[count - 1] || j === skipped) continue;
    let at = count - 1;
    for (; at > 0 && smallest[at - 1] > values[j]; at--) smallest[at] = smallest[at - 1];
    smallest[at] = values[j];
  }
  let sum = 0;
  for (let k = 0; k < count; k++) sum += smallest[k];
  return sum / count;
}
