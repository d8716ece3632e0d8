import type { Tensor4D, Tensor5D } from '@tensorflow/tfjs-core';
import { windowsOf } from '../../../graph/ops/convolution.js';
import { turnedWindows } from '../../../graph/ops/transposed_convolution.js';
import { intAttribute } from '../../../graph/ir.js';
import type { NodeRun, Op } from '../node_run.js';
import { type Result, type Tf, type TfTensor, type Value } from '../value.js';
import { framed, insertZeros, stepped } from './windows.js';

type Pair = [number, number];
type Triple = [number, number, number];

interface Sliding {
  strides: readonly number[];
  dilations: readonly number[];
  begins: readonly number[];
  ends: readonly number[];
}

/** Filters of each group [...kernel, in, out]; one [...kernel, channels, multiplier] where every group is one channel. */
type Filters = { depthwise: TfTensor } | { groups: TfTensor[] };

/** Kernels that TensorFlow.js does not slide itself get all their padding beforehand. */
function convolve(tf: Tf, x: TfTensor, filters: Filters, sliding: Sliding): TfTensor {
  const rank = x.shape.length - 2;
  // One spatial axis: a plane of height 1.
  if (rank === 1) return flat(tf, x, filters, sliding);
  const padded = framed(tf, x, sliding.begins, sliding.ends);
  const { strides, dilations } = sliding;
  // TensorFlow.js does either strides or dilations: take every n-th of all windows.
  const apart = strides.some((s) => s > 1) && dilations.some((d) => d > 1);
  const steps = apart ? strides.map(() => 1) : [...strides];
  const one = (part: TfTensor, filter: TfTensor): TfTensor =>
    rank === 3
      ? tf.conv3d(part as Tensor5D, filter as Tensor5D, steps as Triple, 'valid', 'NDHWC', dilations as Triple)
      : tf.conv2d(part as Tensor4D, filter as Tensor4D, steps as Pair, 'valid', 'NHWC', dilations as Pair);
  let y: TfTensor;
  if ('depthwise' in filters) {
    const [image, filter] = [padded as Tensor4D, filters.depthwise as Tensor4D];
    y = tf.depthwiseConv2d(image, filter, steps as Pair, 'valid', 'NHWC', dilations as Pair);
  } else if (filters.groups.length === 1) y = one(padded, filters.groups[0]);
  else {
    const parts = tf.split(padded, filters.groups.length, rank + 1);
    y = tf.concat(
      parts.map((part, g) => one(part, filters.groups[g])),
      rank + 1,
    );
  }
  return apart ? stepped(tf, y, strides) : y;
}

function flat(tf: Tf, x: TfTensor, filters: Filters, sliding: Sliding): TfTensor {
  const lifted = (filter: TfTensor) => tf.reshape(filter, [1, ...filter.shape]);
  const [batch, length, channels] = x.shape;
  const planes: Filters =
    'depthwise' in filters
      ? { depthwise: lifted(filters.depthwise) }
      : { groups: filters.groups.map((filter) => lifted(filter)) };
  const y = convolve(tf, tf.reshape(x, [batch, 1, length, channels]), planes, {
    strides: [1, ...sliding.strides],
    dilations: [1, ...sliding.dilations],
    begins: [0, ...sliding.begins],
    ends: [0, ...sliding.ends],
  });
  return tf.reshape(y, [batch, ...y.shape.slice(2)]);
}

/**
 * Weights [M, C/group, …kernel] as TensorFlow.js filters, made once for a constant.
 * @param turned weights [C, M/group, …kernel] of a transposed convolution, whose kernel is flipped
 */
function filtersOf(tf: Tf, weights: Value, group: number, turned: boolean): Filters {
  const [outer, inner, ...kernel] = weights.dims;
  const axes = kernel.map((_, axis) => axis);
  const spatial = axes.map((axis) => axis + 2);
  const key = `${turned ? 'turned ' : ''}filter of ${group}`;
  const channels = turned ? outer / group : inner;
  const made = (w: TfTensor) =>
    turned ? tf.reverse(tf.transpose(w, [...spatial, 0, 1]), axes) : tf.transpose(w, [...spatial, 1, 0]);
  if (channels === 1 && group > 1 && kernel.length < 3) {
    const multiplier = turned ? inner : outer / group;
    return {
      depthwise: weights.derived(`${key} depthwise`, (w) => tf.reshape(made(w), [...kernel, group, multiplier])),
    };
  }
  const size = outer / group;
  const part = (w: TfTensor, g: number) =>
    group === 1 ? w : tf.slice(w, [g * size, ...weights.dims.slice(1).map(() => 0)], [size, ...weights.dims.slice(1)]);
  return {
    groups: Array.from({ length: group }, (_, g) => weights.derived(`${key}, ${g}`, (w) => made(part(w, g)))),
  };
}

function withBias(run: NodeRun, y: TfTensor): Result {
  return { last: run.has(2) ? run.tf.add(y, run.x(2)) : y };
}

export const convolution: Record<string, Op> = {
  Conv: (run) => {
    const { tf, node } = run;
    const [x, w] = [run.value(0), run.value(1)];
    const windows = windowsOf(node, x.dims.slice(2), w.dims.slice(2));
    const filters = filtersOf(tf, w, intAttribute(node, 'group', 1), false);
    return withBias(run, convolve(tf, x.last(), filters, windows));
  },
  /** A convolution over the input with zeros between its pixels, by the flipped kernel. */
  ConvTranspose: (run) => {
    const { tf, node } = run;
    const [x, w] = [run.value(0), run.value(1)];
    const spatial = x.dims.slice(2);
    const { kernel, strides, dilations, begins, size } = turnedWindows(node, spatial, w.dims.slice(2));
    const reach = kernel.map((k, axis) => (k - 1) * dilations[axis]);
    const before = reach.map((r, axis) => r - begins[axis]);
    const spread = spatial.map((n, axis) => (n - 1) * strides[axis] + 1);
    const after = size.map((n, axis) => n + reach[axis] - before[axis] - spread[axis]);
    const filters = filtersOf(tf, w, intAttribute(node, 'group', 1), true);
    const apart = insertZeros(tf, x.last(), strides);
    const ones = strides.map(() => 1);
    return withBias(run, convolve(tf, apart, filters, { strides: ones, dilations, begins: before, ends: after }));
  },
};
