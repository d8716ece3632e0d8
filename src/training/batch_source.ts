import type { TrainingBatch } from './training_step.js';

/** A batch with what it was made of. */
export interface SourceBatch extends TrainingBatch {
  /** Number of the batch in its epoch, from 0. */
  iteration: number;
  ids: readonly string[];
  /** Gives its memory back: nothing of it may be read afterwards. */
  release(): void;
}

/** Where the trainer's batches come from. What a batch holds follows from seed, epoch and iteration
 * alone, and from the samples that could not be read. */
export interface BatchSource {
  /** Samples of a batch. */
  readonly batch: number;
  /** Batches of an epoch, as far as they are known before their images are read. */
  readonly iterations: number;
  /** Shuffled and augmented, full batches only, from batch `from` on. */
  epoch(epoch: number, options: { from: number }): AsyncIterable<SourceBatch>;
  /** In order and as they are; the last batch may be short. */
  inOrder(): AsyncIterable<SourceBatch>;
  /** Ids of the samples that have failed so far: what batches depend on besides seed, epoch and iteration. */
  quarantined?(): string[];
}
