import type { ProgressListener } from '../core/progress.js';
import type { GivenAugmentation } from '../data/augment_settings.js';
import type { ModelName } from '../models/index.js';
import type { DecodedSet } from '../training/feed/decoded_set.js';
import type { TrainingTask, WatchedMetric } from '../training/validation.js';
import type { ModelOptions } from './options.js';

/** Losses by name; `auto`: cross-entropy, of several labels bce, of segmentation dice-ce, of reconstruction mse. */
export const lossNames = ['auto', 'cross-entropy', 'bce', 'dice-ce', 'mse'] as const;
export type LossName = (typeof lossNames)[number];

/** Which samples are trained on, validated on and tested on. */
export interface SplitOptions {
  /** Column of the manifest, or `patient`: at random by patient. Default: split where the manifest has it, else patient. */
  split?: 'split' | 'fold' | 'patient';
  /** Values of the column. For `split` they may be left out: train, val, test and their usual other names. */
  train?: string[];
  validation?: string[];
  test?: string[];
  /** By patient: shares of training, validation and test. Default 0.7, 0.1, 0.2. */
  shares?: number[];
}

/** How weights are changed. */
export interface UpdateOptions {
  /** Default adam. */
  optimiser?: 'adam' | 'adamw' | 'sgd';
  /** Default 10⁻³; IDEAL: 10⁻⁴. */
  learningRate?: number;
  /** Default constant. `step`: times `stepFactor` every `stepEpochs`. */
  schedule?: 'constant' | 'cosine' | 'step';
  /** Updates over which the rate climbs from 0 at the beginning. Default 0. */
  warmUp?: number;
  /** Default 10. */
  stepEpochs?: number;
  /** Default 0.1. */
  stepFactor?: number;
  /** Default 0.9; IDEAL: 0.93. */
  beta1?: number;
  /** Default 0.999. */
  beta2?: number;
  /** SGD. Default 0.9. */
  momentum?: number;
  weightDecay?: number;
  /** Largest L2 norm of the gradient; default 0: none. */
  clipNorm?: number;
  /** Patterns of parameters that stay as they are: `features.*`. */
  freeze?: string[];
}

/** What is minimised. */
export interface LossOptions {
  loss?: LossName;
  /** `auto`: the inverse of the classes' frequency; or a weight per class. Default: all 1. */
  classWeights?: 'auto' | number[];
  /** Default 0. */
  labelSmoothing?: number;
  /** Weight of the attention-alignment term 1 − soft Dice(Grad-CAM, ROI); default 0: none. */
  alignment?: number;
  /** Its layer. Default: the last spatial activation. */
  alignmentLayer?: string;
}

/** How long. */
export interface DurationOptions {
  /** Default 10, unless iterations are given. */
  epochs?: number;
  /** Batches. */
  iterations?: number;
  /** Validate every so many batches besides each epoch's end. */
  validateEvery?: number;
  /** Metric that chooses the best model. Default auc, of segmentation dice, of reconstruction loss. */
  watch?: WatchedMetric;
  /** Validations without improvement after which training ends; default: never. */
  patience?: number;
  /** What counts as improvement. Default 0. */
  minimumImprovement?: number;
}

/** Options of a training whose samples are given. */
export interface TrainSamplesOptions
  extends
    UpdateOptions,
    LossOptions,
    DurationOptions,
    Pick<ModelOptions, 'mean' | 'std' | 'resize' | 'window' | 'axis' | 'labels' | 'noise'> {
  /** Run folder. */
  out: string;
  /** Architecture built from scratch … */
  arch?: ModelName;
  /** … or an ONNX classifier to fine-tune. */
  model?: string;
  /**
   * A `model.onnx` of an earlier training with the same architecture and classes: its weights, head and running statistics
   * are what training begins with; the optimiser is new.
   */
  startFrom?: string;
  /** Default: of a U-Net segmentation, of an autoencoder reconstruction, else by the labels: several a sample or one. */
  task?: TrainingTask;
  /** Several labels: those that stand for none ("no finding"). */
  noneLabels?: string[];
  /** Side of the input. Default 224. */
  size?: number;
  /** Default 3; of a U-Net or an autoencoder 1. */
  channels?: number;
  /** Multiplies the layers' widths. Default 1. */
  width?: number;
  /** Share of units dropped where the architecture has dropout. */
  dropout?: number;
  /** Default train. */
  batchNorm?: 'train' | 'eval';
  /** Images per batch. Default 16. */
  batch?: number;
  /** Batches per update. Default 1. */
  accumulate?: number;
  /** Draw every class as often as every other. */
  balanced?: boolean;
  /** Preset or settings. Default ideal. */
  augmentation?: GivenAugmentation;
  /** Of initial weights, order, augmentation and dropout. Default 0. */
  seed?: number;
  /** Decode threads. Never changes a result. */
  workers?: number;
  /** Memory for decoded images, MiB. Never changes a result. Default 1024. */
  cacheMb?: number;
  /**
   * Threads and decoded images that trainings and scoring passes share. A training whose images find no room there keeps
   * them in `cacheMb` of its own. See `openDecoded`.
   */
  decoded?: DecodedSet;
  runtime?: 'auto' | 'native' | 'onnxruntime';
  provider?: 'cpu' | 'webgpu' | 'cuda' | 'dml' | 'coreml';
  threads?: number;
  /** Seconds between checkpoints. Default 300. */
  checkpointSeconds?: number;
  /** Batches between checkpoints, besides those of epochs. */
  checkpointEvery?: number;
  /** Batches between rows of the history. Default 10. */
  logEvery?: number;
  /**
   * False: once the model is exported, `result.json` takes the place of the checkpoints, which are three times as large
   * as the model each. Such a run cannot go on with more epochs. Default true.
   */
  keepCheckpoints?: boolean;
  resume?: boolean;
  overwrite?: boolean;
  onProgress?: ProgressListener;
  onNotice?: (message: string) => void;
}

/** What a training is, wherever it is kept. */
export type TrainingChoices = Omit<TrainSamplesOptions, 'out'>;

/** Options of `train`. */
export interface TrainOptions extends TrainSamplesOptions, SplitOptions {
  /** Folder, glob or manifest. */
  data: string;
}
