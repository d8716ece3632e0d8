import { floatAttribute, type Node } from '../ir.js';
import { product, unsupportedOp } from '../ops/rules.js';
import { divide } from './divide.js';
import { linearRelevance } from './linear.js';
import type { RelevanceView } from './view.js';

/**
 * Relevance of each input given that of the outputs. 'pass': all of it to the one input that lies on a way to the
 * image; 'gradient': as the gradient rule does, for ops that only move or select values.
 */
export type RelevanceRule = 'pass' | 'gradient' | ((view: RelevanceView) => (string | undefined)[]);

/** Ops that sum values up: each receives in proportion to what it gave. */
function proportional(view: RelevanceView): (string | undefined)[] {
  const { emit, node, values, preset } = view;
  const relevance = view.arriving(0);
  if (!relevance) return [undefined];
  const [x, ...rest] = node.inputs;
  const root = preset.rooted ? values.root(x, emit) : undefined;
  const shifted = root ? emit.sub(x, root) : x;
  const sum = root ? emit.op(node.op, [shifted, ...rest], node.attributes) : node.outputs[0];
  const s = divide(emit, relevance, sum, preset, !root && values.nonNegative(x));
  return [emit.mul(shifted, view.gradient(node, s))];
}

function pooled(view: RelevanceView): (string | undefined)[] {
  const relevance = view.arriving(0);
  if (!relevance || view.preset.averagePool === 'proportional') return proportional(view);
  return [view.gradient(view.node, relevance)];
}

/** z = ±a ±b …: in proportion to the terms, or all to the one that depends on the image. */
const added =
  (lastSign: 1 | -1) =>
  (view: RelevanceView): (string | undefined)[] => {
    const { emit, node, preset, values } = view;
    const relevance = view.arriving(0);
    if (!relevance) return [];
    const terms = node.inputs.filter((_, i) => view.wants(i));
    const share = (value: string, input: string) => emit.unbroadcast(value, emit.dims(input));
    if (terms.length === 1 || preset.add === 'copy') {
      return node.inputs.map((input, i) => (view.wants(i) ? share(relevance, input) : undefined));
    }
    const whole = terms.length === node.inputs.length;
    const sum = whole ? node.outputs[0] : terms.reduce((a, b) => emit.add(a, b));
    const nonNegative = lastSign === 1 && terms.every((term) => values.nonNegative(term));
    const s = divide(emit, relevance, sum, preset, nonNegative);
    return node.inputs.map((input, i) => {
      if (!view.wants(i)) return undefined;
      const part = share(emit.mul(input, s), input);
      return i === node.inputs.length - 1 && lastSign === -1 ? emit.op('Neg', [part]) : part;
    });
  };

/**
 * z = a · b: all relevance to the signal, none to what gates it (Arras et al., 2017). The gate is the factor that is
 * computed from the other (squeeze-and-excitation, x·sigmoid(x)), or does not depend on the image.
 */
function product2(view: RelevanceView): (string | undefined)[] {
  const { emit, node, values } = view;
  const relevance = view.arriving(0);
  if (!relevance) return [];
  const [a, b] = node.inputs;
  const whole = (input: string) => emit.unbroadcast(relevance, emit.dims(input));
  if (!view.wants(1) || (a !== b && values.dependsOn(b, a))) return [whole(a), undefined];
  if (!view.wants(0) || values.dependsOn(a, b)) return [undefined, whole(b)];
  throw unsupportedOp(node, 'no relevance rule for a product of two signals', gradientMethods);
}

function convolved(view: RelevanceView): (string | undefined)[] {
  return linear(view, 'convolution', (bias) => {
    const rank = view.emit.dims(view.node.outputs[0]).length;
    return view.emit.reshape(bias, [product(view.emit.dims(bias)), ...new Array<number>(rank - 2).fill(1)]);
  });
}

