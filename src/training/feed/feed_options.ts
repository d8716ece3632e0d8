import type { Tensor } from '../../core/tensor.js';
import type { GivenAugmentation } from '../../data/augment_settings.js';
import type { Preprocessing, Sample } from '../../data/types.js';
import type { DecodePool } from './decode_ring.js';
import type { DecodedSet } from './decoded_set.js';
import type { QuarantinedSample } from './quarantine.js';
import type { Targets, TargetSettings } from './targets.js';

/** What a TrainingFeed is opened with. */
export interface FeedOptions {
  samples: readonly Sample[];
  /** Settings: the class list is learnt from `samples`. A training feed's `targets`: validation, test, a resumed run. */
  targets: TargetSettings | Targets;
  preprocessing: Preprocessing;
  /** Default: none. */
  augmentation?: GivenAugmentation;
  /** Samples per batch; more than there are samples: all of them (see `TrainingFeed.batch`). */
  batch: number;
  /** Of order and augmentation. Default 0. */
  seed?: number;
  /** Every class has the same share of an epoch. Targets of kind `classes` only. Default false. */
  balanced?: boolean;
  /** Give regions of interest. Default false. */
  rois?: boolean;
  /** Decode threads, or another feed's `decoders` to share them. Default: the number of cores. */
  workers?: number | DecodePool;
  /** Batches in memory: the one in use and those decoded ahead. At least 2; default 3. None changes a result. */
  slots?: number;
  /** Memory for decoded samples, so that later epochs read no files; MiB, 0 = none. Never changes a result. Default 1024. */
  cacheMb?: number;
  /** Threads and memory that feeds share; what finds no room there has a cache of its own, of `cacheMb`. */
  decoded?: DecodedSet;
  /** Ids to leave out from the start: an earlier run's `quarantined()`. */
  quarantined?: readonly string[];
  /** Told once of each sample that fails. */
  onQuarantine?: (row: QuarantinedSample) => void;
  onNotice?: (message: string) => void;
}

/** A batch, whose tensors are views of a slot: they hold until `release()`. */
export interface FeedBatch {
  /** Position in the epoch, 0-based. */
  iteration: number;
  /** f32[B,C,H,W], normalised; in shared memory. */
  images: Tensor<'f32'>;
  /** f32[B, …`targets.dims`]. */
  targets: Tensor<'f32'>;
  /** f32[B,H,W], 1 inside; all zeros for a sample without a region. With `rois` only. */
  rois?: Tensor<'f32'>;
  /** Of the samples in the batch, by row. */
  ids: string[];
  /** Gives the slot back. Call it when done with the tensors, once or more. */
  release(): void;
}
