import type { Tensor4D, Tensor5D } from '@tensorflow/tfjs-core';
import { windowsOf } from '../../../graph/ops/convolution.js';
import { turnedWindows } from '../../../graph/ops/transposed_convolution.js';
import { intAttribute } from '../../../graph/ir.js';
import type { NodeRun, Op } from '../node_run.js';
import type { Tf, TfTensor, Value } from '../value.js';
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

/** @param bias one per output channel */
function convolve(tf: Tf, x: TfTensor, filters: Filters, sliding: Sliding, bias?: TfTensor): TfTensor {
  const rank = x.shape.length - 2;
  // One spatial axis: a plane of height 1.
  if (rank === 1) return flat(tf, x, filters, sliding, bias);
  const { strides, dilations } = sliding;
  // TensorFlow.js does either strides or dilations: take every n-th of all windows.
  const apart = strides.some((s) => s > 1) && dilations.some((d) => d > 1);
  const step = apart ? strides.map(() => 1) : [...strides];
  const kept = (y: TfTensor) => (apart ? stepped(tf, y, strides) : y);
  const biased = (y: TfTensor) => (bias ? tf.add(y, bias) : y);
  const common = { strides: step as Pair, dilations: dilations as Pair, bias };
  if (rank === 2 && 'depthwise' in filters) {
    const image = framed(tf, x, sliding.begins, sliding.ends) as Tensor4D;
    const filter = filters.depthwise as Tensor4D;
    return kept(tf.fused.depthwiseConv2d({ x: image, filter, pad: 'valid', ...common }));
  }
  if ('depthwise' in filters) throw new Error('channels of a volume are convolved as groups');
  if (rank === 2 && filters.groups.length === 1) {
    const filter = filters.groups[0] as Tensor4D;
    return kept(tf.fused.conv2d({ filter, ...padding(tf, x, sliding), ...common }));
  }
  const padded = framed(tf, x, sliding.begins, sliding.ends);
  const one = (part: TfTensor, filter: TfTensor): TfTensor =>
    rank === 3
      ? tf.conv3d(part as Tensor5D, filter as Tensor5D, step as Triple, 'valid', 'NDHWC', dilations as Triple)
      : tf.conv2d(part as Tensor4D, filter as Tensor4D, step as Pair, 'valid', 'NHWC', dilations as Pair);
  if (filters.groups.length === 1) return biased(kept(one(padded, filters.groups[0])));
  const parts = tf.split(padded, filters.groups.length, rank + 1);
  const made = parts.map((part, g) => one(part, filters.groups[g]));
  return biased(kept(tf.concat(made, rank + 1)));
}

type ExplicitPad = [Pair, Pair, Pair, Pair];

/** Padding that the convolution does itself; what it cannot (crop, or any in the native library) is done beforehand. */
function padding(tf: Tf, x: TfTensor, { begins, ends }: Sliding): { x: Tensor4D; pad: 'valid' | ExplicitPad } {
  const none = [...begins, ...ends].every((pad) => pad === 0);
  const native = tf.getBackend() === 'tensorflow';
  if (none || native || [...begins, ...ends].some((pad) => pad < 0))
    return { x: framed(tf, x, begins, ends) as Tensor4D, pad: 'valid' };
  const pad: ExplicitPad = [
    [0, 0],
    [begins[0], ends[0]],
    [begins[1], ends[1]],
    [0, 0],
  ];
  return { x: x as Tensor4D, pad };
}

function flat(tf: Tf, x: TfTensor, filters: Filters, sliding: Sliding, bias?: TfTensor): TfTensor {
  const lifted = (filter: TfTensor) => tf.reshape(filter, [1, ...filter.shape]);
  const [batch, length, channels] = x.shape;
  const planes: Filters =
    'depthwise' in filters
      ? { depthwise: lifted(filters.depthwise) }
      : { groups: filters.groups.map((filter) => lifted(filter)) };
  const lifting: Sliding = {
    strides: [1, ...sliding.strides],
    dilations: [1, ...sliding.dilations],
    begins: [0, ...sliding.begins],
    ends: [0, ...sliding.ends],
  };
  const y = convolve(tf, tf.reshape(x, [batch, 1, length, channels]), planes, lifting, bias);
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

const biasOf = (run: NodeRun) => (run.has(2) ? run.x(2) : undefined);

export const convolution: Record<string, Op> = {
  Conv: (run) => {
    const { tf, node } = run;
    const [x, w] = [run.value(0), run.value(1)];
    const windows = windowsOf(node, x.dims.slice(2), w.dims.slice(2));
    const filters = filtersOf(tf, w, intAttribute(node, 'group', 1), false);
    return { last: convolve(tf, x.last(), filters, windows, biasOf(run)) };
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
    const sliding = { strides: ones, dilations, begins: before, ends: after };
    return { last: convolve(tf, apart, filters, sliding, biasOf(run)) };
  },
};
