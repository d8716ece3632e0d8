import type { ErrorData } from '../core/errors.js';
import type { AugmentationSettings } from './augment_settings.js';
import type { SampleCacheMemory } from './sample_cache.js';

/** Rectangle in original pixels, half-open: pixel column c is inside when x0 <= c + 0.5 < x1. */
export interface Box {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

/** One candidate of a pool: a picture, or one slice of a volume or frame of a multi-frame file. */
export interface Sample {
  /** Position in the pool, 0-based. */
  index: number;
  id: string;
  /** Absolute path. */
  path: string;
  /** Frame, slice or page, 0-based; absent for a file with one picture. */
  slice?: number;
  label?: string;
  /** Absolute path of the region-of-interest mask. */
  mask?: string;
  boxes?: Box[];
  /** Grouping key as the manifest gives it; never read from an image file. */
  patient?: string;
  split?: string;
  /** Of a cross-validation, as the manifest gives it. */
  fold?: string;
}

/** Linear intensity window: centre - width/2 → 0, centre + width/2 → 1, clamped between. */
export interface Window {
  center: number;
  width: number;
}

export type Axis = 0 | 1 | 2;

/** How a picture becomes the model's input. Part of a run's settings: equal values give equal pixels. */
export interface Preprocessing {
  channels: number;
  height: number;
  width: number;
  /** Per channel, on pixel values in [0, 1]. */
  mean: number[];
  /** Per channel, on pixel values in [0, 1]. */
  std: number[];
  /**
   * `stretch`: both sides to the target size. `crop`: shorter side to the target, then centre crop
   * (torchvision's Resize + CenterCrop). `pad`: longer side to the target, black bars around.
   */
  resize: 'stretch' | 'crop' | 'pad';
  /** Overrides a DICOM file's window and a NIfTI volume's range. In the file's units (HU …). */
  window?: Window;
  /** NIfTI: the axis whose index is the slice number. Default 2. */
  axis?: Axis;
  /** Gaussian noise on pixel values in [0, 1], drawn by seed and sample id: fixed for a sample. Default none. */
  noise?: { sigma: number; seed: number };
}

export type PictureFormat = 'png' | 'jpeg' | 'tiff' | 'webp' | 'gif' | 'bmp' | 'dicom' | 'nifti';

/** Where a picture came from, without anything that identifies a person. */
export interface PictureSource {
  format: PictureFormat;
  /** Compression or transfer syntax, for people: "RLE lossless". */
  encoding: string;
  /** Significant bits per stored value. */
  bits: number;
  /** Slices, frames or pages in the file. */
  slices: number;
}

/** A decoded picture at its original size. A pixel's value in [0, 1] is `data[i] * scale`. */
export interface Picture {
  width: number;
  height: number;
  channels: number;
  /** [height, width, channels] row-major (interleaved). */
  data: Uint8Array | Uint16Array | Float32Array;
  /** 1/255 for 8 bit, 1/65535 for 16 bit, 1 for float. */
  scale: number;
  /** Millimetres between rows and between columns, where the file says so. */
  pixelSpacing?: [row: number, column: number];
  source: PictureSource;
}

export type RoiSource = 'mask' | 'boxes' | 'none';

/** What is known of a sample once its pixels are in its slot. */
export interface DecodedSample {
  roi: RoiSource;
  originalWidth: number;
  originalHeight: number;
}

export type DecodeStage = 'read' | 'decode' | 'preprocess' | 'roi' | 'augment';

export type DecodeResult = ({ ok: true } & DecodedSample) | { ok: false; stage: DecodeStage; error: ErrorData };

/** One message to a decode worker: `samples[i]` goes to slot `offset + i` of both shared buffers. */
export interface DecodeTask {
  samples: Sample[];
  preprocessing: Preprocessing;
  /** f32 [slots, C, H, W]. */
  images: SharedArrayBuffer;
  /** u8 [slots, H, W], 1 inside the region of interest. */
  rois: SharedArrayBuffer;
  offset: number;
  augmentation?: TaskAugmentation;
  cache?: TaskCache;
}

/** Augments each sample between decoding and normalising: equal settings, seed, id and epoch give equal bytes. */
export interface TaskAugmentation {
  settings: AugmentationSettings;
  seed: number;
  /** 0-based. */
  epoch: number;
  /** Per sample of the task, where an epoch uses some several times: 0, 1, 2 …; each is augmented on its own. */
  repeats?: number[];
}

/**
 * Decoded samples in shared memory, before augmentation: those that are there are not read from their files again.
 * An entry belongs to one preprocessing, and either to augmented tasks or to tasks without augmentation.
 */
export interface TaskCache {
  memory: SampleCacheMemory;
  /** The cache's entry of each sample of the task; −1: none. */
  entries: number[];
  /** Of a task that asks for no regions: entries that hold the samples with them; −1: none. */
  withRegion?: number[];
}
