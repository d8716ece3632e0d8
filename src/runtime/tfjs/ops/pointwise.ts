import { cast } from '../cast.js';
import { elementTypeOf } from '../../../graph/constant.js';
import { floatAttribute, intAttribute, stringAttribute } from '../../../graph/ir.js';
import { elementwise, mapping } from '../elementwise.js';
import type { NodeRun, Op } from '../node_run.js';
import { dtypeOf, type Tf, type TfTensor } from '../value.js';

const times = (tf: Tf, x: TfTensor, factor: number) => (factor === 1 ? x : tf.mul(x, tf.scalar(factor)));
const plus = (tf: Tf, x: TfTensor, term: number) => (term === 0 ? x : tf.add(x, tf.scalar(term)));
const below = (tf: Tf, x: TfTensor) => tf.minimum(x, tf.scalar(0));
const clip = (tf: Tf, x: TfTensor, low: number, high: number) => tf.clipByValue(x, low, high);

/** The same elements; a tensor of its own, so that inputs and outputs are freed independently. */
const passing: Op = (run) => {
  const same = elementwise([run.value(0)], (x) => run.tf.clone(x));
  if (!run.node.outputs[1]) return same;
  // Dropout's mask: nothing is dropped.
  return [same, elementwise([run.value(0)], (x) => run.tf.cast(run.tf.onesLike(x), 'bool'))];
};

const named = (name: string, fallback: number) => (run: NodeRun) => floatAttribute(run.node, name, fallback);
const alphaOf = (fallback: number) => named('alpha', fallback);

/** α(exp(x/s) − 1) below 0, x above. */
function exponential(tf: Tf, x: TfTensor, alpha: number, scale = 1): TfTensor {
  return tf.add(tf.relu(x), times(tf, tf.expm1(times(tf, below(tf, x), 1 / scale)), alpha));
}

/** From comparisons: the wasm backend's own calls 10⁻⁷ zero. */
function sign(tf: Tf, x: TfTensor): TfTensor {
  const type = x.dtype as 'float32';
  const zero = tf.scalar(0, type);
  return tf.sub(cast(tf, tf.greater(x, zero), type), cast(tf, tf.less(x, zero), type));
}

const sqrt2 = Math.sqrt(2);

function gelu(tf: Tf, x: TfTensor, exact: boolean): TfTensor {
  if (exact) return tf.mul(times(tf, x, 0.5), plus(tf, tf.erf(times(tf, x, 1 / sqrt2)), 1));
  const cubic = tf.mul(x, plus(tf, times(tf, tf.square(x), 0.044715), 1));
  return tf.mul(times(tf, x, 0.5), plus(tf, tf.tanh(times(tf, cubic, Math.sqrt(2 / Math.PI))), 1));
}

/** Bounds are attributes before operator set 11, then inputs; either may be left out. */
function clipped(run: NodeRun): ReturnType<Op> {
  const { tf, node } = run;
  const bound = (index: number, name: string): TfTensor | undefined => {
    if (run.opset >= 11) return run.has(index) ? run.x(index) : undefined;
    const given = floatAttribute(node, name, NaN);
    return Number.isNaN(given) ? undefined : tf.scalar(given);
  };
  const [low, high] = [bound(1, 'min'), bound(2, 'max')];
  return elementwise([run.value(0)], (x) => {
    const above = low ? tf.maximum(x, low) : x;
    return high ? tf.minimum(above, high) : low ? above : tf.clone(x);
  });
}

