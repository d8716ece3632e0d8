import { floatAttribute, intAttribute, intsAttribute, type Node } from '../ir.js';
import { float, type AttributeValue, type Emitter } from '../emitter.js';
import { windowsOf, type Windows } from '../ops/convolution.js';
import { unsupportedOp, type GradientRule, type GradientView } from '../ops/rules.js';
import { turnedWindows } from '../ops/transposed_convolution.js';

/** Window attributes with every default resolved: the end pads say, too, how far windows of ceil_mode reach. */
function resolved(windows: Windows, spatial: readonly number[]): Record<string, AttributeValue> {
  const { kernel, strides, dilations, begins, out } = windows;
  const ends = windows.ends.map((end, axis) => {
    const reach = (out[axis] - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1;
    return Math.max(end, reach - begins[axis] - spatial[axis]);
  });
  return { kernel_shape: kernel, strides, dilations, pads: [...begins, ...ends] };
}

const spatialOf = (emit: Emitter, value: string) => emit.dims(value).slice(2);

/** Of a Conv: with respect to its input, weights and bias. */
function convolution({ emit, node, arriving, wants }: GradientView): (string | undefined)[] {
  const g = arriving(0);
  if (!g) return [];
  const [x, w] = node.inputs;
  const group = intAttribute(node, 'group', 1);
  const shape = spatialOf(emit, x);
  const windows = { ...resolved(windowsOf(node, shape, spatialOf(emit, w)), shape), group };
  return [
    wants(0) ? emit.own('ConvInputGradient', [g, w], { ...windows, shape })[0] : undefined,
    wants(1) ? emit.own('ConvWeightGradient', [g, x], windows)[0] : undefined,
    wants(2) ? emit.own('ChannelSum', [g])[0] : undefined,
  ];
}

/** Of a ConvTranspose: it is a convolution turned round, so its own gradients are that convolution and its weights'. */
function transposedConvolution(view: GradientView): (string | undefined)[] | undefined {
  const { emit, node, arriving, wants } = view;
  const g = arriving(0);
  if (!g) return [];
  const [x, w] = node.inputs;
  const group = intAttribute(node, 'group', 1);
  const spatial = spatialOf(emit, x);
  const { size, ...windows } = turnedWindows(node, spatial, spatialOf(emit, w));
  const { kernel, strides, dilations, begins } = windows;
  const ends = spatial.map(
    (n, axis) => (n - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1 - begins[axis] - size[axis],
  );
  // Output padding, or a border that is cut off: the standard ops can do it.
  if ([...begins, ...ends].some((pad) => pad < 0)) return undefined;
  const attributes = { ...resolved({ ...windows, ends }, size), group };
  return [
    wants(0) ? emit.op('Conv', [g, w], attributes) : undefined,
    wants(1) ? emit.own('ConvWeightGradient', [x, g], attributes)[0] : undefined,
    wants(2) ? emit.own('ChannelSum', [g])[0] : undefined,
  ];
}

/** Of a BatchNormalization that keeps its running statistics. */
function batchNorm({ emit, node, arriving }: GradientView): (string | undefined)[] {
  const g = arriving(0);
  if (!g) return [];
  const [x, scale, , mean, variance] = node.inputs;
  const epsilon = float(floatAttribute(node, 'epsilon', 1e-5));
  return emit.own('BatchNormGradient', [g, x, scale, mean, variance], { epsilon }, 3);
}

function relu({ emit, node, arriving }: GradientView): (string | undefined)[] {
  const g = arriving(0);
  return [g && emit.own('ReluGradient', [g, node.outputs[0]])[0]];
}

const kernelOf = (node: Node) => intsAttribute(node, 'kernel_shape') ?? [];

function maxPool({ emit, node, arriving }: GradientView): (string | undefined)[] {
  const g = arriving(0);
  if (arriving(1)) throw unsupportedOp(node, 'its indices are used further on', 'Train another network.');
  const [x] = node.inputs;
  const windows = resolved(windowsOf(node, spatialOf(emit, x), kernelOf(node)), spatialOf(emit, x));
  return [g && emit.own('MaxPoolGradient', [g, x, node.outputs[0]], windows)[0]];
}

function averagePool({ emit, node, arriving }: GradientView): (string | undefined)[] {
  const g = arriving(0);
  const shape = spatialOf(emit, node.inputs[0]);
  const windows = resolved(windowsOf(node, shape, kernelOf(node)), shape);
  const count_include_pad = intAttribute(node, 'count_include_pad', 0);
  return [g && emit.own('AveragePoolGradient', [g], { ...windows, count_include_pad, shape })[0]];
}

function globalAveragePool({ emit, node, arriving }: GradientView): (string | undefined)[] {
  const g = arriving(0);
  const shape = spatialOf(emit, node.inputs[0]);
  const one = shape.map(() => 1);
  const pads = [...shape, ...shape].map(() => 0);
  const attributes = { kernel_shape: shape, strides: one, dilations: one, pads, count_include_pad: 0, shape };
  return [g && emit.own('AveragePoolGradient', [g], attributes)[0]];
}

/** A rule that may leave a case to the standard one. */
type OwnRule = (view: GradientView) => (string | undefined)[] | undefined;

const planar =
  (rule: OwnRule, otherwise: GradientRule | undefined): GradientRule =>
  (view) => {
    // Kernels of our own are for images; a model of sequences or volumes keeps the standard ops.
    const own = view.emit.dims(view.node.inputs[0]).length === 4 ? rule(view) : undefined;
    if (own) return own;
    if (!otherwise) throw unsupportedOp(view.node, `no gradient rule for ${view.node.op}`, 'Train another network.');
    return otherwise(view);
  };

/**
 * Gradient rules that emit ops of our own domain, where one pass over memory does what takes many standard ops.
 * @param standard an op's rule in standard ops
 */
export function trainingRules(
  standard: (op: string) => GradientRule | undefined,
): Readonly<Record<string, GradientRule>> {
  const rules: Record<string, OwnRule> = {
    Conv: convolution,
    ConvTranspose: transposedConvolution,
    BatchNormalization: batchNorm,
    MaxPool: maxPool,
    AveragePool: averagePool,
    GlobalAveragePool: globalAveragePool,
  };
  const images = Object.entries(rules).map(([op, rule]) => [op, planar(rule, standard(op))] as const);
  return { ...Object.fromEntries(images), Relu: relu };
}
