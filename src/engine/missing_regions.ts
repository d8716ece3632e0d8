import type { Strategy } from '../strategies/index.js';

/** What a strategy that goes by regions of interest does where the pool has none, in words; null where nothing is amiss. */
export function missingRegions(
  strategy: Pick<Strategy, 'name' | 'needs' | 'uses'>,
  { scored, withRoi }: { scored: number; withRoi: number },
): string | null {
  const none = 'No sample has a region of interest (mask or boxes)';
  if (strategy.needs.includes('roi_area')) {
    return withRoi === 0 ? `${none}: strategy ${strategy.name} has nothing to go by.` : null;
  }
  if (!strategy.uses?.includes('dice') || withRoi === scored) return null;
  return withRoi === 0
    ? `${none}: ranked by uncertainty alone.`
    : `${scored - withRoi} of ${scored} samples have no region of interest: those are scored by uncertainty alone.`;
}
