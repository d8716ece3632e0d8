import type { Graph, ValueInfo } from './ir.js';

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
  /** 1 for NCHW, 3 for NHWC. */
  channelAxis: number;
}

export interface ClassifierInput {
  name: string;
  dtype: 'f32' | 'f16' | 'u8';
  layout: Layout;
}

/** An ONNX image classifier, as read from its graph. */
export interface Classifier {
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

export type { Graph, ValueInfo };

/** Reads an ONNX file (path, or bytes without external data) and finds input, head and target layers. */
export function readClassifier(_model: string | Uint8Array, _options: ClassifierOptions = {}): Classifier {
  throw new Error('in progress');
}
