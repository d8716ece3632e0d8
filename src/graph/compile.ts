import { SightlineError, expectArgument } from '../core/errors.js';
import { shapesFor, wrongSize, type Classifier, type Layer } from './classifier.js';
import { f32 } from './constant.js';
import { Emitter } from './emitter.js';
import { appendGradient } from './gradient.js';
import { Inference } from './infer.js';
import { opsetOf, type Graph, type ValueShape } from './ir.js';
import { layerNamed, noSpatialLayer } from './layers.js';
import { exportOnnx } from './onnx_export.js';
import { declaredShapes, renameValues, simplify } from './passes.js';
import { rebatch } from './rebatch.js';

export interface CompileOptions {
  /** Samples per run; static in the compiled graph. */
  batch: number;
  /** [H, W]; needed where the classifier's size is null. */
  size?: readonly [height: number, width: number];
  /** Adds outputs `activation` and `gradient`. */
  explain?: { targetLayer?: string };
  /** Shapes measured by running the model, for values that shape inference cannot reach. */
  measured?: ReadonlyMap<string, ValueShape>;
}

/** A model ready to run: plain ONNX with the engine's fixed interface. */
export interface CompiledGraph {
  onnx: Uint8Array;
  inputs: readonly string[];
  outputs: readonly string[];
  /** Samples per run: what was asked, or the model's own when that is baked in (`batchNote` says why). */
  batch: number;
  batchNote?: string;
  channels: number;
  height: number;
  width: number;
  classes: number;
  targetLayer?: string;
  /** [C, h, w] of `activation` and `gradient`. */
  activationShape?: readonly [channels: number, height: number, width: number];
}

/** Names of the compiled graph's interface. */
const reserved = ['image', 'class_index', 'logits', 'activation', 'gradient'];

/**
 * Inputs: `image` f32[batch,C,H,W], always channels first (for a model that takes bytes: values in [0, 1], scaled by
 * 255 and rounded inside); with `explain` also `class_index` i64[batch], −1 = predicted class (highest logit).
 * Outputs: `logits` f32[batch,K]; with `explain` also `activation` and `gradient` f32[batch,C,h,w]: the target layer's
 * value and the derivative of each sample's chosen logit with respect to it.
 *
 * @throws SightlineError E_ARGUMENT (batch, size, unknown layer), E_MODEL_UNSUPPORTED (no spatial layer, unknown
 *   shapes), E_OP_UNSUPPORTED (an op between target layer and logits without gradient rule)
 */
export function compile(classifier: Classifier, options: CompileOptions): CompiledGraph {
  expectArgument(Number.isInteger(options.batch) && options.batch > 0, 'batch', 'a positive integer', options.batch);
  const size = options.size ?? classifier.size;
  if (!size) {
    throw new SightlineError('E_ARGUMENT', {
      where: 'size',
      what: 'the model accepts any image size, so one must be chosen',
      remedy: 'Give --size, the size it was trained with (often 224).',
    });
  }
  if (classifier.size && (size[0] !== classifier.size[0] || size[1] !== classifier.size[1]))
    throw wrongSize(classifier.size, size);
  expectArgument(
    size.every((n) => Number.isInteger(n) && n > 0),
    'size',
    'positive whole numbers',
    size,
  );
  const layer = options.explain ? targetOf(classifier, options.explain.targetLayer) : null;

  const { graph: sized, inference, batch, note } = withBatch(classifier, options, size);
  const kept = [classifier.logits, ...(layer ? [layer.name] : [])];
  const graph = simplify(sized, inference, kept);
  const compiled = {
    batch,
    ...(note && { batchNote: note }),
    channels: classifier.channels,
    height: size[0],
    width: size[1],
  };
  return finish(classifier, graph, inference, layer, compiled);
}

function targetOf(classifier: Classifier, name: string | undefined): Layer {
  const layer =
    name === undefined ? classifier.targetLayer : layerNamed(classifier.graph, classifier.targetLayers, name);
  if (!layer) throw noSpatialLayer();
  return layer;
}

