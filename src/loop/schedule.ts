import { expectArgument } from '../core/errors.js';
import type { BatchConfig } from './config/types.js';

/**
 * Labels to ask for in a round: always as many; growing, first · factor^⌊(round − 1) / every⌋ and never more than `most`
 * (IDEAL §V-C); or a list, of which the last is repeated.
 * @param round from 1; round 0 is the initial set
 */
export function batchSize(batch: BatchConfig, round: number): number {
  expectArgument(Number.isSafeInteger(round) && round >= 1, 'round', 'a whole number from 1', round);
  if (typeof batch === 'number') return batch;
  if (!('first' in batch)) return batch[Math.min(round, batch.length) - 1];
  const { first, factor, every, most = Infinity } = batch;
  const grown = Math.round(first * factor ** Math.floor((round - 1) / every));
  return Math.min(grown, most, Number.MAX_SAFE_INTEGER);
}