export const pointwise: Record<string, Op> = {
  Identity: passing,
  Dropout: passing,
  Relu: mapping((tf, x) => tf.relu(x)),
  LeakyRelu: mapping((tf, x, run) => tf.leakyRelu(x, alphaOf(0.01)(run))),
  PRelu: (run) =>
    elementwise([run.value(0), run.value(1)], (x, slope) =>
      run.tf.add(run.tf.relu(x), run.tf.mul(slope, below(run.tf, x))),
    ),
  Elu: mapping((tf, x, run) => exponential(tf, x, alphaOf(1)(run))),
  Selu: mapping((tf, x, run) =>
    times(tf, exponential(tf, x, alphaOf(1.6732632423543772)(run)), named('gamma', 1.0507009873554805)(run)),
  ),
  Celu: mapping((tf, x, run) => exponential(tf, x, alphaOf(1)(run), alphaOf(1)(run))),
  ThresholdedRelu: mapping((tf, x, run) => tf.mul(x, cast(tf, tf.greater(x, tf.scalar(alphaOf(1)(run))), 'float32'))),
  Shrink: mapping((tf, x, run) => {
    const limit = tf.scalar(named('lambd', 0.5)(run));
    const bias = tf.scalar(named('bias', 0)(run));
    const above = tf.mul(tf.sub(x, bias), cast(tf, tf.greater(x, limit), 'float32'));
    return tf.add(above, tf.mul(tf.add(x, bias), cast(tf, tf.less(x, tf.neg(limit)), 'float32')));
  }),
  Clip: clipped,
  HardSigmoid: mapping((tf, x, run) =>
    clip(tf, plus(tf, times(tf, x, alphaOf(0.2)(run)), named('beta', 0.5)(run)), 0, 1),
  ),
  HardSwish: mapping((tf, x) => tf.mul(x, clip(tf, plus(tf, times(tf, x, 1 / 6), 0.5), 0, 1))),
  Sigmoid: mapping((tf, x) => tf.sigmoid(x)),
  Tanh: mapping((tf, x) => tf.tanh(x)),
  Softplus: mapping((tf, x) => tf.softplus(x)),
  Softsign: mapping((tf, x) => tf.div(x, plus(tf, tf.abs(x), 1))),
  Mish: mapping((tf, x) => tf.mul(x, tf.tanh(tf.softplus(x)))),
  Swish: mapping((tf, x, run) => tf.mul(x, tf.sigmoid(times(tf, x, alphaOf(1)(run))))),
  Gelu: mapping((tf, x, run) => gelu(tf, x, stringAttribute(run.node, 'approximate', 'none') === 'none')),
  Erf: mapping((tf, x) => tf.erf(x)),
  Exp: mapping((tf, x) => tf.exp(x)),
  Log: mapping((tf, x) => tf.log(x)),
  Sqrt: mapping((tf, x) => tf.sqrt(x)),
  Reciprocal: mapping((tf, x) => tf.reciprocal(x)),
  Neg: mapping((tf, x) => tf.neg(x)),
  Abs: mapping((tf, x) => tf.abs(x)),
  Floor: mapping((tf, x) => tf.floor(x)),
  Ceil: mapping((tf, x) => tf.ceil(x)),
  Round: mapping((tf, x) => tf.round(x)),
  Sign: mapping(sign),
  Sin: mapping((tf, x) => tf.sin(x)),
  Cos: mapping((tf, x) => tf.cos(x)),
  Tan: mapping((tf, x) => tf.tan(x)),
  Atan: mapping((tf, x) => tf.atan(x)),
  Asin: mapping((tf, x) => tf.asin(x)),
  Acos: mapping((tf, x) => tf.acos(x)),
  Sinh: mapping((tf, x) => tf.sinh(x)),
  Cosh: mapping((tf, x) => tf.cosh(x)),
  Asinh: mapping((tf, x) => tf.asinh(x)),
  Acosh: mapping((tf, x) => tf.acosh(x)),
  Atanh: mapping((tf, x) => tf.atanh(x)),
  Not: mapping((tf, x) => tf.logicalNot(x)),
  IsNaN: mapping((tf, x) => tf.isNaN(x)),
  Cast: mapping((tf, x, run) => cast(tf, x, dtypeOf(elementTypeOf(intAttribute(run.node, 'to', 1))))),
  CastLike: mapping((tf, x, run) => cast(tf, x, run.value(1).dtype as 'float32')),
};