/** Convolutions, Gemm and MatMul: the node itself with other weights computes z, its gradient rule the way back. */
function linear(
  view: RelevanceView,
  kind: 'convolution' | 'dense',
  shapedBias: (bias: string) => string,
): (string | undefined)[] {
  const { emit, node } = view;
  const [x, weights, bias] = node.inputs;
  if (view.wants(1) || !view.wants(0) || !emit.constantOf(weights)) {
    throw unsupportedOp(node, 'no relevance rule for a product of two signals, as in attention', gradientMethods);
  }
  // Gemm had to be given a bias.
  const none = (w: string) => (node.op === 'Gemm' && emit.opset < 11 ? [emit.scalar(w, 0)] : []);
  const withWeights = (input: string, w: string): Node => ({ ...node, inputs: [input, w] });
  // Keras, and PyTorch's dense layers on token sequences, export their bias as an Add of its own.
  const separate = bias ? undefined : view.values.addedConstant(node.outputs[0]);
  return linearRelevance(view, kind, {
    x,
    weights,
    bias: bias || separate,
    shapedBias: separate ? (added) => added : shapedBias,
    forward: (input, w) => emit.op(node.op, [input, w, ...none(w)], node.attributes),
    backward: (s, w) => view.gradient(withWeights(x, w), s),
  });
}

function normalised(view: RelevanceView): (string | undefined)[] {
  const { emit, node, preset } = view;
  const relevance = view.arriving(0);
  if (!relevance) return [undefined];
  const [x] = node.inputs;
  if (preset.batchNorm === 'gradient') return [view.gradient(node, relevance)];
  if (preset.batchNorm !== 'epsilon') return [relevance];
  return [emit.mul(x, view.gradient(node, divide(emit, relevance, node.outputs[0], preset)))];
}

const gradientMethods = 'Gradient methods work where relevance does not: grad-cam, integrated-gradients, smoothgrad.';

/** How relevance passes each op; an op that is not here stops it. */
export const relevanceRules: Readonly<Record<string, RelevanceRule>> = {
  Conv: convolved,
  ConvTranspose: convolved,
  Gemm: (view) => linear(view, 'dense', (bias) => view.emit.scale(bias, floatAttribute(view.node, 'beta', 1))),
  MatMul: (view) => linear(view, 'dense', (bias) => bias),
  BatchNormalization: normalised,

  Add: added(1),
  Sum: added(1),
  Sub: added(-1),
  Mul: product2,
  // The denominator gates the numerator.
  Div: (view) => (view.wants(0) ? [view.arriving(0)] : [undefined, view.arriving(0)]),

  AveragePool: pooled,
  GlobalAveragePool: pooled,
  ReduceMean: pooled,
  ReduceSum: pooled,
  Resize: pooled,
  Upsample: pooled,

  ...of('gradient', [
    'MaxPool',
    'GlobalMaxPool',
    'ReduceMax',
    'ReduceMin',
    'Max',
    'Min',
    'Concat',
    'Split',
    'Slice',
    'Pad',
    'Gather',
    'Reshape',
    'Flatten',
    'Squeeze',
    'Unsqueeze',
    'Transpose',
    'Expand',
    'Tile',
    'DepthToSpace',
    'SpaceToDepth',
    'Where',
    'Cast',
    'CastLike',
  ]),
  ...of('pass', [
    'Identity',
    'Dropout',
    'Relu',
    'LeakyRelu',
    'PRelu',
    'Elu',
    'Selu',
    'Celu',
    'ThresholdedRelu',
    'Gelu',
    'Sigmoid',
    'HardSigmoid',
    'HardSwish',
    'Swish',
    'Mish',
    'Tanh',
    'Erf',
    'Softplus',
    'Softsign',
    'Clip',
    'Abs',
    'Neg',
    'Pow',
    'Sqrt',
    'LayerNormalization',
    'InstanceNormalization',
    'GroupNormalization',
    'LRN',
  ]),
};

function of(rule: RelevanceRule, ops: readonly string[]): Record<string, RelevanceRule> {
  return Object.fromEntries(ops.map((op) => [op, rule]));
}
