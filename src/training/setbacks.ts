import { SightlineError } from '../core/errors.js';
import type { PeriodRow } from './history.js';
import type { WatchedMetric } from './validation.js';
import type { TrainerState } from './trainer_state.js';

/** Thrown inside the trainer: go back to the last anchor. */
export class Setback extends Error {}

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
