import { Rng } from '../../src/core/rng.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';

/** f32[N,D] from rows. */
export function points(...rows: number[][]): Tensor<'f32'> {
  return tensor('f32', [rows.length, rows[0].length], Float32Array.from(rows.flat()));
}

/** Standard normal f32[N,D], around one of `groups` means. */
export function randomPoints(rows: number, width: number, seed: number, groups = 1): Tensor<'f32'> {
  const rng = new Rng(seed, 'points', rows, width);
  const means = Array.from({ length: groups * width }, () => (groups > 1 ? 5 * rng.normal() : 0));
  return tensor(
    'f32',
    [rows, width],
    Float32Array.from({ length: rows * width }, (_, i) => {
      const group = Math.floor(i / width) % groups;
      return means[group * width + (i % width)] + rng.normal();
    }),
  );
}

/** Euclidean distance of two rows in float64. */
export function euclidean({ dims, data }: Tensor<'f32'>, i: number, j: number): number {
  let sum = 0;
  for (let k = 0; k < dims[1]; k++) sum += (data[i * dims[1] + k] - data[j * dims[1] + k]) ** 2;
  return Math.sqrt(sum);
}

export const indices = (...values: number[]) => Uint32Array.from(values);
