import { cast } from '../cast.js';
import { intAttribute } from '../../../graph/ir.js';
import { axisOf } from '../../../graph/ops/rules.js';
import type { NodeRun, Op } from '../node_run.js';
import type { TfTensor } from '../value.js';

/** A scale or zero point per tensor, or per slice along an axis. */
function spread(run: NodeRun, index: number): TfTensor {
  const { tf } = run;
  const parameter = cast(tf, run.x(index), 'float32');
  const { rank } = run.value(0);
  if (parameter.size === 1) return tf.reshape(parameter, []);
  if (parameter.rank !== 1) throw run.unsupported('it is quantised in blocks');
  const axis = axisOf(intAttribute(run.node, 'axis', 1), rank);
  return tf.reshape(
    parameter,
    Array.from({ length: rank }, (_, i) => (i === axis ? parameter.size : 1)),
  );
}

export const quantisation: Record<string, Op> = {
  QuantizeLinear: (run) => {
    const { tf } = run;
    const type = run.outputType();
    const limits: Partial<Record<string, [number, number]>> = {
      u8: [0, 255],
      i8: [-128, 127],
      u16: [0, 65535],
      i16: [-32768, 32767],
    };
    const range = limits[type];
    if (!range) throw run.unsupported(`it quantises to ${type}`);
    const rounded = tf.round(tf.div(run.x(), spread(run, 1)));
    const shifted = run.has(2) ? tf.add(rounded, spread(run, 2)) : rounded;
    return tf.cast(tf.clipByValue(shifted, ...range), 'int32');
  },
  DequantizeLinear: (run) => {
    const { tf } = run;
    const x = cast(tf, run.x(), 'float32');
    return tf.mul(run.has(2) ? tf.sub(x, spread(run, 2)) : x, spread(run, 1));
  },
};
