import type { Tf, TfTensor } from '../value.js';

/** Pads the spatial axes of a channels-last tensor; negative pads crop. */
export function framed(tf: Tf, x: TfTensor, begins: readonly number[], ends: readonly number[], value = 0): TfTensor {
  const grow = (pads: readonly number[]) => pads.map((pad) => Math.max(0, pad));
  const [before, after] = [grow(begins), grow(ends)];
  const some = [...before, ...after].some((pad) => pad > 0);
  const wide = some
    ? tf.pad(x, [[0, 0], ...before.map((pad, axis) => [pad, after[axis]] as [number, number]), [0, 0]], value)
    : x;
  if ([...begins, ...ends].every((pad) => pad >= 0)) return wide;
  const starts = [0, ...begins.map((pad) => Math.max(0, -pad)), 0];
  const sizes = wide.shape.map((size, axis) => {
    if (axis === 0 || axis > begins.length) return size;
    return size - starts[axis] - Math.max(0, -ends[axis - 1]);
  });
  return tf.slice(wide, starts, sizes);
}

/** Every n-th position along the spatial axes of a channels-last tensor. */
export function stepped(tf: Tf, x: TfTensor, strides: readonly number[]): TfTensor {
  if (strides.every((step) => step === 1)) return x;
  const zeros = x.shape.map(() => 0);
  return tf.stridedSlice(x, zeros, x.shape, [1, ...strides, 1]);
}

/** Puts `strides` − 1 zeros between neighbours along the spatial axes of a channels-last tensor. */
export function insertZeros(tf: Tf, x: TfTensor, strides: readonly number[]): TfTensor {
  return strides.reduce((y, step, i) => {
    if (step === 1) return y;
    const axis = i + 1;
    const size = y.shape[axis];
    const outer = y.shape.slice(0, axis).reduce((a, b) => a * b, 1);
    const inner = y.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const rows = tf.pad(tf.reshape(y, [outer * size, 1, inner]), [
      [0, 0],
      [0, step - 1],
      [0, 0],
    ]);
    const spread = tf.reshape(rows, [outer, size * step, inner]);
    // None after the last one.
    const length = (size - 1) * step + 1;
    const cut = tf.slice(spread, [0, 0, 0], [outer, length, inner]);
    return tf.reshape(cut, [...y.shape.slice(0, axis), length, ...y.shape.slice(axis + 1)]);
  }, x);
}
