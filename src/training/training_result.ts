import type { PeriodRow } from './history.js';
import type { Recovery, TrainerState, TrainingEnd } from './trainer_state.js';
import type { TrainingStep } from './training_step.js';
import type { WatchedMetric } from './validation.js';

/** What a run leaves behind, besides its folder. */
export interface TrainingResult {
  ended: TrainingEnd;
  /** Metric that chose the best model. */
  watch: WatchedMetric;
  /** Epochs finished. */
  epochs: number;
  /** Batches, those of earlier parts of the run included. */
  iterations: number;
  /** Batches of this call. */
  iterationsNow: number;
  periods: readonly PeriodRow[];
  /** Null without validation. */
  best: TrainerState['best'];
  /** Batches left out because their loss was not finite. */
  skipped: number;
  recoveries: readonly Recovery[];
  /** Samples of a run of the step at the end: fewer than the batch where memory ran short. */
  microBatch: number;
  /** Seconds of training over all parts of the run. */
  seconds: number;
  imagesPerSecond: number;
  /** What executed the step. */
  description: string;
  historyCsv: string;
  /** The step with the best weights, or with the last where nothing was validated. The caller closes it. */
  step: TrainingStep;
}
