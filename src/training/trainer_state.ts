import type { PeriodRow } from './history.js';
import type { CompletePlan } from './trainer_settings.js';
import type { WatchedMetric } from './validation.js';

/** Why a run ended. */
export type TrainingEnd = 'epochs' | 'iterations' | 'early-stopping';

/** A return to the last checkpoint after the loss had not been finite. */
export interface Recovery {
  /** Batch of the run at which training was given up. */
  iteration: number;
  /** Batch to which it went back. */
  to: number;
  /** What multiplies the learning rate from there on. */
  rateFactor: number;
}

/** Where a run stands beside weights and optimiser: plain data, all that is needed to go on bit for bit. */
export interface TrainerState {
  /** Epoch in progress, from 0. */
  epoch: number;
  /** Next batch of that epoch. */
  next: number;
  /** Batches of the run so far. */
  done: number;
  /** The same at the last anchor. */
  anchored: number;
  /** Pieces that a batch is cut into since memory ran short. */
  split: number;
  /** Multiplies the learning rate; halved by every recovery. */
  rateFactor: number;
  recoveries: Recovery[];
  /** Updates in a row with a loss or gradient that is not finite. */
  badInRow: number;
  /** Batches left out because their loss was not finite. */
  skipped: number;
  /** Training samples that had failed. */
  quarantined: string[];
  /** The last losses, for messages; null: not finite. */
  recent: (number | null)[];
  /** Since the last row of `periods`. */
  period: { loss: number; batches: number; images: number; seconds: number };
  /** Seconds of training over all parts. */
  seconds: number;
  periods: PeriodRow[];
  /** Best validation so far by the metric watched. */
  best: { value: number; epoch: number; iteration: number } | null;
  /** Validations since then. */
  stale: number;
}

const newPeriod = (): TrainerState['period'] => ({ loss: 0, batches: 0, images: 0, seconds: 0 });

export const freshState = (): TrainerState => ({
  ...{
    epoch: 0,
    next: 0,
    done: 0,
    anchored: 0,
    split: 1,
    rateFactor: 1,
    recoveries: [],
    badInRow: 0,
    skipped: 0,
    quarantined: [],
    recent: [],
  },
  ...{ period: newPeriod(), seconds: 0, periods: [], best: null, stale: 0 },
});

/** Losses kept for messages. */
const recentLosses = 10;

/** Counts a batch of `images` with its loss, finite or not. */
export function noteLoss(state: TrainerState, loss: number, images: number): void {
  const finite = Number.isFinite(loss);
  state.skipped += Number(!finite);
  state.recent = [...state.recent, finite ? loss : null].slice(-recentLosses);
  state.period.images += images;
  if (!finite) return;
  state.period.loss += loss;
  state.period.batches++;
}

/** Closes the period: best, patience and history follow from its validation (null without one). @returns its row */
export function endPeriod(
  state: TrainerState,
  plan: Pick<CompletePlan, 'watch' | 'earlyStopping'>,
  { epoch, validation, learningRate }: Pick<PeriodRow, 'epoch' | 'validation' | 'learningRate'>,
): PeriodRow {
  const { period } = state;
  const value = validation?.[plan.watch] ?? null;
  const better = validation !== null && improves(plan, state.best, value);
  if (better) state.best = { value: value!, epoch, iteration: state.done };
  state.stale = better || !validation ? 0 : state.stale + 1;
  const row = {
    ...{ period: state.periods.length + 1, epoch, iteration: state.done },
    trainLoss: period.batches ? period.loss / period.batches : null,
    learningRate,
    imagesPerSecond: period.images / period.seconds,
    ...{ seconds: state.seconds, validation, best: better },
  };
  state.periods = [...state.periods, row];
  state.period = newPeriod();
  return row;
}

/** Whether a metric is better than the best so far by what counts. @param value null: undefined, never better */
function improves(
  { watch, earlyStopping }: Pick<CompletePlan, 'watch' | 'earlyStopping'>,
  best: TrainerState['best'],
  value: number | null,
): boolean {
  if (value === null || best === null) return value !== null;
  const least = earlyStopping?.minimumImprovement ?? 0;
  return (watch === 'loss' ? best.value - value : value - best.value) > least;
}

/** How a run stands, for people. @param smoothed running mean of the loss, or NaN */
export function standing({ best, periods, epoch }: TrainerState, watch: WatchedMetric, smoothed: number): string {
  const last = periods.at(-1)?.validation?.[watch];
  return [
    `epoch ${epoch + 1}`,
    ...(Number.isNaN(smoothed) ? [] : [`loss ${smoothed.toPrecision(3)}`]),
    ...(last == null ? [] : [`${watch} ${last.toPrecision(3)} (best ${best!.value.toPrecision(3)})`]),
  ].join(' | ');
}
