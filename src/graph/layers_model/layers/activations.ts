import type { Value } from '../value.js';
import { storedAxis } from '../value.js';
import { inputOf, unsupportedLayer, type LayerRule, type LayerView } from './rule.js';

type Function = (view: LayerView, value: Value) => Value;

function pointwise(op: string, attributes: Parameters<LayerView['write']['op']>[2] = {}): Function {
  return ({ write }, value) => ({ ...value, name: write.op(op, [value.name], attributes) });
}

function composed(compute: (write: LayerView['write'], x: string) => string): Function {
  return ({ write }, value) => ({ ...value, name: compute(write, value.name) });
}

function clipped(low: number, high: number): Function {
  return composed((w, x) => w.op('Clip', [x, w.scalar(low), w.scalar(high)]));
}

const identity: Function = (_view, value) => value;

/** x · σ(x) */
const swish = composed((w, x) => w.op('Mul', [x, w.op('Sigmoid', [x])]));

/** x · Φ(x), in the form that inference engines recognise. */
const gelu = composed((w, x) => {
  const erf = w.op('Erf', [w.op('Div', [x, w.scalar(Math.SQRT2)])]);
  return w.op('Mul', [w.op('Mul', [x, w.op('Add', [erf, w.scalar(1)])]), w.scalar(0.5)]);
});

/** x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))) */
const geluByTanh = composed((w, x) => {
  const cube = w.op('Mul', [w.op('Mul', [x, x]), x]);
  const inner = w.op('Add', [x, w.op('Mul', [cube, w.scalar(0.044715)])]);
  const tanh = w.op('Tanh', [w.op('Mul', [inner, w.scalar(Math.sqrt(2 / Math.PI))])]);
  return w.op('Mul', [w.op('Mul', [x, w.op('Add', [tanh, w.scalar(1)])]), w.scalar(0.5)]);
});

/** Keras 3 took relu6(x + 3)/6; before, and in TensorFlow.js, it was clip(0.2x + 0.5, 0, 1). */
const hardSigmoid: Function = (view, value) => {
  const slope = isKeras3(view.kerasVersion) ? 1 / 6 : 0.2;
  return pointwise('HardSigmoid', { alpha: { float: slope }, beta: { float: 0.5 } })(view, value);
};

export function isKeras3(version: string): boolean {
  return Number.parseInt(version, 10) >= 3;
}

/** Normalises over `axis` (Keras's counting). */
function alongAxis(op: 'Softmax' | 'LogSoftmax', axis = -1): Function {
  return (view, value) => {
    const at = storedAxis(value, axis);
    if (at === undefined) throw unsupportedLayer(view, `its axis ${axis} is outside the input's dimensions`);
    return { ...value, name: view.write.op(op, [value.name], { axis: at }) };
  };
}

/** By Keras's names without underscores, in lower case: TensorFlow.js writes hardSigmoid, Keras hard_sigmoid. */
const functions: Record<string, Function> = {
  linear: identity,
  relu: pointwise('Relu'),
  relu6: clipped(0, 6),
  leakyrelu: pointwise('LeakyRelu', { alpha: { float: 0.2 } }),
  elu: pointwise('Elu', { alpha: { float: 1 } }),
  selu: pointwise('Selu'),
  sigmoid: pointwise('Sigmoid'),
  hardsigmoid: hardSigmoid,
  tanh: pointwise('Tanh'),
  hardtanh: clipped(-1, 1),
  softmax: alongAxis('Softmax'),
  logsoftmax: alongAxis('LogSoftmax'),
  softplus: pointwise('Softplus'),
  softsign: pointwise('Softsign'),
  exponential: pointwise('Exp'),
  swish,
  silu: swish,
  hardswish: pointwise('HardSwish'),
  hardsilu: pointwise('HardSwish'),
  gelu,
  gelunew: geluByTanh,
  mish: composed((w, x) => w.op('Mul', [x, w.op('Tanh', [w.op('Softplus', [x])])])),
  logsigmoid: composed((w, x) => w.op('Neg', [w.op('Softplus', [w.op('Neg', [x])])])),
};

