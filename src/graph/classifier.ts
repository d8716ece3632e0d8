import { SightlineError } from '../core/errors.js';
import { canonical } from './canonical.js';
import { findHead } from './head.js';
import { findImageInput, type ImageInput } from './image_input.js';
import type { Inference } from './infer.js';
import type { Graph, ValueShape } from './ir.js';
import { areaOf, automaticTarget, layerNamed, spatialLayers } from './layers.js';
import { importModel } from './model_import.js';
import { declaredShapes, inferGraph, simplify } from './rewriting.js';

export type Activation = 'softmax' | 'sigmoid' | 'none';
export type Layout = 'NCHW' | 'NHWC';

export interface ClassifierOptions {
  /** Name of the image input, where the model has several inputs. */
  input?: string;
  /** Name of the value that holds the scores, where the model has several outputs. May be any inner value. */
  output?: string;
  layout?: Layout;
  /**
   * What turns the logits into probabilities. By default what ends the graph; a graph that ends in raw logits counts
   * as softmax (sigmoid for a single output). Say 'sigmoid' for a multi-label model exported without its sigmoid.
   */
  activation?: Activation;
  /** Input size [H, W] to assume where the model leaves it open. */
  size?: readonly [height: number, width: number];
  /** Target layer of Grad-CAM: a value or node name. Default: the last spatial activation. */
  targetLayer?: string;
}

/** A layer as shown to people, or as a candidate target: the value's name, what makes it, its [N,C,H,W]-like shape. */
export interface Layer {
  /** Name of the ONNX value. */
  name: string;
  /** Name of the node that makes it. */
  node: string;
  op: string;
  /** As laid out in the graph; the batch is the one that `readClassifier` assumed. */
  shape: readonly number[];
  /** 1 for NCHW, 3 for NHWC, 2 for tokens. */
  channelAxis: number;
  /** For a layer [N, tokens, C] of a vision transformer: its grid of patches, row by row after `before` other tokens. */
  tokens?: { before: number; height: number; width: number };
}

export interface ClassifierInput {
  name: string;
  dtype: 'f32' | 'f16' | 'u8';
  layout: Layout;
}

/** An image classifier, as read from its graph. */
export interface Classifier {
  /** Paths of the files that the model consists of, its weights' included; none where it was given as bytes. */
  files: readonly string[];
  graph: Graph;
  input: ClassifierInput;
  /** [H, W], or null where the model accepts any size. */
  size: readonly [height: number, width: number] | null;
  channels: number;
  /** Fixed batch size that the file declares, or null. */
  batch: number | null;
  classes: number;
  /** Value that holds the raw scores before the final activation. */
  logits: string;
  /** What turns logits into probabilities, and whether the graph says so. */
  activation: 'softmax' | 'sigmoid' | 'none';
  activationSource: 'graph' | 'assumed' | 'option';
  /** True for independent (sigmoid) classes. */
  multiLabel: boolean;
  /** Class names from the model's metadata, in logit order. */
  labels: string[] | null;
  /** The model's metadata_props. */
  metadata: ReadonlyMap<string, string>;
  /** Values that Grad-CAM can target, from input to output; empty for a model with no spatial layer. */
  targetLayers: readonly Layer[];
  /** Automatic target, or the one of the options; null when there is none. */
  targetLayer: Layer | null;
  layers(): Layer[];
}

/** Batch and size that open dims are given while the graph is read. */
const assumedSize = [224, 224] as const;

/**
 * Reads an ONNX file (path, or bytes without external data) or a TensorFlow.js LayersModel (path of its model.json) and
 * finds input, head and target layers.
 * @throws SightlineError E_NOT_FOUND, E_MODEL_FORMAT (not a readable model file), E_MODEL_UNSUPPORTED (not an image
 *   classifier), E_ARGUMENT (an option that does not fit the model)
 */
