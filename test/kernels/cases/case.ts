import type { Op } from '../../../src/backend/index.js';
import { Rng } from '../../../src/core/rng.js';
import { tensor, type Tensor } from '../../../src/core/tensor.js';

/** One call of a kernel. The same list drives parity, degenerate input and the bench. */
export interface Case {
  name: string;
  inputs: Record<string, Tensor>;
  params?: Record<string, number>;
}

export interface KernelCases {
  op: Op;
  /** Hand-picked: degenerate content, adversarial sizes. */
  fixed: Case[];
  /** A random case; any seed. */
  random(seed: number): Case;
  /** A realistic size, for timing. */
  bench: () => Case;
}

export type Fill = (rng: Rng, i: number) => number;
export const uniform: Fill = (rng) => rng.uniform();
export const normal: Fill = (rng) => rng.normal();

export function f32(dims: number[], fill: Fill, seed = 1): Tensor<'f32'> {
  const rng = new Rng(seed, ...dims);
  return tensor(
    'f32',
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => fill(rng, i)),
  );
}

export function u8(dims: number[], fill: Fill, seed = 2): Tensor<'u8'> {
  const rng = new Rng(seed, ...dims);
  return tensor(
    'u8',
    dims,
    Uint8Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => fill(rng, i)),
  );
}

export const constant =
  (value: number): Fill =>
  () =>
    value;
export const withNaN =
  (at: number): Fill =>
  (rng, i) =>
    i === at ? NaN : rng.uniform();

/** The same tensor as an unaligned view into a larger array: `offset` elements in. */
export function view<T extends Tensor<'f32'> | Tensor<'u8'>>(t: T, offset: number): T {
  const Constructor = t.data.constructor as Float32ArrayConstructor;
  const whole = new Constructor(t.data.length + offset + 3);
  whole.set(t.data, offset);
  return { ...t, data: whole.subarray(offset, offset + t.data.length) } as T;
}

export function shared(t: Tensor<'f32'>): Tensor<'f32'> {
  const data = new Float32Array(new SharedArrayBuffer(t.data.byteLength));
  data.set(t.data);
  return { ...t, data };
}
