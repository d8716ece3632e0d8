import { SightlineError } from '../core/errors.js';
import type { Layer } from './classifier.js';
import type { Inference } from './infer.js';
import { intsAttribute, producersOf, readsOf, type Graph } from './ir.js';

/** Ops that fix their operands' layout to channels first. */
const channelsFirst = new Set([
  'Conv',
  'ConvTranspose',
  'MaxPool',
  'AveragePool',
  'GlobalAveragePool',
  'GlobalMaxPool',
  'BatchNormalization',
  'InstanceNormalization',
  'LRN',
  'DepthToSpace',
  'SpaceToDepth',
  'LpPool',
]);

/**
 * All feature maps between the image and the logits, in topological order: [N,C,H,W] (or NHWC), and [N,tokens,C] of
 * vision transformers, whose tokens are the pixels of the last feature map before them.
 * @param imageAxis channel axis of the image input: 1 or 3
 */
export function spatialLayers(
  graph: Graph,
  inference: Inference,
  input: string,
  logits: string,
  imageAxis: number,
): Layer[] {
  const between = valuesBetween(graph, input, logits);
  const channelAxis = new Map([[input, imageAxis]]);
  const layers: Layer[] = [];
  for (const node of graph.nodes) {
    for (const name of node.outputs) {
      const shape = inference.shape(name);
      if (!between.has(name) || !shape || !floatTypes.has(shape.type)) continue;
      const tokens = tokensOf(shape.dims, layers);
      if (tokens) layers.push({ name, node: node.name, op: node.op, shape: shape.dims, channelAxis: 2, tokens });
      if (shape.dims.length !== 4) continue;
      const axis = axisAfter(
        node.op,
        intsAttribute(node, 'perm'),
        node.inputs.map((from) => channelAxis.get(from)),
      );
      channelAxis.set(name, axis);
      const layer = { name, node: node.name, op: node.op, shape: shape.dims, channelAxis: axis };
      // Among tokens, what has four axes is attention, unless it has a map's size again.
      const amongTokens = layers.some((other) => other.tokens);
      if (!amongTokens || layers.some((other) => areaOf(other) === areaOf(layer))) layers.push(layer);
    }
  }
  return layers;
}

function axisAfter(op: string, perm: number[] | undefined, before: (number | undefined)[]): number {
  if (channelsFirst.has(op)) return 1;
  const axis = before.find((known) => known !== undefined) ?? 1;
  if (op === 'Transpose' && perm?.length === 4) {
    const moved = perm.indexOf(axis);
    return moved === 1 || moved === 3 ? moved : 1;
  }
  return axis;
}

const floatTypes = new Set(['f32', 'f16', 'f64', 'bf16']);

/** Most tokens that stand before the patches: class, distillation, registers. */
const mostExtraTokens = 8;

/** The grid behind [N,tokens,C], from the last feature map with as many pixels. */
function tokensOf(dims: readonly number[], before: readonly Layer[]): Layer['tokens'] {
  // Attention maps are square: rows of tokens by tokens.
  if (dims.length !== 3 || dims[1] === dims[2]) return undefined;
  const extraOver = (layer: Layer) => dims[1] - areaOf(layer);
  const map = before.findLast(
    (layer) =>
      !layer.tokens && layer.shape[0] === dims[0] && areaOf(layer) > 1 && inRange(extraOver(layer), mostExtraTokens),
  );
  if (!map) return undefined;
  const extra = extraOver(map);
  const [height, width] = map.shape.filter((_, axis) => axis > 0 && axis !== map.channelAxis);
  return { before: extra, height, width };
}

function inRange(value: number, most: number): boolean {
  return value >= 0 && value <= most;
}

/** Height times width of a layer. */
export function areaOf({ shape, channelAxis, tokens }: Layer): number {
  if (tokens) return tokens.height * tokens.width;
  return (shape[1] * shape[2] * shape[3]) / shape[channelAxis];
}

/** Values on some path from `input` to `logits`. */
function valuesBetween(graph: Graph, input: string, logits: string): Set<string> {
  const down = new Set([input]);
  for (const node of graph.nodes)
    if (readsOf(node).some((name) => down.has(name))) node.outputs.forEach((name) => down.add(name));
  const up = new Set([logits]);
  for (const node of [...graph.nodes].reverse())
    if (node.outputs.some((name) => up.has(name))) readsOf(node).forEach((name) => up.add(name));
  return new Set([...down].filter((name) => name !== '' && up.has(name)));
}

/**
 * Grad-CAM's target by definition: the last feature map that every path from the image to the logits passes through
 * before the spatial dims are reduced, after its activation. That is the tensor that enters global pooling (DenseNet:
 * after the last ReLU; ResNet: layer4's output). Where the head flattens instead, it is the tensor that is flattened,
 * or, if an average pooling stands before the Flatten (VGG's adaptive pooling), what enters that pooling: for VGG16 the
 * output of the last MaxPool, features[30], as pytorch-grad-cam's documentation suggests (features[-1]).
 */
