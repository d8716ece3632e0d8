import type { Classifier } from './classifier.js';

export interface CompileOptions {
  /** Samples per run; static in the compiled graph. */
  batch: number;
  /** [H, W]; needed where the classifier's size is null. */
  size?: readonly [height: number, width: number];
  /** Adds outputs `activation` and `gradient`. */
  explain?: { targetLayer?: string };
  /** Shapes measured by running the model, for values that shape inference cannot reach. */
  measured?: ReadonlyMap<string, readonly number[]>;
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

/**
 * Inputs: `image` f32[batch,C,H,W]; `class_index` i64[batch] (only with `explain`; −1 = predicted class).
 * Outputs: `logits` f32[batch,K]; with `explain` also `activation` and `gradient` f32[batch,C,h,w].
 */
export function compile(_classifier: Classifier, _options: CompileOptions): CompiledGraph {
  throw new Error('in progress');
}
