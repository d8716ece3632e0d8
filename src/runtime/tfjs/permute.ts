import { cast } from './cast.js';
import type { Tf, TfTensor } from './value.js';

/**
 * Transposes with as few axes as it takes: axes of size 1 and axes that stay neighbours count as one, and what then
 * stays in order is only a new shape. Backends have fast paths, and limits, by rank.
 */
export function permute(tf: Tf, x: TfTensor, perm: readonly number[]): TfTensor {
  const dims = perm.map((axis) => x.shape[axis]);
  const long = perm.filter((axis) => x.shape[axis] !== 1);
  const runs: number[][] = [];
  for (const axis of long) {
    const run = runs[runs.length - 1];
    const follows = run && !between(run[run.length - 1], axis).some((skipped) => x.shape[skipped] !== 1);
    if (follows && axis > run[run.length - 1]) run.push(axis);
    else runs.push([axis]);
  }
  if (runs.length <= 1) return tf.reshape(x, dims);
  const inOrder = [...runs].sort((a, b) => a[0] - b[0]);
  const sizes = inOrder.map((run) => run.reduce((size, axis) => size * x.shape[axis], 1));
  const merged = tf.reshape(x, sizes);
  const order = runs.map((run) => inOrder.indexOf(run));
  const moved = tf.getBackend() === 'webgpu' ? throughFloats(tf, merged, order) : tf.transpose(merged, order);
  return tf.reshape(moved, dims);
}

/** Axes strictly between two. */
function between(a: number, b: number): number[] {
  return Array.from({ length: Math.max(0, b - a - 1) }, (_, i) => a + 1 + i);
}

/** TensorFlow.js's WebGPU shader transposes floats only. Integers here are positions, far below the exact 2²⁴. */
function throughFloats(tf: Tf, x: TfTensor, order: number[]): TfTensor {
  if (x.dtype === 'float32') return tf.transpose(x, order);
  const moved = tf.transpose(cast(tf, x, 'float32'), order);
  return cast(tf, moved, x.dtype as 'int32' | 'bool');
}
