import { floatAttribute, intAttribute, intsAttribute, type Graph, type Node } from '../ir.js';
import { Emitter, freePrefix } from '../emitter.js';
import { Inference } from '../infer.js';
import { scatterWindows, windowsOf } from '../ops/convolution.js';
import { ownDomain } from '../ops/own_domain.js';
import { maxPoolGradient, spreadAverages } from '../ops/pooling.js';
import { product } from '../ops/rules.js';
import { biasGradient, weightGradient } from '../ops/weight_gradient.js';

/** Emits standard ops for a node of our own domain; returns the values of its outputs. */
type Lowering = (emit: Emitter, node: Node) => string[];

const spatialOf = (emit: Emitter, value: string) => emit.dims(value).slice(2);
const wantedShape = (node: Node) => intsAttribute(node, 'shape') as number[];

/** Windows of a node whose attributes are resolved. */
const windowsAt = (node: Node, spatial: readonly number[], kernel = intsAttribute(node, 'kernel_shape') as number[]) =>
  windowsOf(node, spatial, kernel);

/** [C] shaped to broadcast along the channels of `x`. */
function perChannel(emit: Emitter, value: string, x: string): string {
  return emit.reshape(value, [emit.dims(value)[0], ...spatialOf(emit, x).map(() => 1)]);
}

/** Mean over all but the channels, [C]. */
function channelMean(emit: Emitter, x: string): string {
  return emit.scale(biasGradient(emit, x), emit.dims(x)[1] / product(emit.dims(x)));
}

/** x standardised by the given statistics, and 1/σ per channel. */
function standardised(emit: Emitter, node: Node, x: string, mean: string, variance: string) {
  const epsilon = emit.scalar(x, floatAttribute(node, 'epsilon', 1e-5));
  const inverse = emit.op('Reciprocal', [emit.op('Sqrt', [emit.add(variance, epsilon)])]);
  const xhat = emit.mul(emit.sub(x, perChannel(emit, mean, x)), perChannel(emit, inverse, x));
  return { xhat, inverse };
}

const affine = (emit: Emitter, xhat: string, scale: string, bias: string) =>
  emit.add(emit.mul(xhat, perChannel(emit, scale, xhat)), perChannel(emit, bias, xhat));

const positive = (emit: Emitter, y: string) => emit.mask('Greater', y, emit.scalar(y, 0));

