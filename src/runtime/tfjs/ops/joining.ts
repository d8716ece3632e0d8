import { intAttribute } from '../../../graph/ir.js';
import { splitAxis, splitSizes } from '../../../graph/ops/joining.js';
import { axisOf } from '../../../graph/ops/rules.js';
import type { Op } from '../node_run.js';
import { lastAxis } from '../value.js';

export const joining: Record<string, Op> = {
  Concat: (run) => {
    const { tf, node } = run;
    // TensorFlow.js does not join empty parts.
    const values = run.values().filter((value) => !value.dims.includes(0));
    if (values.length === 0) return tf.zeros(run.dims(), run.value(0).dtype as 'float32');
    const [{ rank }] = values;
    const axis = axisOf(intAttribute(node, 'axis', 1), rank);
    if (values.length === 1) return tf.clone(values[0].plain());
    const preferring = values.filter((value) => value.prefersLast).length;
    if (rank > 2 && 2 * preferring >= values.length) {
      return {
        last: tf.concat(
          values.map((value) => value.last()),
          lastAxis(axis, rank),
        ),
      };
    }
    return tf.concat(
      values.map((value) => value.plain()),
      axis,
    );
  },
  Split: (run) => {
    const { tf, node } = run;
    const value = run.value(0);
    const axis = splitAxis(node, value.rank);
    const sizes = splitSizes(node, value.dims[axis], run.numbers(1));
    if (sizes.length === 1) return [tf.clone(value.plain())];
    if (!value.prefersLast) return tf.split(value.plain(), sizes, axis);
    return tf.split(value.last(), sizes, lastAxis(axis, value.rank)).map((last) => ({ last }));
  },
  Tile: (run) => run.tf.tile(run.x(), run.numbers(1) ?? []),
};
