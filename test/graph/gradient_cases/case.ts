import { sizeOf } from '../../../src/core/tensor.js';
import type { Rng } from '../../../src/core/rng.js';
import type { AttributeValue, Emitter } from '../../../src/graph/emitter.js';

export interface Build {
  emit: Emitter;
  x: string;
  constant(dims: readonly number[], values?: readonly number[]): string;
}

/** One gradient to check: a scalar export function of x, and where its kinks are. */
export interface Case {
  name: string;
  dims: readonly number[];
  build: (b: Build) => string;
  opset?: number;
  /** Distance from a kink at which an element is left out; x → list of values that must not be near zero. */
  kinks?: readonly number[];
  /** Values of x are drawn from [low, high]. */
  range?: readonly [number, number];
  /** Distinct values at least this far apart, for ops that compare elements. */
  spaced?: number;
}

export function random(
  rng: Rng,
  dims: readonly number[],
  [low, high]: readonly [number, number] = [-2, 2],
): Float32Array {
  return Float32Array.from({ length: sizeOf(dims) }, () => low + (high - low) * rng.uniform());
}

export function op(
  name: string,
  dims: readonly number[],
  attributes: Record<string, AttributeValue> = {},
  more: Partial<Case> = {},
): Case {
  return { name, dims, build: ({ emit, x }) => emit.op(name.split(' ')[0], [x], attributes), ...more };
}

export function conv(
  name: string,
  dims: readonly number[],
  weights: readonly number[],
  attributes: Record<string, AttributeValue>,
): Case {
  return {
    name: `Conv ${name}`,
    dims,
    build: ({ emit, x, constant }) => emit.op('Conv', [x, constant(weights)], attributes),
  };
}

/** [N,C,H,W] of most cases: odd and even sizes. */
export const image = [2, 3, 7, 6];
export const kernel3 = { kernel_shape: [3, 3] };