interface Batched {
  graph: Graph;
  inference: Inference;
  batch: number;
  note?: string;
}

/** The graph with shapes for the requested batch, or for the model's own where its batch size cannot be changed. */
function withBatch(classifier: Classifier, options: CompileOptions, size: readonly number[]): Batched {
  const ownBatch = classifier.batch ?? 1;
  const image = { ...classifier.input, batch: classifier.batch, channels: classifier.channels };
  const own = shapesFor(classifier.graph, image, ownBatch, size, options.measured);
  if (options.batch === ownBatch) return { graph: classifier.graph, inference: own, batch: ownBatch };
  const declared = declaredShapes(classifier.graph, options.batch, classifier.batch);
  const factor = options.batch / ownBatch;
  const inference = new Inference(
    classifier.graph,
    (name) => scaled(options.measured?.get(name), factor) ?? declared(name),
  );
  const dims = [...(own.shape(classifier.input.name)?.dims ?? [])];
  dims[0] = options.batch;
  inference.setShape(classifier.input.name, { type: classifier.input.dtype, dims });
  const graph = rebatch(classifier.graph, inference, own, factor);
  const logits = inference.shape(classifier.logits)?.dims;
  const expected = scaled(own.shape(classifier.logits), factor)?.dims;
  const fits = logits?.join() === expected?.join() && inference.mismatches.length <= own.mismatches.length;
  if (fits) return { graph, inference, batch: options.batch };
  const reason =
    inference.mismatches[0] ?? inference.reasons.get(classifier.logits) ?? 'its outputs do not follow the batch';
  const note = `The model only runs ${ownBatch} image${ownBatch === 1 ? '' : 's'} at a time (${reason}): batch ${ownBatch} is used. Export it with a dynamic batch dimension for speed.`;
  return { graph: classifier.graph, inference: own, batch: ownBatch, note };
}

function scaled(shape: ValueShape | undefined, factor: number): ValueShape | undefined {
  return shape && { type: shape.type, dims: [shape.dims[0] * factor, ...shape.dims.slice(1)] };
}

type Fixed = Pick<CompiledGraph, 'batch' | 'batchNote' | 'channels' | 'height' | 'width'>;

/** Puts the engine's interface around the model and appends the gradient pass. */
function finish(
  classifier: Classifier,
  simplified: Graph,
  inference: Inference,
  layer: Layer | null,
  fixed: Fixed,
): CompiledGraph {
  const names = clearedNames(simplified);
  const named = (name: string) => names.get(name) ?? name;
  const renamed = renameValues(simplified, names);
  const graph: Graph = {
    ...renamed,
    name: 'sightline',
    inputs: [{ name: 'image', type: 'f32', dims: [fixed.batch, fixed.channels, fixed.height, fixed.width] }],
    outputs: [],
    nodes: [],
    initializers: new Map(renamed.initializers),
    declared: new Map(),
    metadata: new Map(),
  };
  const known = inferenceFor(graph, simplified, inference, names);
  const emit = new Emitter(graph, known, (node) => known.visit(node));
  known.setShape('image', { type: 'f32', dims: graph.inputs[0].dims as number[] });
  appendImageAdapter(emit, classifier, named(classifier.input.name));
  graph.nodes.push(...renamed.nodes);

  const classes = classifier.classes;
  const rawLogits = named(classifier.logits);
  const logits = emit.reshape(emit.cast(rawLogits, 'f32'), [fixed.batch, classes]);
  emit.op('Identity', [logits], {}, 'logits');
  graph.outputs.push({ name: 'logits', type: 'f32', dims: [fixed.batch, classes] });
  const result = { ...fixed, classes, inputs: ['image'], outputs: ['logits'] };
  if (!layer) return { onnx: exportOnnx(graph), ...result };

  requireOpset(graph);
  graph.inputs.push({ name: 'class_index', type: 'i64', dims: [fixed.batch] });
  known.setShape('class_index', { type: 'i64', dims: [fixed.batch] });
  const seed = appendClassSeed(emit, 'logits', fixed.batch, classes);
  const target = named(layer.name);
  const shaped = emit.cast(emit.reshape(seed, emit.dims(rawLogits)), emit.type(rawLogits));
  const gradient = appendGradient(graph, emit, rawLogits, shaped, target);
  const perm = layer.channelAxis === 3 ? [0, 3, 1, 2] : [0, 1, 2, 3];
  const planes = (value: string, name: string) => {
    emit.op('Identity', [emit.transpose(emit.cast(value, 'f32'), perm)], {}, name);
    graph.outputs.push({ name, type: 'f32', dims: [...emit.dims(name)] });
  };
  planes(target, 'activation');
  planes(gradient, 'gradient');
  const [, c, h, w] = emit.dims('activation');
  return {
    onnx: exportOnnx(graph),
    ...result,
    inputs: ['image', 'class_index'],
    outputs: ['logits', 'activation', 'gradient'],
    targetLayer: layer.name,
    activationShape: [c, h, w],
  };
}

