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

/** Means and sums over axes: each value receives in proportion to what it gave. */
function pooled(view: RelevanceView): (string | undefined)[] {
  const { emit, node, values, preset } = view;
  const relevance = view.arriving(0);
  if (!relevance) return [undefined];
  if (preset.averagePool === 'gradient') return [view.gradient(node, relevance)];
  const [x, ...rest] = node.inputs;
  const root = preset.rooted ? values.root(x, emit) : undefined;
  const shifted = root ? emit.sub(x, root) : x;
  const mean = (of: string) => emit.op(node.op, [of, ...rest], node.attributes);
  const nonNegative = !root && values.nonNegative(x);
  if (preset.averagePool === 'proportional' || nonNegative) {
    const s = divide(emit, relevance, root ? mean(shifted) : node.outputs[0], preset, nonNegative);
    return [emit.mul(shifted, view.gradient(node, s))];
  }
  const above = emit.op('Relu', [shifted]);
  const below = emit.sub(shifted, above);
  const [up, down] = [mean(above), mean(below)];
  const sinking = emit.mask('Less', emit.add(up, down), emit.scalar(up, 0));
  const share = (part: string, whole: string, arriving: string) =>
    emit.mul(part, view.gradient(node, divide(emit, arriving, whole, preset)));
  const sunk = emit.mul(relevance, sinking);
  return [emit.add(share(above, up, emit.sub(relevance, sunk)), share(below, down, sunk))];
}

/** z = ±a ±b …: in proportion to the terms, or all to the one that depends on the image. */
const added =
  (lastSign: 1 | -1) =>
  (view: RelevanceView): (string | undefined)[] => {
    const { emit, node, preset, values } = view;
    const relevance = view.arriving(0);
    if (!relevance) return [];
    const wanted = node.inputs.flatMap((_, i) => (view.wants(i) ? [i] : []));
    const share = (value: string, input: string) => emit.unbroadcast(value, emit.dims(input));
    const handed = (parts: readonly string[]) =>
      node.inputs.map((input, i) => (view.wants(i) ? share(parts[wanted.indexOf(i)], input) : undefined));
    if (wanted.length === 1 || preset.add === 'copy') return handed(wanted.map(() => relevance));
    const terms = wanted.map((i) => {
      return lastSign === -1 && i === node.inputs.length - 1 ? emit.op('Neg', [node.inputs[i]]) : node.inputs[i];
    });
    const total = (of: readonly string[]) => of.reduce((a, b) => emit.add(a, b));
    const whole = wanted.length === node.inputs.length ? node.outputs[0] : total(terms);
    const nonNegative = terms.every((term) => values.nonNegative(term));
    if (preset.add === 'proportional' || nonNegative) {
      const s = divide(emit, relevance, whole, preset, nonNegative);
      return handed(terms.map((term) => emit.mul(term, s)));
    }
    // Turned round where the whole is negative, the terms of its sign are the positive ones.
    const two = emit.scalar(whole, 2);
    const sign = emit.sub(emit.scalar(whole, 1), emit.mul(two, emit.mask('Less', whole, emit.scalar(whole, 0))));
    const giving = terms.map((term) => emit.op('Relu', [emit.mul(term, sign)]));
    const s = divide(emit, relevance, total(giving), preset, true);
    return handed(giving.map((part) => emit.mul(part, s)));
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
