import { valuesOf } from '../../graph/constant.js';
import type { Inference } from '../../graph/infer.js';
import { floatAttribute, intAttribute, intsAttribute, stringAttribute, type Node } from '../../graph/ir.js';
import { windowsOf, type Windows } from '../../graph/ops/convolution.js';
import { splitAxis, splitSizes } from '../../graph/ops/joining.js';
import { axesOf } from '../../graph/ops/reduction.js';
import { permOf } from '../../graph/ops/reshaping.js';
import { axisOf } from '../../graph/ops/rules.js';
import { padsOf, rangesOf } from '../../graph/ops/slicing.js';
import { turnedWindows } from '../../graph/ops/transposed_convolution.js';

export type StepAttributes = Record<string, number | readonly number[]>;

/** What a kernel of the addon gets of a node: the inputs that it reads, and numbers with every default resolved. */
export interface StepForm {
  /** Empty strings are optional inputs that are not given. */
  inputs: readonly string[];
  attributes: StepAttributes;
}

/** A node, the shapes and the constants around it. */
export interface StepView {
  node: Node;
  opset: number;
  known: Inference;
}

/** Thrown for a node in a form that the kernels lack; the message says which. */
export class Unplannable extends Error {}

export function stepForm(view: StepView): StepForm {
  const form = forms[view.node.op];
  return form ? form(view) : { inputs: view.node.inputs, attributes: numbers(view.node) };
}

function dimsOf({ node, known }: StepView, index: number): readonly number[] {
  const shape = known.shape(node.inputs[index] ?? '');
  if (!shape) throw new Unplannable(known.reasons.get(node.inputs[index]) ?? `input ${index} has no known shape`);
  return shape.dims;
}

/** Integers of a constant input; undefined where it is not given. */
function constantInts({ node, known }: StepView, index: number): number[] | undefined {
  const name = node.inputs[index];
  if (!name) return undefined;
  const constant = known.constant(name);
  if (!constant) throw new Unplannable(`'${name}' is only known at run time`);
  return Array.from(valuesOf(constant));
}

/** The attributes that are numbers. */
function numbers(node: Node): StepAttributes {
  const found: StepAttributes = {};
  for (const [name, attribute] of Object.entries(node.attributes)) {
    const { kind, value } = attribute;
    if (kind === 'int' || kind === 'float' || kind === 'ints' || kind === 'floats') found[name] = value;
  }
  return found;
}

function resolved(node: Node, { kernel, strides, dilations, begins, ends }: Windows): StepAttributes {
  return {
    ...numbers(node),
    kernel_shape: kernel,
    strides,
    dilations,
    pads: [...begins, ...ends],
    group: intAttribute(node, 'group', 1),
  };
}

/** Windows of `kernel` over the spatial axes of input `over`, or over the attribute `shape`. */
function windowed(kernel: (view: StepView) => readonly number[], over: number | 'shape'): (view: StepView) => StepForm {
  return (view) => {
    const spatial = over === 'shape' ? (intsAttribute(view.node, 'shape') ?? []) : dimsOf(view, over).slice(2);
    const windows = windowsOf(view.node, spatial, kernel(view));
    return { inputs: view.node.inputs, attributes: resolved(view.node, windows) };
  };
}

const weights = (view: StepView) => dimsOf(view, 1).slice(2);
const given = (view: StepView) => intsAttribute(view.node, 'kernel_shape') ?? [];

/** Reduced axes, sorted and counted from the first. */
function reduced(view: StepView): StepForm {
  const axes = axesOf(view.node, dimsOf(view, 0).length, constantInts(view, 1));
  return { inputs: view.node.inputs.slice(0, 1), attributes: { axes } };
}

function alongAxis(fallback: number, legacy = fallback): (view: StepView) => StepForm {
  return (view) => {
    const flattens = view.opset < 13 && legacy !== fallback;
    const rank = dimsOf(view, 0).length;
    const axis = axisOf(intAttribute(view.node, 'axis', flattens ? legacy : fallback), rank);
    return { inputs: view.node.inputs, attributes: { ...numbers(view.node), axis, flattens: flattens ? 1 : 0 } };
  };
}

