import { SightlineError } from '../core/errors.js';
import type { PeriodRow } from './history.js';
import type { WatchedMetric } from './validation.js';
import type { TrainerState } from './trainer_state.js';

/** Thrown inside the trainer: go back to the last anchor. */
export class Setback extends Error {}

/** Back at the last anchor with half the learning rate; what has been learned about the run stays. */
export function recovered(state: TrainerState, anchor: TrainerState): TrainerState {
  const { rateFactor, recoveries, skipped, done, recent, split } = state;
  const recovery = { iteration: done, to: anchor.done, rateFactor: rateFactor / 2 };
  return {
    ...{ ...anchor, skipped, recent, split },
    ...{ rateFactor: rateFactor / 2, badInRow: 0, recoveries: [...recoveries, recovery] },
  };
}

/** @param state after {@link recovered} */
export function recoveryNotice(
  { recoveries }: TrainerState,
  { toleratedDivergence }: { toleratedDivergence: number },
): string {
  const { iteration, to, rateFactor } = recoveries.at(-1)!;
  return (
    `The loss was not finite in ${toleratedDivergence} updates in a row up to batch ${iteration}: going on from ` +
    `batch ${to} with ${rateFactor} × the learning rate.`
  );
}

/** E_TRAINING: every recovery is used up. */
export function diverged(
  { done, recent, recoveries, rateFactor }: TrainerState,
  { toleratedDivergence }: { toleratedDivergence: number },
): SightlineError {
  const losses = recent.map((loss) => (loss === null ? 'not finite' : loss.toPrecision(4))).join(', ');
  const tried = recoveries.length
    ? ` after ${recoveries.length} recover${recoveries.length > 1 ? 'ies' : 'y'}, the last with ${rateFactor} × the learning rate`
    : '';
  return new SightlineError('E_TRAINING', {
    where: `batch ${done}`,
    what: `loss or gradients were not finite in ${toleratedDivergence} updates in a row${tried}; the last losses: ${losses}`,
    remedy:
      'Lower the learning rate, clip gradients (--clip-norm 1), and check that --mean and --std fit the images; ' +
      'the last checkpoint and the best model so far are kept.',
  });
}

/** The next larger number of equal parts of a batch, each of at least `least` samples; null when there is none. */
export function nextSplit(batch: number, split: number, least: number): number | null {
  for (let parts = 2 * split; parts <= batch / least; parts++) if (batch % parts === 0) return parts;
  return null;
}

/** @param batch samples @param split parts from here on */
export function splitNotice(error: SightlineError, batch: number, split: number): string {
  return (
    `Memory ran short (${error.what}): each batch of ${batch} goes in ${split} parts of ${batch / split}, ` +
    'whose gradients are averaged. Statistics of batch norm are of the smaller parts from here on.'
  );
}

/** E_POOL_EMPTY: an epoch without a batch. @param epoch from 0 */
export function noBatch(epoch: number, batch: number): SightlineError {
  return new SightlineError('E_POOL_EMPTY', {
    where: `epoch ${epoch + 1}`,
    what: 'there is not one full batch to train on',
    remedy: `Give more samples than ${batch}, or a smaller batch.`,
  });
}

/** E_MEMORY: a batch cannot be cut further. */
export function memoryExhausted(error: SightlineError, size: number, least: number): SightlineError {
  return new SightlineError('E_MEMORY', {
    where: `batches of ${size}`,
    what: error.what,
    remedy:
      (least > 1 ? 'Batch norm in training mode allows no smaller parts: try --batch-norm eval. ' : '') +
      'Lower the image size or the width of the network, or choose a batch that can be halved more often.',
    cause: error,
  });
}

/** Tells, once in a run, that the best model cannot be chosen. @param periods before this validation */
export function noteUndefined(
  watch: WatchedMetric,
  periods: readonly PeriodRow[],
  notice: (message: string) => void,
): void {
  if (periods.some((row) => row.validation?.[watch] === null)) return;
  notice(
    `The validation samples do not define ${watch} (one class only?): no best model can be chosen by it. ` +
      'Give more of them, or watch another metric (--watch loss).',
  );
}