/** Model values whose names the interface needs get another one. */
function clearedNames(graph: Graph): Map<string, string> {
  const used = new Set([...graph.initializers.keys(), ...graph.inputs.map((input) => input.name)]);
  for (const node of graph.nodes) for (const name of node.outputs) used.add(name);
  return new Map(reserved.filter((name) => used.has(name)).map((name) => [name, `model/${name}`]));
}

/** What is known of the simplified graph, under its new names, ready to learn of appended nodes. */
function inferenceFor(
  graph: Graph,
  simplified: Graph,
  inference: Inference,
  names: ReadonlyMap<string, string>,
): Inference {
  const known = new Inference(graph);
  const carry = (name: string) => {
    const shape = inference.shape(name);
    if (name && shape) known.setShape(names.get(name) ?? name, shape);
  };
  for (const input of simplified.inputs) carry(input.name);
  for (const node of simplified.nodes) node.outputs.forEach(carry);
  return known;
}

/** image f32 NCHW → the model's own layout and element type. */
function appendImageAdapter(emit: Emitter, { input }: Classifier, name: string): void {
  let value = 'image';
  if (input.dtype === 'u8') {
    const scaledUp = emit.op('Floor', [emit.add(emit.scale(value, 255), emit.scalar(value, 0.5))]);
    const zero = emit.scalar(value, 0);
    const limit = emit.scalar(value, 255);
    value = emit.op('Min', [emit.op('Max', [scaledUp, zero]), limit]);
  }
  if (input.layout === 'NHWC') value = emit.transpose(value, [0, 2, 3, 1]);
  value = emit.cast(value, input.dtype);
  emit.op('Identity', [value], {}, name);
}

/**
 * One-hot rows f32[batch,K] of the class to explain: class_index, or the highest logit where that is negative. In float
 * arithmetic, 1 − |index − k| cut at 0, which every operator set and every provider has.
 */
function appendClassSeed(emit: Emitter, logits: string, batch: number, classes: number): string {
  const predicted = emit.cast(emit.op('ArgMax', [logits], { axis: 1, keepdims: 1 }), 'f32');
  const given = emit.reshape(emit.cast('class_index', 'f32'), [batch, 1]);
  const open = emit.mask('Less', given, emit.scalar(given, 0));
  const chosen = emit.add(emit.mul(open, predicted), emit.mul(emit.sub(emit.scalar(given, 1), open), given));
  const numbers = emit.constant(
    f32(
      [1, classes],
      Float32Array.from({ length: classes }, (_, k) => k),
    ),
  );
  return emit.op('Relu', [emit.sub(emit.scalar(given, 1), emit.op('Abs', [emit.sub(chosen, numbers)]))]);
}

function requireOpset(graph: Graph): void {
  if (opsetOf(graph) >= 7) return;
  throw new SightlineError('E_MODEL_UNSUPPORTED', {
    where: 'model',
    what: `it uses operator set ${opsetOf(graph)}; explanations need 7 or higher`,
    remedy: 'Export it again with opset_version=17, or convert it with onnx.version_converter.',
  });
}