export function automaticTarget(graph: Graph, layers: readonly Layer[], input: string, logits: string): Layer | null {
  const cuts = cutValues(graph, input, logits);
  const candidates = layers.filter((layer) => cuts.has(layer.name) && areaOf(layer) > 1);
  let last = candidates.at(-1);
  while (last?.op === 'AveragePool' || last?.op === 'Identity' || last?.op === 'Dropout') {
    const before = candidates[candidates.indexOf(last) - 1];
    if (!before) break;
    last = before;
  }
  if (last?.tokens?.before) return beforeLastAttention(graph, layers, candidates) ?? last;
  return last ?? null;
}

/**
 * Behind the last attention of a transformer with a class token, nothing flows from the patches to the logits any more.
 * The target is what that attention reads: the last value before it that all paths pass through, after its layer
 * normalisation (as pytorch-grad-cam's documentation suggests: norm1 of the last block).
 */
function beforeLastAttention(graph: Graph, layers: readonly Layer[], candidates: readonly Layer[]): Layer | undefined {
  const order = new Map(graph.nodes.flatMap((node, at) => node.outputs.map((name) => [name, at])));
  const attention = graph.nodes.findLastIndex(({ op, outputs }) => op === 'Softmax' && outputs.length === 1);
  const input = candidates.findLast(({ name, tokens }) => tokens && (order.get(name) ?? 0) < attention);
  if (!input) return undefined;
  const norms = graph.nodes.filter(({ op, inputs }) => op === 'LayerNormalization' && inputs[0] === input.name);
  return layers.find(({ name }) => norms.length === 1 && norms[0].outputs[0] === name) ?? input;
}

/**
 * Values that all paths from `input` to `logits` pass through: those that are the only one alive when they are made.
 * In a topological order everything before such a value is its ancestor and everything after it its descendant.
 */
export function cutValues(graph: Graph, input: string, logits: string): Set<string> {
  const between = valuesBetween(graph, input, logits);
  const nodes = graph.nodes.filter((node) => node.outputs.some((name) => between.has(name)));
  const lastRead = new Map<string, number>([[logits, nodes.length]]);
  nodes.forEach((node, at) =>
    readsOf(node).forEach((name) => between.has(name) && lastRead.set(name, Math.max(at, lastRead.get(name) ?? 0))),
  );
  const cuts = new Set<string>();
  const alive = new Set([input]);
  nodes.forEach((node, at) => {
    for (const name of readsOf(node)) if (lastRead.get(name) === at) alive.delete(name);
    for (const name of node.outputs) if (between.has(name)) alive.add(name);
    if (alive.size === 1) cuts.add([...alive][0]);
  });
  return cuts;
}

/**
 * The layer that a user names: a value, a node, or a PyTorch module ("layer4.2", "features.29"), which means the last
 * feature map made inside that module.
 * @throws SightlineError E_ARGUMENT with the closest names; E_MODEL_UNSUPPORTED when the model has no feature maps
 */
export function layerNamed(graph: Graph, layers: readonly Layer[], name: string): Layer {
  if (layers.length === 0) throw noSpatialLayer();
  const exact =
    layers.find((layer) => layer.name === name) ??
    layers.findLast((layer) => layer.node === name) ??
    inModule(layers, name);
  if (exact) return exact;
  const known = producersOf(graph).has(name) || graph.nodes.some((node) => node.name === name);
  throw new SightlineError('E_ARGUMENT', {
    where: 'layer',
    what: known
      ? `'${name}' is not a feature map [batch, channels, height, width] between image and logits`
      : `the model has no layer '${name}'`,
    remedy: `Closest: ${closest(layers, name).join(', ')}.`,
  });
}

function inModule(layers: readonly Layer[], name: string): Layer | undefined {
  // torch.onnx names nodes by module path: "/layer4/layer4.2/relu/Relu".
  const parts = name.split('.');
  const tails = [`/${name}/`, `/${parts.join('/')}/`];
  return layers.findLast((layer) => tails.some((tail) => `${layer.node}/`.includes(tail)));
}

export function noSpatialLayer(): SightlineError {
  return new SightlineError('E_MODEL_UNSUPPORTED', {
    where: 'model',
    what: 'it has no spatial layer (a feature map larger than 1×1 between image and logits), which Grad-CAM needs',
    remedy:
      'Use a convolutional classifier, or a strategy without saliency maps: random, entropy, least-confidence, margin.',
  });
}

function closest(layers: readonly Layer[], name: string): string[] {
  const distance = (layer: Layer) => Math.min(editDistance(layer.name, name), editDistance(layer.node, name));
  return [...layers]
    .sort((a, b) => distance(a) - distance(b))
    .slice(0, 5)
    .map((layer) => `'${layer.name}'`);
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