/** Applies what a config names as activation: a function's name, or a serialised function or layer. */
export function activated(view: LayerView, value: Value, activation: unknown = view.config.fields.activation): Value {
  if (activation === null || activation === undefined) return value;
  if (typeof activation === 'string') return named(view, value, activation);
  const { class_name, config } = activation as { class_name?: unknown; config?: unknown };
  if (typeof config === 'string') return named(view, value, config);
  if (typeof class_name !== 'string' || class_name === 'function')
    throw unknownFunction(view, JSON.stringify(activation));
  if (class_name.replaceAll('_', '').toLowerCase() in functions && !config) return named(view, value, class_name);
  return view.apply(class_name, (config ?? {}) as Record<string, unknown>, value);
}

function named(view: LayerView, value: Value, name: string): Value {
  // Custom functions are registered as "package>name".
  const key = name
    .slice(name.lastIndexOf('>') + 1)
    .replaceAll('_', '')
    .toLowerCase();
  const apply = Object.hasOwn(functions, key) ? functions[key] : undefined;
  if (!apply) throw unknownFunction(view, name);
  return apply(view, value);
}

function unknownFunction(view: LayerView, name: string) {
  return unsupportedLayer(
    view,
    `its activation '${name}' is not one of Keras's`,
    'Write it with Keras activations, or convert the original model to ONNX with tf2onnx.',
  );
}

/**
 * Keras's ReLU layer: max_value above max_value, x from threshold on, negative_slope · (x − threshold) below.
 */
const relu: LayerRule = (view) => {
  const { config, write } = view;
  const input = inputOf(view);
  const x = input.name;
  const slope = config.number('negative_slope', 0);
  const threshold = config.number('threshold', 0);
  const max = config.has('max_value') ? config.number('max_value', 0) : undefined;
  const result = (name: string): Value => ({ ...input, name });
  if (threshold === 0 && slope === 0) {
    return result(
      max === undefined ? write.op('Relu', [x]) : write.op('Clip', [x, write.scalar(0), write.scalar(max)]),
    );
  }
  const limit = write.scalar(threshold);
  const below = write.op('Mul', [write.op('Sub', [x, limit]), write.scalar(slope)]);
  const whole =
    threshold === 0
      ? write.op('LeakyRelu', [x], { alpha: { float: slope } })
      : write.op('Where', [write.op('GreaterOrEqual', [x, limit]), x, below]);
  return result(max === undefined ? whole : write.op('Min', [whole, write.scalar(max)]));
};

const prelu: LayerRule = (view) => {
  const input = view.write.unflattened(inputOf(view));
  const [alpha] = view.weights('alpha');
  const slope = view.write.alongside(input, `${view.path}/alpha`, alpha.dims, alpha.data);
  return { ...input, name: view.write.op('PRelu', [input.name, slope]) };
};

const softmax: LayerRule = (view) => {
  const axes = view.config.numbers('axis') ?? [-1];
  if (axes.length !== 1) throw unsupportedLayer(view, 'it normalises over several axes at once');
  return alongAxis('Softmax', axes[0])(view, inputOf(view));
};

/** alpha in Keras 2 and TensorFlow.js, negative_slope in Keras 3. */
const leakyRelu: LayerRule = (view) => {
  const slope = view.config.number('negative_slope', view.config.number('alpha', 0.3));
  return pointwise('LeakyRelu', { alpha: { float: slope } })(view, inputOf(view));
};

const thresholdedRelu: LayerRule = (view) => {
  const theta = view.config.number('theta', 1);
  return composed((w, x) => w.op('Where', [w.op('Greater', [x, w.scalar(theta)]), x, w.scalar(0)]))(
    view,
    inputOf(view),
  );
};

/** Functions of keras.ops that Keras 3 records as layers of their own; the others have arguments that it leaves out. */
const recordedFunctions = [
  'Relu',
  'Relu6',
  'Sigmoid',
  'Silu',
  'HardSigmoid',
  'HardSilu',
  'Softplus',
  'Softsign',
  'Tanh',
];

export const activations: Record<string, LayerRule> = {
  ...Object.fromEntries(
    recordedFunctions.map((name): [string, LayerRule] => [name, (view) => named(view, inputOf(view), name)]),
  ),
  Activation: (view) => activated(view, inputOf(view)),
  ReLU: relu,
  LeakyReLU: leakyRelu,
  PReLU: prelu,
  ELU: (view) => pointwise('Elu', { alpha: { float: view.config.number('alpha', 1) } })(view, inputOf(view)),
  ThresholdedReLU: thresholdedRelu,
  Softmax: softmax,
};
