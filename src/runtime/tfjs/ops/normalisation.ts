import { cast } from '../cast.js';
import { floatAttribute, intAttribute, intsAttribute } from '../../../graph/ir.js';
import { axisOf, product } from '../../../graph/ops/rules.js';
import type { NodeRun, Op } from '../node_run.js';
import { lastAxis, type Result, type Tf, type TfTensor } from '../value.js';

/** (x − mean)/√(variance + ε) over `axes`, and the two it divides by. */
function standardised(tf: Tf, x: TfTensor, axes: number[], epsilon: number) {
  const mean = tf.mean(x, axes, true);
  const centred = tf.sub(x, mean);
  const variance = tf.mean(tf.square(centred), axes, true);
  const inverse = tf.rsqrt(tf.add(variance, tf.scalar(epsilon)));
  return { xhat: tf.mul(centred, inverse), mean, inverse };
}

const epsilonOf = (run: NodeRun) => floatAttribute(run.node, 'epsilon', 1e-5);

/** Works on the value in its own layout; `spread` puts a parameter [C] along the channels. */
function perChannel(
  run: NodeRun,
  make: (x: TfTensor, spread: (parameter: TfTensor) => TfTensor, spatial: number[]) => TfTensor,
): Result {
  const { tf } = run;
  const value = run.value(0);
  const last = value.prefersLast;
  const spatial = value.dims.slice(2).map((_, axis) => (last ? axis + 1 : axis + 2));
  const spread = (parameter: TfTensor) =>
    last ? parameter : tf.reshape(parameter, [parameter.size, ...value.dims.slice(2).map(() => 1)]);
  const y = make(last ? value.last() : value.plain(), spread, spatial);
  return last ? { last: y } : y;
}

function trailing(run: NodeRun): number[] {
  const { rank } = run.value(0);
  const axis = axisOf(intAttribute(run.node, 'axis', -1), rank);
  return Array.from({ length: rank - axis }, (_, i) => axis + i);
}

export const normalisation: Record<string, Op> = {
  BatchNormalization: (run) => {
    const { tf, node } = run;
    if (intAttribute(node, 'training_mode', 0) === 1) throw run.unsupported('it is in training mode');
    const [scale, bias, mean, variance] = [1, 2, 3, 4].map((index) => run.x(index));
    const factor = tf.div(scale, tf.sqrt(tf.add(variance, tf.scalar(epsilonOf(run)))));
    return perChannel(run, (x, spread) => tf.add(tf.mul(tf.sub(x, spread(mean)), spread(factor)), spread(bias)));
  },
  LayerNormalization: (run) => {
    const { tf } = run;
    const { xhat, mean, inverse } = standardised(tf, run.x(), trailing(run), epsilonOf(run));
    const scaled = tf.mul(xhat, run.x(1));
    const outputs = [run.has(2) ? tf.add(scaled, run.x(2)) : scaled, mean, inverse];
    return outputs.slice(0, run.node.outputs.length);
  },
  RMSNormalization: (run) => {
    const { tf } = run;
    const x = run.x();
    const square = tf.mean(tf.square(x), trailing(run), true);
    return tf.mul(tf.mul(x, tf.rsqrt(tf.add(square, tf.scalar(epsilonOf(run))))), run.x(1));
  },
  InstanceNormalization: (run) => {
    const { tf } = run;
    return perChannel(run, (x, spread, spatial) => {
      const { xhat } = standardised(tf, x, spatial, epsilonOf(run));
      return tf.add(tf.mul(xhat, spread(run.x(1))), spread(run.x(2)));
    });
  },
  GroupNormalization: (run) => {
    const { tf, node } = run;
    const { dims } = run.value(0);
    const groups = intAttribute(node, 'num_groups', 1);
    const perGroup = dims[1] / groups;
    const grouped = tf.reshape(run.x(), [dims[0], groups, perGroup, product(dims.slice(2))]);
    const { xhat } = standardised(tf, grouped, [2, 3], epsilonOf(run));
    // Operator sets 18 to 20 have one scale per group, 21 one per channel.
    const spread = (p: TfTensor) =>
      tf.reshape(p, p.size === groups && groups !== dims[1] ? [groups, 1, 1] : [groups, perGroup, 1]);
    return tf.reshape(tf.add(tf.mul(xhat, spread(run.x(1))), spread(run.x(2))), [...dims]);
  },
  /** x·(k + α/n·Σ x² over n neighbouring channels)^−β. */
  LRN: (run) => {
    const { tf, node } = run;
    const size = intAttribute(node, 'size', 1);
    const before = Math.floor((size - 1) / 2);
    const x = run.value(0).last();
    const channels = x.shape[x.rank - 1];
    const flat = tf.reshape(tf.square(x), [x.size / channels, channels]);
    const padded = tf.pad(flat, [
      [0, 0],
      [before, size - 1 - before],
    ]);
    let sums = tf.slice(padded, [0, 0], [-1, channels]);
    for (let i = 1; i < size; i++) sums = tf.add(sums, tf.slice(padded, [0, i], [-1, channels]));
    const alpha = tf.scalar(floatAttribute(node, 'alpha', 1e-4) / size);
    const base = tf.add(tf.mul(tf.reshape(sums, x.shape), alpha), tf.scalar(floatAttribute(node, 'bias', 1)));
    return { last: tf.mul(x, tf.pow(base, tf.scalar(-floatAttribute(node, 'beta', 0.75)))) };
  },
  /** A line of zeros stays one. */
  LpNormalization: (run) => {
    const { tf, node } = run;
    const x = run.x();
    const axis = axisOf(intAttribute(node, 'axis', -1), x.rank);
    const first = intAttribute(node, 'p', 2) === 1;
    const norm = first ? tf.sum(tf.abs(x), axis, true) : tf.sqrt(tf.sum(tf.square(x), axis, true));
    return tf.div(x, tf.add(norm, cast(tf, tf.equal(norm, tf.scalar(0)), 'float32')));
  },
  MeanVarianceNormalization: (run) => {
    const { tf, node } = run;
    const value = run.value(0);
    const axes = (intsAttribute(node, 'axes') ?? [0, 2, 3]).map((axis) => axisOf(axis, value.rank));
    // The op guards its division as σ + 10⁻⁹.
    const make = (x: TfTensor, on: number[]) => {
      const centred = tf.sub(x, tf.mean(x, on, true));
      const deviation = tf.sqrt(tf.mean(tf.square(centred), on, true));
      return tf.div(centred, tf.add(deviation, tf.scalar(1e-9)));
    };
    if (!value.prefersLast) return make(value.plain(), axes);
    return {
      last: make(
        value.last(),
        axes.map((axis) => lastAxis(axis, value.rank)),
      ),
    };
  },
};
