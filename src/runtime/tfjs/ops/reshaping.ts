import { intAttribute, stringAttribute } from '../../../graph/ir.js';
import { permOf } from '../../../graph/ops/reshaping.js';
import { broadcast } from '../../../graph/ops/rules.js';
import type { NodeRun, Op } from '../node_run.js';
import { permute } from '../permute.js';
import type { Result, Tf, TfTensor } from '../value.js';

/** The same elements in the same order: the inferred shape says which. */
const renaming: Op = (run) => run.tf.reshape(run.x(), run.dims());

/** Blocks of channels to pixels: [N, C·b², H, W] → [N, C, H·b, W·b]. */
function depthToSpace(tf: Tf, x: TfTensor, block: number, columnsFirst: boolean): TfTensor {
  const [batch, depth, height, width] = x.shape;
  const channels = depth / block ** 2;
  const split = columnsFirst
    ? [batch, channels, block, block, height, width]
    : [batch, block, block, channels, height, width];
  const perm = columnsFirst ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2];
  return tf.reshape(inSteps(tf, tf.reshape(x, split), perm), [batch, channels, height * block, width * block]);
}

function spaceToDepth(tf: Tf, x: TfTensor, block: number): TfTensor {
  const [batch, channels, height, width] = x.shape;
  const split = [batch, channels, height / block, block, width / block, block];
  const dims = [batch, channels * block ** 2, height / block, width / block];
  return tf.reshape(inSteps(tf, tf.reshape(x, split), [0, 3, 5, 1, 2, 4]), dims);
}

/** A permutation of six axes whose first stays: sample by sample it has five, which every backend can do. */
function inSteps(tf: Tf, x: TfTensor, perm: number[]): TfTensor {
  const [batch, ...dims] = x.shape;
  const inner = perm.slice(1).map((axis) => axis - 1);
  const parts = tf.split(x, batch, 0).map((part) => {
    const moved = permute(tf, tf.reshape(part, dims), inner);
    return tf.reshape(moved, [1, ...moved.shape]);
  });
  return parts.length === 1 ? parts[0] : tf.concat(parts, 0);
}

function transposed(run: NodeRun): Result {
  const { tf } = run;
  const value = run.value(0);
  const perm = permOf(run, value.rank);
  const is = (other: readonly number[]) => perm.length > 2 && perm.every((axis, i) => axis === other[i]);
  const axes = value.dims.map((_, axis) => axis);
  // To channels last and back: the layout that the value has already, or that the result may keep.
  if (is([0, ...axes.slice(2), 1]) && value.prefersLast) return tf.clone(value.last());
  if (is([0, value.rank - 1, ...axes.slice(1, -1)])) return { last: tf.clone(value.plain()) };
  return permute(tf, value.plain(), perm);
}

export const reshaping: Record<string, Op> = {
  Reshape: renaming,
  Flatten: renaming,
  Squeeze: renaming,
  Unsqueeze: renaming,
  Transpose: transposed,
  Expand: (run) => {
    const value = run.value(0);
    const dims = broadcast(value.dims, run.numbers(1) ?? []);
    return run.tf.broadcastTo(value.plain(), dims as never);
  },
  DepthToSpace: (run) =>
    depthToSpace(
      run.tf,
      run.x(),
      intAttribute(run.node, 'blocksize', 1),
      stringAttribute(run.node, 'mode', 'DCR') === 'CRD',
    ),
  SpaceToDepth: (run) => spaceToDepth(run.tf, run.x(), intAttribute(run.node, 'blocksize', 1)),
};
