import type { Sample } from '../data/types.js';
import type { TrainingChoices } from './train_options.js';

/** What gains are measured with. */
export interface GainSamples {
  /** What the current model was trained on. */
  labelled: readonly Sample[];
  /** One of each cluster, with its label as the oracle gave it; none of them labelled. */
  representatives: readonly Sample[];
  /** The same in every round. */
  validation: readonly Sample[];
}

/** One fine-tune. */
export interface GainResult {
  /** From 0. */
  trial: number;
  /** Position among the representatives; null: fine-tuned without any. */
  representative: number | null;
  /** Of the validation samples, afterwards; NaN where it is not defined, or the representative could not be read. */
  auc: number;
}

/**
 * Network, loss, update and preprocessing as of the training of the current model. Augmentation, alignment, balance, the
 * schedule, and what says how long a training lasts have no part here.
 */
export interface GainOptions extends Omit<TrainingChoices, 'startFrom' | 'resume' | 'overwrite'> {
  /** Fine-tunes of each representative, which differ in the order of the labelled samples and in dropout. Default 3. */
  trials?: number;
  /** Batches of a fine-tune. Default: an epoch of the labelled samples, at least 10. */
  iterations?: number;
  /**
   * Where the representative stands. `every-batch` (default): it takes the place of the last sample of every batch, so
   * that one sample's effect stands out from noise (so much of one sample may well cost AUC: compare gains, not signs). `once`: of the last sample of one batch an epoch, drawn by trial, as
   * if it were one more labelled sample.
   */
  weight?: 'every-batch' | 'once';
  /** Results of an earlier call with the same settings, which are not computed again. */
  known?: readonly GainResult[];
  /** Told of each new result, and waited for. */
  onResult?: (result: GainResult) => void | Promise<void>;
}
