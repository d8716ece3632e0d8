import { cast } from '../cast.js';
import { intAttribute } from '../../../graph/ir.js';
import { axisOf, product } from '../../../graph/ops/rules.js';
import type { Op } from '../node_run.js';
import { permute } from '../permute.js';
import type { Tf, TfTensor } from '../value.js';

/** Before operator set 13 everything from the axis on was one row. */
function along(make: (tf: Tf, x: TfTensor) => TfTensor): Op {
  return (run) => {
    const { tf, node } = run;
    const value = run.value(0);
    const flattens = run.opset < 13;
    const axis = axisOf(intAttribute(node, 'axis', flattens ? 1 : -1), value.rank);
    const last = value.rank - 1;
    if (flattens && axis < last) {
      const rows = [product(value.dims.slice(0, axis)), product(value.dims.slice(axis))];
      return tf.reshape(make(tf, tf.reshape(value.plain(), rows)), [...value.dims]);
    }
    if (axis === 1 && value.prefersLast) return { last: make(tf, value.last()) };
    if (axis === last) return make(tf, value.plain());
    // An exchange of two axes is its own inverse.
    const perm = value.dims.map((_, i) => (i === axis ? last : i === last ? axis : i));
    return permute(tf, make(tf, permute(tf, value.plain(), perm)), perm);
  };
}

export const softmax: Record<string, Op> = {
  Softmax: along((tf, x) => tf.softmax(x)),
  LogSoftmax: along((tf, x) => tf.logSoftmax(x)),
  Hardmax: along((tf, x) => cast(tf, tf.oneHot(tf.argMax(x, -1) as never, x.shape[x.rank - 1]), 'float32')),
};
