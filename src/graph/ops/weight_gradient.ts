import type { Emitter } from '../emitter.js';
import type { Windows } from './convolution.js';
import { product } from './rules.js';

/** All offsets in a box of the given sizes, last axis fastest. */
export function tapsOf(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (all, size) => all.flatMap((tap) => Array.from({ length: size }, (_, i) => [...tap, i])),
    [[]],
  );
}

/**
 * Gradient of a convolution's weights [M,C/group,…kernel]: for every tap of the kernel one product of what arrived at
 * the windows with the pixels that the tap saw, summed over the batch. A transposed convolution has the same one, with
 * what arrived and what was read exchanged.
 * @param g [N,M,…out], one element per window
 * @param x [N,C,…spatial], what the windows slide over
 */
export function weightGradient(emit: Emitter, g: string, x: string, windows: Windows, group: number): string {
  const [batch, channels, ...spatial] = emit.dims(x);
  const features = emit.dims(g)[1];
  const { kernel, strides, dilations, begins, out } = windows;
  const lengths = out.map((n, axis) => (n - 1) * strides[axis] + 1);
  const needed = kernel.map((k, axis) => lengths[axis] + (k - 1) * dilations[axis]);
  const ends = needed.map((size, axis) => Math.max(0, size - begins[axis] - spatial[axis]));
  const padded = emit.pad(x, [0, 0, ...begins, 0, 0, ...ends]);
  const axes = spatial.map((_, axis) => axis + 2);
  const positions = product(out);
  const arrived = emit.reshape(g, [batch, group, features / group, positions]);
  const perTap = tapsOf(kernel).map((tap) => {
    const starts = tap.map((t, axis) => t * dilations[axis]);
    const stops = starts.map((start, axis) => start + lengths[axis]);
    const seen = emit.slice(padded, axes, starts, stops, strides);
    const columns = emit.transpose(emit.reshape(seen, [batch, group, channels / group, positions]), [0, 1, 3, 2]);
    const products = emit.reduceSum(emit.op('MatMul', [arrived, columns]), [0], false);
    return emit.reshape(products, [features, channels / group, 1]);
  });
  return emit.reshape(emit.concat(perTap, 2), [features, channels / group, ...kernel]);
}

/** Gradient of a bias that is added to every position of a channel. */
export function biasGradient(emit: Emitter, g: string): string {
  const axes = emit.dims(g).flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  return emit.reduceSum(g, axes, false);
}
