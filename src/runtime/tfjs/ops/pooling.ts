import { intAttribute, intsAttribute } from '../../../graph/ir.js';
import { windowsOf, type Windows } from '../../../graph/ops/convolution.js';
import { windowCounts } from '../../../graph/ops/pooling.js';
import { tapsOf } from '../../../graph/ops/weight_gradient.js';
import { product, stridesOf } from '../../../graph/ops/rules.js';
import type { NodeRun, Op } from '../node_run.js';
import type { Result, Tf, TfTensor } from '../value.js';
import { framed, stepped } from './windows.js';

/** Lower than any activation, yet finite: GPUs may treat infinities as they like. */
const lowest = -3.4e38;

/** Windows with the end padding that they really reach into: `ceil_mode` may need more, leftover pixels less. */
function poolWindows(run: NodeRun): { windows: Windows; spatial: readonly number[]; ends: number[] } {
  const spatial = run.value(0).dims.slice(2);
  const kernel = intsAttribute(run.node, 'kernel_shape');
  if (!kernel) throw run.unsupported('kernel_shape is missing');
  const windows = windowsOf(run.node, spatial, kernel);
  const ends = windows.out.map((count, axis) => {
    const reach = (count - 1) * windows.strides[axis] + (kernel[axis] - 1) * windows.dilations[axis] + 1;
    return Math.max(0, reach - windows.begins[axis] - spatial[axis]);
  });
  return { windows, spatial, ends };
}

/** What each tap of the windows sees: one channels-last tensor per tap. */
function seen(tf: Tf, padded: TfTensor, windows: Windows): TfTensor[] {
  const { kernel, strides, dilations, out } = windows;
  return tapsOf(kernel).map((tap) => {
    const starts = [0, ...tap.map((t, axis) => t * dilations[axis]), 0];
    const sizes = padded.shape.map((size, axis) =>
      axis === 0 || axis > kernel.length ? size : (out[axis - 1] - 1) * strides[axis - 1] + 1,
    );
    return stepped(tf, tf.slice(padded, starts, sizes), strides);
  });
}

/** TensorFlow.js pools planes without dilation itself; anything else goes tap by tap. */
const isPlain = ({ kernel, dilations }: Windows) => kernel.length === 2 && dilations.every((d) => d === 1);

function averaged(tf: Tf, padded: TfTensor, windows: Windows): TfTensor {
  const { kernel, strides } = windows;
  if (isPlain(windows))
    return tf.avgPool(padded as never, kernel as [number, number], strides as [number, number], 'valid');
  const sum = seen(tf, padded, windows).reduce((a, b) => tf.add(a, b));
  return tf.div(sum, tf.scalar(product(kernel)));
}

/** The position in the whole input (channels first, flat) of each maximum, the first among equals. */
function indicesOf(run: NodeRun, padded: TfTensor, windows: Windows): TfTensor {
  const { tf } = run;
  const [, channels, ...spatial] = run.value(0).dims;
  if (intAttribute(run.node, 'storage_order', 0) === 1) throw run.unsupported('storage_order 1');
  const plane = stridesOf(spatial);
  const taps = tapsOf(windows.kernel);
  const offsets = taps.map((tap) => tap.reduce((at, t, axis) => at + t * windows.dilations[axis] * plane[axis], 0));
  let best: TfTensor | undefined;
  let at: TfTensor | undefined;
  seen(tf, padded, windows).forEach((value, i) => {
    const here = tf.fill(value.shape, offsets[i], 'int32');
    const better = best && tf.greater(value, best);
    at = better && at ? tf.where(better, here, at) : here;
    best = best ? tf.maximum(best, value) : value;
  });
  const [batch] = padded.shape;
  // Where each window begins, which may lie in the padding.
  const corners = windows.out.reduce<number[]>(
    (all, count, axis) =>
      all.flatMap((corner) =>
        Array.from(
          { length: count },
          (_, i) => corner + (i * windows.strides[axis] - windows.begins[axis]) * plane[axis],
        ),
      ),
    [0],
  );
  const planes = Array.from({ length: batch * channels }, (_, i) => i * product(spatial));
  const corner = tf.tensor(Int32Array.from(corners), [1, ...windows.out, 1], 'int32');
  const base = tf.tensor(Int32Array.from(planes), [batch, ...windows.out.map(() => 1), channels], 'int32');
  return tf.add(tf.add(at as TfTensor, corner), base);
}

function globally(reduce: (tf: Tf, x: TfTensor, axes: number[], run: NodeRun) => TfTensor): Op {
  return (run) => {
    const value = run.value(0);
    const shift = value.prefersLast ? 1 : 2;
    const axes = value.dims.slice(2).map((_, axis) => axis + shift);
    const result = reduce(run.tf, value.prefersLast ? value.last() : value.plain(), axes, run);
    return value.prefersLast ? { last: result } : result;
  };
}

/** (Σ|x|ᵖ)^(1/p) from Σ|x|ᵖ. */
function root(tf: Tf, sums: TfTensor, p: number): TfTensor {
  return p === 1 ? sums : p === 2 ? tf.sqrt(sums) : tf.pow(sums, tf.scalar(1 / p));
}

function power(tf: Tf, x: TfTensor, p: number): TfTensor {
  return p === 1 ? tf.abs(x) : p === 2 ? tf.square(x) : tf.pow(tf.abs(x), tf.scalar(p));
}

export const pooling: Record<string, Op> = {
  MaxPool: (run) => {
    const { tf } = run;
    const { windows, ends } = poolWindows(run);
    const padded = framed(tf, run.value(0).last(), windows.begins, ends, lowest);
    const { kernel, strides } = windows;
    const maxima: Result = {
      last: isPlain(windows)
        ? tf.maxPool(padded as never, kernel as [number, number], strides as [number, number], 'valid')
        : seen(tf, padded, windows).reduce((a, b) => tf.maximum(a, b)),
    };
    return run.node.outputs[1] ? [maxima, { last: indicesOf(run, padded, windows) }] : maxima;
  },
  AveragePool: (run) => {
    const { tf, node } = run;
    const { windows, spatial, ends } = poolWindows(run);
    const padded = framed(tf, run.value(0).last(), windows.begins, ends);
    const means = averaged(tf, padded, windows);
    const counts = windowCounts(windows, spatial, intAttribute(node, 'count_include_pad', 0) === 1);
    const area = product(windows.kernel);
    if (counts.every((count) => count === area)) return { last: means };
    const factors = tf.tensor(
      counts.map((count) => area / count),
      [1, ...windows.out, 1],
    );
    return { last: tf.mul(means, factors) };
  },
  LpPool: (run) => {
    const { tf, node } = run;
    const p = intAttribute(node, 'p', 2);
    const { windows, ends } = poolWindows(run);
    const powers = framed(tf, power(tf, run.value(0).last(), p), windows.begins, ends);
    const sums = tf.mul(averaged(tf, powers, windows), tf.scalar(product(windows.kernel)));
    return { last: root(tf, sums, p) };
  },
  GlobalAveragePool: globally((tf, x, axes) => tf.mean(x, axes, true)),
  GlobalMaxPool: globally((tf, x, axes) => tf.max(x, axes, true)),
  GlobalLpPool: globally((tf, x, axes, run) => {
    const p = intAttribute(run.node, 'p', 2);
    return root(tf, tf.sum(power(tf, x, p), axes, true), p);
  }),
};
