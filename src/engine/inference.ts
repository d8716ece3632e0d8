import type { BackendName } from '../backend/index.js';
import type { Criteria } from '../core/criteria.js';
import type { Preprocessing } from '../data/types.js';
import type { Binarisation } from '../features/binarisation.js';
import type { Activation } from '../features/uncertainty.js';
import type { AttentionAgreement } from '../metrics/attention.js';
import type { ProviderName, RuntimeName } from '../runtime/index.js';
import type { VectorKind } from '../store/score_rows.js';
import type { DropoutSetup } from './dropout_scorer.js';
import type { MapRadiomicsSetup } from './map_radiomics.js';
import type { RegionSetup } from './region_predictor.js';

/** Everything a worker needs to open a model: plain data, and the ONNX bytes in shared memory. */
export interface InferenceSetup {
  onnx: SharedArrayBuffer;
  runtime: RuntimeName;
  provider: ProviderName | 'auto';
  /** Threads inside one model run. */
  threads: number;
  backend: BackendName | 'auto';
  batch: number;
  /** How images were normalised. */
  preprocessing: Preprocessing;
  channels: number;
  height: number;
  width: number;
  classes: number;
  activation: Activation;
  /** Name of the explanation, or null to score probabilities alone. */
  explanation: string | null;
  binarise: Binarisation | 'soft';
  /** Radiomics of the saliency maps or the images, when a strategy needs them. */
  radiomics: MapRadiomicsSetup | null;
  /** Monte-Carlo dropout, when a criterion needs it. */
  dropout: DropoutSetup | null;
  /** Where the region comes from that `dice` compares a map with. */
  roi: RoiChoice;
  /** What predicts regions, where they are predicted. */
  regionModel: RegionSetup | null;
  /** Whether maps are compared with the manifest's regions as well. */
  attention: boolean;
  /** Vectors to give back of every sample. */
  vectors: VectorSetup;
}

/** Regions of the manifest, none, or those that a segmentation model predicts. */
export type RoiChoice = 'manifest' | 'none' | 'predicted';

/** Which vectors are computed of a sample. */
export interface VectorSetup {
  /** Penultimate features. */
  embeddings: boolean;
  /** The saliency map, or the image in grey, resized to a square of `size` pixels; null: none. */
  maps: { of: 'saliency' | 'image'; size: number } | null;
}

/** One batch in shared memory. Holes (samples that could not be read) are zeros. */
export interface InferenceTask {
  /** f32[batch,C,H,W] */
  images: SharedArrayBuffer;
  /** u8[batch,H,W], non-zero inside the region of interest */
  rois: SharedArrayBuffer;
  /** Whether each slot has a region of interest of the manifest. */
  hasRoi: boolean[];
  /** Class to explain per slot; −1 = the predicted one. */
  classIndex: Int32Array;
  /** Send the saliency maps back as well. */
  wantMaps: boolean;
}

/** Per-slot results; NaN where a number does not exist. */
export interface InferenceResult {
  logits: Float32Array;
  predicted: Int32Array;
  confidence: Float64Array;
  criteria: Criteria<Float64Array>;
  flat: Uint8Array;
  /** Radiomics, batch rows of as many numbers as the run has features. */
  features: Float64Array;
  /** f32[batch,H,W] in [0, 1], when asked for */
  maps?: Float32Array;
  /** Whether `dice` and `roi_area` had a region. */
  hasRegion: boolean[];
  /** Of the rows that have a region in the manifest. */
  attention: (AttentionAgreement | undefined)[];
  /** f32[batch, width] by kind. */
  vectors: Partial<Record<VectorKind, Float32Array>>;
  /** Where it ran, for the run's metadata. */
  ran: { provider: string; backend: string };
}
