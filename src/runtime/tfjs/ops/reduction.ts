import { intAttribute } from '../../../graph/ir.js';
import { axesOf } from '../../../graph/ops/reduction.js';
import { axisOf } from '../../../graph/ops/rules.js';
import type { NodeRun, Op } from '../node_run.js';
import { lastAxis, type Tf, type TfTensor } from '../value.js';

type Reduce = (tf: Tf, x: TfTensor, axes: number[], keepdims: boolean) => TfTensor;

/** Reduces in the layout that the value has, where the result comes out in one of the two layouts too. */
function reducing(reduce: Reduce): Op {
  return (run) => {
    const value = run.value(0);
    const axes = axesOf(run.node, value.rank, run.numbers(1));
    const keepdims = intAttribute(run.node, 'keepdims', 1) === 1;
    if (axes.length === 0) return reduce(run.tf, value.plain(), [], true);
    if (!value.prefersLast || !keepdims) return reduce(run.tf, value.plain(), axes, keepdims);
    const own = axes.map((axis) => lastAxis(axis, value.rank));
    return { last: reduce(run.tf, value.last(), own, true) };
  };
}

/** Reducing no axes maps each element. */
const each =
  (none: (tf: Tf, x: TfTensor) => TfTensor, some: Reduce): Reduce =>
  (tf, x, axes, keepdims) =>
    axes.length === 0 ? none(tf, x) : some(tf, x, axes, keepdims);

const same = (tf: Tf, x: TfTensor) => tf.clone(x);

/** Position of the first extreme, or of the last. */
function argument(best: 'argMax' | 'argMin'): Op {
  return (run: NodeRun) => {
    const { tf, node } = run;
    const value = run.value(0);
    const axis = axisOf(intAttribute(node, 'axis', 0), value.rank);
    const fromEnd = intAttribute(node, 'select_last_index', 0) === 1;
    const x = fromEnd ? tf.reverse(value.plain(), axis) : value.plain();
    const found = tf[best](x, axis);
    const at = fromEnd ? tf.sub(tf.scalar(value.dims[axis] - 1, 'int32'), found) : found;
    return intAttribute(node, 'keepdims', 1) === 1 ? tf.expandDims(at, axis) : at;
  };
}

export const reduction: Record<string, Op> = {
  ReduceMean: reducing(each(same, (tf, x, axes, keep) => tf.mean(x, axes, keep))),
  ReduceSum: reducing(each(same, (tf, x, axes, keep) => tf.sum(x, axes, keep))),
  ReduceProd: reducing(each(same, (tf, x, axes, keep) => tf.prod(x, axes, keep))),
  ReduceMax: reducing(each(same, (tf, x, axes, keep) => tf.max(x, axes, keep))),
  ReduceMin: reducing(each(same, (tf, x, axes, keep) => tf.min(x, axes, keep))),
  ReduceL1: reducing(
    each(
      (tf, x) => tf.abs(x),
      (tf, x, axes, keep) => tf.sum(tf.abs(x), axes, keep),
    ),
  ),
  ReduceL2: reducing(
    each(
      (tf, x) => tf.abs(x),
      (tf, x, axes, keep) => tf.sqrt(tf.sum(tf.square(x), axes, keep)),
    ),
  ),
  ReduceLogSum: reducing(
    each(
      (tf, x) => tf.log(x),
      (tf, x, axes, keep) => tf.log(tf.sum(x, axes, keep)),
    ),
  ),
  ReduceLogSumExp: reducing(each(same, (tf, x, axes, keep) => tf.logSumExp(x, axes, keep))),
  ReduceSumSquare: reducing(
    each(
      (tf, x) => tf.square(x),
      (tf, x, axes, keep) => tf.sum(tf.square(x), axes, keep),
    ),
  ),
  ArgMax: argument('argMax'),
  ArgMin: argument('argMin'),
};
