import { valuesOf } from '../../../graph/constant.js';
import { product } from '../../../graph/ops/rules.js';
import { partOf } from '../../../graph/ops/shaping.js';
import type { NodeRun, Op } from '../node_run.js';
import { dtypeOf, type Result } from '../value.js';

function filled({ tf, node }: NodeRun, dims: number[]): Result {
  const value = node.attributes.value;
  const constant = value?.kind === 'tensor' ? value.value : undefined;
  if (!constant) return tf.zeros(dims);
  return tf.fill(dims, valuesOf(constant)[0], dtypeOf(constant.type) === 'float32' ? 'float32' : 'int32');
}

/** What is left of these ops where shape inference has not made constants of them. */
export const shaping: Record<string, Op> = {
  Shape: (run) => {
    const dims = partOf(run.node, run.value(0).dims);
    return run.tf.tensor1d(Int32Array.from(dims), 'int32');
  },
  Size: (run) => run.tf.scalar(product(run.value(0).dims), 'int32'),
  ConstantOfShape: (run) => filled(run, run.dims()),
};
