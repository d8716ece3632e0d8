import type { Matrix } from '../../../graph/ops/axes.js';
import { resizeMatrices } from '../../../graph/ops/resizing.js';
import { product } from '../../../graph/ops/rules.js';
import { inOwnLayout } from '../elementwise.js';
import type { Op } from '../node_run.js';
import type { Tf, TfTensor } from '../value.js';
import { matrixProduct } from './linear.js';

/** Multiplies every line along `axis` by a matrix. */
function applied(tf: Tf, x: TfTensor, axis: number, m: Matrix): TfTensor {
  const lead = product(x.shape.slice(0, axis));
  const inner = product(x.shape.slice(axis + 1));
  const factor = tf.tensor(Float32Array.from(m.values), [m.rows, m.columns]);
  const dims = x.shape.map((dim, i) => (i === axis ? m.rows : dim));
  if (inner === 1) return tf.reshape(matrixProduct(tf, tf.reshape(x, [lead, m.columns]), factor, true), dims);
  return tf.reshape(matrixProduct(tf, factor, tf.reshape(x, [lead, m.columns, inner])), dims);
}

/** One matrix per axis: every mode of interpolation alike, and the same on every backend. */
const resized: Op = (run) => {
  const { tf, node } = run;
  const value = run.value(0);
  const perAxis = resizeMatrices(node, run.opset, value.dims, run.dims(), (index) => run.numbers(index));
  return inOwnLayout(value, (x, order) => {
    const steps = order(perAxis)
      .map((m, axis) => ({ m, axis }))
      .filter((step): step is { m: Matrix; axis: number } => step.m !== undefined)
      .sort((a, b) => a.m.rows / a.m.columns - b.m.rows / b.m.columns);
    return steps.length === 0 ? tf.clone(x) : steps.reduce((y, { m, axis }) => applied(tf, y, axis, m), x);
  });
};

export const resizing: Record<string, Op> = { Resize: resized, Upsample: resized };
