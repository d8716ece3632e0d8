import type { Backend } from '../backend/index.js';
import type { Tensor } from '../core/tensor.js';
import type { Graph } from '../graph/ir.js';
import type { AlignmentSettings } from '../graph/training/alignment.js';
import type { LossSettings } from '../graph/training/losses.js';
import type { OptimiserOptions } from './optimiser_options.js';
import type { StepReport } from './optimiser.js';

export type { AlignmentSettings } from '../graph/training/alignment.js';
export type { LossSettings } from '../graph/training/losses.js';

export interface TrainingStepSettings {
  /** Samples per run; static. */
  batch: number;
  loss: LossSettings;
  optimiser: Partial<OptimiserOptions>;
  /** `eval`: running statistics are used and stay as they are. Default train. */
  batchNorm?: 'train' | 'eval';
  alignment?: AlignmentSettings;
  /** Of dropout's draws. Default 0. */
  seed?: number;
  /** What executes it. Default auto: the addon where it has all ops of the graph, else ONNX Runtime. */
  runtime?: 'auto' | 'native' | 'onnxruntime';
  /** ONNX Runtime's provider. Default cpu. */
  provider?: 'cpu' | 'webgpu' | 'cuda' | 'dml' | 'coreml';
  /** Threads inside a run. Default: the number of cores. */
  threads?: number;
}

export interface TrainingBatch {
  /** f32[B,C,H,W], normalised. */
  images: Tensor<'f32'>;
  /** See LossSettings. */
  targets: Tensor<'f32'>;
  /** With alignment: f32[B,H,W], 1 inside the ROI; a sample without one is all zeros and takes no part in that loss. */
  rois?: Tensor<'f32'>;
}

export interface BatchReport {
  /** NaN or infinite where training diverged. */
  loss: number;
  /** f32[B,K] (or [B,K,H,W]), before the update. */
  logits: Tensor<'f32'>;
  /** The alignment term before its weight. */
  alignment?: number;
}

/**
 * A model in training: parameters, running statistics and optimiser state, and the compiled graph that computes the loss
 * and its gradients. Calls must not overlap.
 */
export interface TrainingStep {
  readonly batch: number;
  /** What executes it, for people: "native (avx512, 2 threads)". */
  readonly description: string;
  /** Updates applied. */
  readonly step: number;
  readonly learningRate: number;
  /**
   * Computes loss and gradients and adds them up until `apply`; updates batch norm's running statistics.
   * A loss that is not finite adds nothing and leaves the statistics alone: the caller decides.
   * @param draw number that dropout's draws are keyed by; the same number gives the same masks
   * @throws SightlineError E_SHAPE, E_MEMORY, E_PROVIDER
   */
  accumulate(batch: TrainingBatch, draw: number): Promise<BatchReport>;
  /**
   * One update by the mean of what was accumulated since the last one.
   * @param options.rateFactor multiplies the schedule's learning rate in this update; default 1
   */
  apply(backend: Backend, options?: { rateFactor?: number }): Promise<StepReport>;
  /** Logits in inference form (running statistics, no dropout) of up to `batch` images. */
  predict(images: Tensor<'f32'>): Promise<Tensor<'f32'>>;
  /** The model with its current weights (copies), in inference form. */
  model(): Graph;
  /** Weights, statistics, optimiser state: `restore` goes on bit for bit. */
  serialise(): Uint8Array;
  /** @throws SightlineError E_MODEL_FORMAT, E_ARGUMENT (another model's state) */
  restore(bytes: Uint8Array): void;
  close(): Promise<void>;
}