const lowerings: Readonly<Record<string, Lowering>> = {
  ConvInputGradient: (emit, node) => {
    const [g, w] = node.inputs;
    const spatial = wantedShape(node);
    const group = intAttribute(node, 'group', 1);
    const windows = windowsAt(node, spatial);
    const reach = windows.kernel.map((k, axis) => (k - 1) * windows.dilations[axis]);
    const begins = reach.map((r, axis) => r - windows.begins[axis]);
    const ends = spatial.map((size, axis) => size + windows.begins[axis] - windows.out[axis]);
    // Stride 1: an ordinary convolution, about twice as fast as ConvTranspose.
    const plain = windows.strides.every((s) => s === 1) && [...begins, ...ends].every((p) => p >= 0);
    if (!plain || group !== 1) return [scatterWindows(emit, g, w, windows, spatial, group)];
    const turned = reversed(emit, emit.transpose(w, [1, 0, ...spatial.map((_, axis) => axis + 2)]), windows.kernel);
    return [emit.op('Conv', [g, turned], { pads: [...begins, ...ends], dilations: windows.dilations, group })];
  },
  ConvWeightGradient: (emit, node) => {
    const [g, x] = node.inputs;
    return [weightGradient(emit, g, x, windowsAt(node, spatialOf(emit, x)), intAttribute(node, 'group', 1))];
  },
  ChannelSum: (emit, { inputs: [g] }) => [biasGradient(emit, g)],
  BatchNormTraining: (emit, node) => {
    const [x, scale, bias] = node.inputs;
    const mean = channelMean(emit, x);
    const centred = emit.sub(x, perChannel(emit, mean, x));
    const variance = channelMean(emit, emit.mul(centred, centred));
    const { xhat } = standardised(emit, node, x, mean, variance);
    const y = affine(emit, xhat, scale, bias);
    return [intAttribute(node, 'relu', 0) ? emit.op('Relu', [y]) : y, mean, variance];
  },
  BatchNormTrainingGradient: (emit, node) => {
    const [arrived, x, scale, bias, mean, variance] = node.inputs;
    const { xhat, inverse } = standardised(emit, node, x, mean, variance);
    const relu = intAttribute(node, 'relu', 0) === 1;
    const g = relu ? emit.mul(arrived, positive(emit, affine(emit, xhat, scale, bias))) : arrived;
    const [dbias, dscale] = [biasGradient(emit, g), biasGradient(emit, emit.mul(g, xhat))];
    const share = emit.dims(x)[1] / product(emit.dims(x));
    const part = (sum: string) => perChannel(emit, emit.scale(sum, share), x);
    const inner = emit.sub(emit.sub(g, part(dbias)), emit.mul(xhat, part(dscale)));
    return [emit.mul(inner, perChannel(emit, emit.mul(scale, inverse), x)), dscale, dbias];
  },
  BatchNormGradient: (emit, node) => {
    const [g, x, scale, mean, variance] = node.inputs;
    const { xhat, inverse } = standardised(emit, node, x, mean, variance);
    const dx = emit.mul(g, perChannel(emit, emit.mul(scale, inverse), x));
    return [dx, biasGradient(emit, emit.mul(g, xhat)), biasGradient(emit, g)];
  },
  ReluGradient: (emit, { inputs: [g, y] }) => [emit.mul(g, positive(emit, y))],
  MaxPoolGradient: (emit, node) => {
    const [g, x, y] = node.inputs;
    const pool: Node = { ...node, op: 'MaxPool', domain: '', inputs: [x], outputs: [y] };
    const view = {
      node: pool,
      opset: emit.opset,
      emit,
      arriving: (i: number) => (i ? undefined : g),
      wants: () => true,
    };
    return maxPoolGradient(view) as string[];
  },
  AveragePoolGradient: (emit, node) => {
    const spatial = wantedShape(node);
    const includePad = intAttribute(node, 'count_include_pad', 0) === 1;
    return [spreadAverages(emit, node.inputs[0], windowsAt(node, spatial), spatial, includePad)];
  },
};

/** A kernel [M,C,…] back to front along its spatial axes. */
function reversed(emit: Emitter, w: string, kernel: readonly number[]): string {
  const backwards = (size: number) => emit.ints(Array.from({ length: size }, (_, i) => size - 1 - i));
  return kernel.reduce(
    (value, size, i) => (size === 1 ? value : emit.op('Gather', [value, backwards(size)], { axis: i + 2 })),
    w,
  );
}

/**
 * A graph in standard ONNX ops alone, for runtimes that do not have ours: every node of our own domain is replaced by
 * what it stands for.
 * @param graph all inputs with static dims
 */
export function lowerOwnOps(graph: Graph): Graph {
  const lowered: Graph = { ...graph, nodes: [], initializers: new Map(graph.initializers) };
  const known = new Inference(lowered);
  for (const { name, type = 'f32', dims } of graph.inputs) known.setShape(name, { type, dims: dims as number[] });
  const emit = new Emitter(lowered, known, (node) => known.visit(node), freePrefix(graph, 'portable'));
  for (const node of graph.nodes) {
    if (node.domain !== ownDomain) {
      lowered.nodes.push(node);
      known.visit(node);
      continue;
    }
    const values = lowerings[node.op](emit, node);
    node.outputs.forEach((name, i) => emit.op('Identity', [values[i]], {}, name));
  }
  return lowered;
}