function clip(view: StepView): StepForm {
  const bound = (index: number, name: string, otherwise: number) => {
    const constant = view.known.constant(view.node.inputs[index] ?? '');
    return constant ? valuesOf(constant)[0] : floatAttribute(view.node, name, otherwise);
  };
  const atRunTime = [1, 2].some((i) => view.node.inputs[i] && !view.known.constant(view.node.inputs[i]));
  if (atRunTime) return { inputs: view.node.inputs, attributes: {} };
  return {
    inputs: view.node.inputs.slice(0, 1),
    attributes: { min: bound(1, 'min', -Infinity), max: bound(2, 'max', Infinity) },
  };
}

function pad(view: StepView): StepForm {
  const mode = stringAttribute(view.node, 'mode', 'constant');
  if (mode !== 'constant') throw new Unplannable(`mode '${mode}'`);
  const pads = padsOf(view.node, dimsOf(view, 0).length, (i) => constantInts(view, i));
  const value = constantInts(view, 2)?.[0] ?? floatAttribute(view.node, 'value', 0);
  return { inputs: view.node.inputs.slice(0, 1), attributes: { pads, value } };
}

const forms: Record<string, ((view: StepView) => StepForm) | undefined> = {
  Conv: windowed(weights, 0),
  MaxPool: (view) => {
    if (view.node.outputs[1]) throw new Unplannable('its indices are read');
    return windowed(given, 0)(view);
  },
  BatchNormalization: ({ node }) => {
    if (intAttribute(node, 'training_mode', 0) === 1) throw new Unplannable('it is in training mode');
    return { inputs: node.inputs, attributes: numbers(node) };
  },
  AveragePool: windowed(given, 0),
  ConvTranspose: (view) => {
    const windows = turnedWindows(view.node, dimsOf(view, 0).slice(2), weights(view));
    return { inputs: view.node.inputs, attributes: resolved(view.node, windows) };
  },
  ConvInputGradient: windowed(weights, 'shape'),
  ConvWeightGradient: windowed(given, 1),
  MaxPoolGradient: windowed(given, 1),
  AveragePoolGradient: windowed(given, 'shape'),
  Cast: (view) => {
    const type = view.known.shape(view.node.outputs[0])?.type;
    return { inputs: view.node.inputs, attributes: { boolean: type === 'bool' ? 1 : 0 } };
  },
  Clip: clip,
  Gelu: ({ node }) => ({
    inputs: node.inputs,
    attributes: { approximate: stringAttribute(node, 'approximate', 'none') === 'tanh' ? 1 : 0 },
  }),
  ReduceSum: reduced,
  ReduceMean: reduced,
  ReduceMax: reduced,
  ReduceMin: reduced,
  ReduceSumSquare: reduced,
  ReduceL1: reduced,
  ReduceL2: reduced,
  ArgMax: alongAxis(0),
  ArgMin: alongAxis(0),
  Softmax: alongAxis(-1, 1),
  LogSoftmax: alongAxis(-1, 1),
  Concat: alongAxis(1),
  Gather: alongAxis(0),
  Transpose: (view) => ({
    inputs: view.node.inputs,
    attributes: { perm: permOf(view, dimsOf(view, 0).length) },
  }),
  Split: (view) => {
    const dims = dimsOf(view, 0);
    const axis = splitAxis(view.node, dims.length);
    const sizes = splitSizes(view.node, dims[axis], constantInts(view, 1));
    return { inputs: view.node.inputs.slice(0, 1), attributes: { axis, split: sizes } };
  },
  Slice: (view) => {
    const ranges = rangesOf(view.node, dimsOf(view, 0), (i) => constantInts(view, i));
    return {
      inputs: view.node.inputs.slice(0, 1),
      attributes: { starts: ranges.map(({ start }) => start), steps: ranges.map(({ step }) => step) },
    };
  },
  Pad: pad,
  // What they repeat follows from the output's dims.
  Expand: ({ node }) => ({ inputs: node.inputs.slice(0, 1), attributes: {} }),
  Tile: ({ node }) => ({ inputs: node.inputs.slice(0, 1), attributes: {} }),
};
