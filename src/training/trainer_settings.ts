import type { Backend } from '../backend/index.js';
import { expectArgument, SightlineError } from '../core/errors.js';
import type { ProgressListener } from '../core/progress.js';
import type { BatchSource } from './batch_source.js';
import type { HistorySink } from './history.js';
import type { Fingerprint } from './run_folder.js';
import type { LossSettings, TrainingStep } from './training_step.js';
import { watchable, type TrainingTask, type WatchedMetric } from './validation.js';

/** Images trained on, at the most, between places that training may go back to, if no validation is the best so far. */
export const imagesPerAnchor = 4096;

/** When a run ends before its time: nothing better for so many validations. */
export interface EarlyStopping {
  /** Validations without improvement. */
  patience: number;
  /** What counts as one. Default 0: anything better. */
  minimumImprovement?: number;
}

/** What `train` does, beside the batches and the step that it does it with. */
export interface TrainerPlan {
  task: TrainingTask;
  /** Of the validation, and what the step minimises. */
  loss: LossSettings;
  /** Passes over the samples; at least one of `epochs` and `iterations`, whichever ends first. */
  epochs?: number;
  /** Batches. */
  iterations?: number;
  /** Batches whose gradients make one update. Default 1. */
  accumulate?: number;
  /** Validate every so many batches besides each epoch's end. */
  validateEvery?: number;
  /** Metric that chooses the best model. Default: auc, of segmentation dice, of reconstruction loss. */
  watch?: WatchedMetric;
  earlyStopping?: EarlyStopping;
  /** Batches between two places to go back to, besides each epoch's end and each validation. */
  checkpointEvery?: number;
  /** Seconds between checkpoints. Default 300. */
  checkpointSeconds?: number;
  /** Every how many batches a row goes into the history. Default 10. */
  logEvery?: number;
  /** Updates in a row with a loss that is not finite, until training goes back to a checkpoint. Default 5. */
  toleratedDivergence?: number;
  /** How often it goes back, with half the learning rate each time, before it gives up. Default 2. */
  recoveries?: number;
}

/** All that `train` needs. */
export interface TrainerSettings extends TrainerPlan {
  /** Run folder; see RunFolder. */
  out: string;
  fingerprint: Fingerprint;
  /** Facts for people, into training.json. */
  about?: Readonly<Record<string, unknown>>;
  training: BatchSource;
  validation?: BatchSource;
  /**
   * Opens the step for so many samples a run: the source's batch, or a part of it where memory runs short.
   * Always the same initial weights.
   */
  openStep: (batch: number) => Promise<TrainingStep>;
  /** Fewest samples that a run may have. Default 1; 2 with batch norm in training mode. */
  leastBatch?: number;
  backend: Backend;
  history?: HistorySink;
  resume?: boolean;
  overwrite?: boolean;
  onProgress?: ProgressListener;
  onNotice?: (message: string) => void;
}

/** A plan with its defaults. */
export type CompletePlan = TrainerPlan &
  Required<
    Pick<TrainerPlan, 'accumulate' | 'watch' | 'checkpointSeconds' | 'logEvery' | 'toleratedDivergence' | 'recoveries'>
  >;

/** @throws SightlineError E_ARGUMENT naming the setting */
export function completePlan(given: TrainerPlan, validates: boolean): CompletePlan {
  const { task, loss, epochs, iterations, accumulate = 1, validateEvery, watch = watchable[task][0] } = given;
  const { earlyStopping, checkpointEvery, checkpointSeconds = 300, logEvery = 10 } = given;
  const { toleratedDivergence = 5, recoveries = 2 } = given;
  const plan = {
    ...{ task, loss, epochs, iterations, accumulate, validateEvery, watch, earlyStopping },
    ...{ checkpointEvery, checkpointSeconds, logEvery, toleratedDivergence, recoveries },
  };
  const whole = (name: keyof TrainerPlan, least: number) => {
    const value = plan[name] as number | undefined;
    const valid = value === undefined || (Number.isSafeInteger(value) && value >= least);
    expectArgument(valid, name, `a whole number from ${least}`, value);
  };
  for (const name of ['epochs', 'iterations', 'accumulate', 'validateEvery', 'checkpointEvery', 'logEvery'] as const)
    whole(name, 1);
  whole('toleratedDivergence', 1);
  whole('recoveries', 0);
  expectArgument(plan.checkpointSeconds >= 0, 'checkpointSeconds', 'a number from 0', plan.checkpointSeconds);
  const limited = plan.epochs !== undefined || plan.iterations !== undefined;
  expectArgument(limited, 'epochs', 'epochs or iterations', undefined);
  const known = watchable[plan.task];
  expectArgument(known.includes(plan.watch), 'watch', `${known.join(', ')} for ${plan.task}`, plan.watch);
  if (earlyStopping) {
    const { patience, minimumImprovement = 0 } = earlyStopping;
    expectArgument(validates, 'earlyStopping', 'validation samples to stop by', undefined);
    const valid = Number.isSafeInteger(patience) && patience >= 1;
    expectArgument(valid, 'earlyStopping.patience', 'a whole number from 1', patience);
    const least = 'earlyStopping.minimumImprovement';
    expectArgument(minimumImprovement >= 0, least, 'a number from 0', minimumImprovement);
  }
  return plan;
}

/** @throws SightlineError E_ARGUMENT for a batch smaller than what the network can be trained on */
export function expectBatch(batch: number, least = 1): void {
  if (batch >= least) return;
  throw new SightlineError('E_ARGUMENT', {
    where: 'batch',
    what: `batch norm in training mode needs statistics over a batch, and a batch has ${batch} image`,
    remedy: `Give a batch of ${least} or more, or batch norm in eval mode (--batch-norm eval).`,
  });
}
