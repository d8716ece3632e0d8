import type { Backend, DeviceTensor } from '../backend/index.js';
import type { Tensor } from '../core/tensor.js';
import type { GraphPass } from '../graph/passes/pass.js';

export interface SaliencySize {
  height: number;
  width: number;
  /** The maps may stay on the GPU, for kernels that follow. */
  keep: boolean;
}

/** Saliency maps of a batch. */
export interface SaliencyMaps {
  /** f32[B,H,W], scaled to [0, 1] per image. */
  maps: Tensor<'f32'> | DeviceTensor<'f32'>;
  /** u32[B]: 1 where the map was constant and became all zeros. */
  flat: Tensor<'u32'>;
}

/** What a user chose, as far as compiled graphs depend on it. */
export interface ExplanationSettings {
  /** Target layer of the Grad-CAM family: value, node or module name. Default: the last spatial activation. */
  layer?: string;
  /** Lowest and highest value that a preprocessed pixel can have, per channel. */
  low: readonly number[];
  high: readonly number[];
}

/** A batch that went through the compiled graph. */
export interface ExplainedBatch {
  /** f32[B,C,H,W], preprocessed */
  readonly images: Tensor<'f32'>;
  /** Outputs of the compiled graph. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Runs the graph on other images, explaining the same classes. */
  again(images: Tensor<'f32'>): Promise<Readonly<Record<string, Tensor>>>;
}

/** One way to ask a model where it looks: what its compiled graph must give, and how that becomes maps. */
export interface Explanation {
  readonly name: string;
  /** One line for --help. */
  readonly summary: string;
  /** Whether --layer matters. */
  readonly atLayer: boolean;
  /** Graph runs per batch. */
  readonly runs: number;
  /** What the compiled graph must compute besides the logits. */
  passes(settings: ExplanationSettings): GraphPass[];
  maps(batch: ExplainedBatch, backend: Backend, size: SaliencySize): Promise<SaliencyMaps>;
}