export function readClassifier(model: string | Uint8Array, options: ClassifierOptions = {}): Classifier {
  const { graph: imported, files } = importModel(model);
  const image = findImageInput(imported, options);
  const size = fixedSize(image, options.size);
  const shapes = shapesFor(imported, image, image.batch ?? 1, size ?? options.size ?? assumedSize);
  const graph = canonical(imported, shapes);
  const head = findHead(graph, shapes, image.batch ?? 1, outputNamed(graph, options.output));
  const simplified = simplify(graph, shapes, [head.logits]);
  const layers = spatialLayers(simplified, shapes, image.name, head.logits, image.layout === 'NCHW' ? 1 : 3);
  const targets = layers.filter((layer) => areaOf(layer) > 1);
  const activation = options.activation ?? head.activation ?? (head.classes === 1 ? 'sigmoid' : 'softmax');
  return {
    files,
    graph,
    input: { name: image.name, dtype: image.dtype, layout: image.layout },
    size,
    channels: image.channels,
    batch: image.batch,
    classes: head.classes,
    logits: head.logits,
    activation,
    activationSource: options.activation ? 'option' : head.activation ? 'graph' : 'assumed',
    multiLabel: activation === 'sigmoid',
    labels: labelsIn(graph, head.classes),
    metadata: graph.metadata,
    targetLayers: targets,
    targetLayer: options.targetLayer
      ? layerNamed(graph, targets, options.targetLayer)
      : automaticTarget(simplified, targets, image.name, head.logits),
    layers: () => [...layers],
  };
}

function fixedSize(image: ImageInput, asked: ClassifierOptions['size']): Classifier['size'] {
  const { height, width } = image;
  if (height === null || width === null) return null;
  if (asked && (asked[0] !== height || asked[1] !== width)) throw wrongSize([height, width], asked);
  return [height, width];
}

/** E_ARGUMENT: a size other than the one the model is fixed to. */
export function wrongSize(fixed: readonly number[], asked: readonly number[]): SightlineError {
  return new SightlineError('E_ARGUMENT', {
    where: 'size',
    what: `the model takes images of ${fixed.join('×')} only (height×width), not ${asked.join('×')}`,
    remedy: 'Leave the size out, or export the model with dynamic height and width.',
  });
}

/** Runs shape inference for one batch and image size. */
export function shapesFor(
  graph: Graph,
  image: Pick<ImageInput, 'name' | 'dtype' | 'layout' | 'batch' | 'channels'>,
  batch: number,
  [height, width]: readonly [number, number] | readonly number[],
  measured?: ReadonlyMap<string, ValueShape>,
): Inference {
  const dims =
    image.layout === 'NCHW' ? [batch, image.channels, height, width] : [batch, height, width, image.channels];
  const declared = declaredShapes(graph, batch, image.batch);
  return inferGraph(
    graph,
    new Map([[image.name, { type: image.dtype, dims }]]),
    (name) => measured?.get(name) ?? declared(name),
  );
}

function outputNamed(graph: Graph, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const node = graph.nodes.find((candidate) => candidate.outputs.includes(name) || candidate.name === name);
  if (node) return node.outputs.includes(name) ? name : node.outputs[0];
  throw new SightlineError('E_ARGUMENT', {
    where: 'output',
    what: `the model has no output '${name}'`,
    remedy: `Its outputs: ${graph.outputs.map((output) => `'${output.name}'`).join(', ')}.`,
  });
}

/** Class names as exporters keep them: a JSON list or object, a Python-like list, or comma- or line-separated text. */
function labelsIn(graph: Graph, classes: number): string[] | null {
  for (const key of ['labels', 'classes', 'class_names', 'names', 'id2label']) {
    const text = graph.metadata.get(key);
    if (text === undefined) continue;
    const labels = parseLabels(text);
    if (labels?.length === classes) return labels;
  }
  return null;
}

function parseLabels(text: string): string[] | null {
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) return value.map(String);
    if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value).sort(([a], [b]) => Number(a) - Number(b));
      return entries.every(([key]) => /^\d+$/.test(key)) ? entries.map(([, label]) => String(label)) : null;
    }
  } catch {
    // Not JSON: one of the plain forms below.
  }
  const quoted = [...text.matchAll(/'([^']*)'/g)].map((match) => match[1]);
  if (quoted.length > 0) return quoted;
  return text
    .trim()
    .split(/\r?\n|,/)
    .map((label) => label.trim());
}
