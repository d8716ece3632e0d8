import type { ProgressListener } from '../core/progress.js';
import type { FixedNoise } from '../data/fixed_noise.js';
import type { Binarisation } from '../features/binarisation.js';
import type { RadiomicsClass } from '../features/radiomics/features.js';
import type { StrategyOptions } from '../strategies/index.js';

/** How the model is read and fed. Everything left out is read from the graph, a sidecar JSON or its default. */
export interface ModelOptions {
  /**
   * ONNX file, or a TensorFlow.js model.json. A sidecar beside it (`<model>.json`, or `model.sidecar.json`) is read
   * when it exists.
   */
  model: string;
  /** Sidecar JSON with labels, size, mean, std … to use instead of the one beside the model. */
  sidecar?: string;
  /** Class names, in the order of the logits. */
  labels?: string[];
  /** Head: how logits become probabilities. Default: the graph's last operator, else softmax (sigmoid for one output). */
  activation?: 'softmax' | 'sigmoid';
  /** Input size [height, width] where the graph leaves it open. Default 224×224. */
  size?: [number, number];
  /** Per channel, on pixel values in [0, 1]. Default 0. */
  mean?: number[];
  /** Per channel, on pixel values in [0, 1]. Default 1. */
  std?: number[];
  /** How an image is brought to the input's shape. Default stretch. */
  resize?: 'stretch' | 'crop' | 'pad';
  /** Intensity window for DICOM and NIfTI, in the file's units; default: the file's own. */
  window?: { center: number; width: number };
  /** Slice axis of NIfTI volumes. Default 2. */
  axis?: 0 | 1 | 2;
  /** Noise that belongs to the images themselves (IDEAL §V-G): the same for a sample in every pass and epoch. Default none. */
  noise?: FixedNoise;
}

/** What to explain and how. */
export interface ExplainOptions {
  /** Explanation method, or none: no maps, and no criteria of them. Default grad-cam. */
  explain?: string;
  /** Target layer: an ONNX value or node name. Default: the last spatial activation. */
  layer?: string;
  /** Class to explain: an index, a class name, "predicted" (default) or "label" (each sample's own label). */
  class?: number | string;
  /**
   * How the saliency map is binarised for Dice: a threshold in [0, 1] (default 0.5), "otsu", "max:0.15" (share of its
   * maximum), "top:0.1" (share of the pixels), or "soft" (no threshold).
   */
  binarise?: Binarisation | 'soft';
}

/** Radiomics of saliency maps and images, for the strategies that rank by them. */
export interface ScoreRadiomics {
  /** Feature classes to compute beside those that the strategy needs, so that a later --resume can rank by them. */
  radiomics?: readonly RadiomicsClass[];
  /** What is measured: the saliency maps (default), or the images themselves (IDEAL's ablation). */
  radiomicsOf?: 'saliency' | 'image';
  /** Width of a grey level on values in [0, 255]. Default 25. */
  binWidth?: number;
  /** Number of grey levels, instead of their width. */
  binCount?: number;
  /** How a map becomes the region whose shape is measured. Default otsu. */
  shapeBinarise?: Binarisation;
}

/** Monte-Carlo dropout, for the strategies that need it. */
export interface DropoutSettings {
  /** Stochastic passes per image. Default 20. */
  dropoutPasses?: number;
  /** Share of units dropped, in [0, 1). Default: the model's own rates, else 0.2. */
  dropoutRate?: number;
  /** Where units are dropped. Default: at the model's own Dropout nodes, else after every block. */
  dropoutAt?: 'model' | 'blocks' | 'head';
  /** Whole channels of feature maps (default) or single elements. */
  dropoutUnit?: 'channel' | 'element';
}

/** Where the regions of interest come from that `dice` and `roi_area` are about. */
export interface RegionOptions {
  /** The manifest's masks and boxes (default), or none: as if there were none. */
  roi?: 'manifest' | 'none';
  /** A U-Net as `train` writes it, which predicts a region for every sample in place of the manifest's. */
  roiModel?: string;
}

/** Where and how wide the work runs. */
export interface ComputeOptions {
  /** Kernel backend. Default auto. */
  backend?: 'auto' | 'webgpu' | 'native' | 'reference';
  /** What executes the model: ONNX Runtime (default), or TensorFlow.js where it is installed. */
  runtime?: 'onnxruntime' | 'tfjs';
  /** Execution provider of ONNX Runtime, or backend of TensorFlow.js. Default auto. */
  provider?: string;
  /** Threads that decode images. Default: the number of cores. Never changes a result. */
  workers?: number;
  /** Images per model run. Default 8. */
  batch?: number;
  /** Ceiling for the process's memory, in MiB: fewer sessions and batches in flight. */
  limitMemory?: number;
}

/** Options of a scoring pass. */
export interface ScoreOptions
  extends
    ModelOptions,
    ExplainOptions,
    DropoutSettings,
    ScoreRadiomics,
    RegionOptions,
    ComputeOptions,
    StrategyOptions {
  /** Folder, glob or manifest (.csv, .jsonl, .parquet). */
  pool: string;
  /** Output folder. */
  out: string;
  /** Acquisition function. Default xal. */
  strategy?: string;
  /** How many samples to select. Default 50. */
  top?: number;
  /** Rank the other way round. */
  reverse?: boolean;
  /** Continue the run in `out`. Without it a folder that holds a run is refused. */
  resume?: boolean;
  /** Discard the run in `out`. */
  overwrite?: boolean;
  onProgress?: ProgressListener;
  /** Things worth telling the user once: a fallback, a missing ROI, ignored columns … */
  onNotice?: (message: string) => void;
}
