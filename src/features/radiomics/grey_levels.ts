import { SightlineError } from '../../core/errors.js';
import { highestLevel } from '../../kernels/discretise.js';
import type { RadiomicsSettings } from './settings.js';

/** Smallest and largest value; low > high when there is none. */
export interface ValueRange {
  low: number;
  high: number;
}

/** Range of values·scale inside the mask; NaN and infinite ones are left out (they make the features NaN anyway). */
export function valueRange(values: ArrayLike<number>, mask: ArrayLike<number>, scale = 1): ValueRange {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    if (mask[i] === 0) continue;
    const v = values[i];
    if (v < low && v !== -Infinity) low = v;
    if (v > high && v !== Infinity) high = v;
  }
  return scale < 0 ? { low: high * scale, high: low * scale } : { low: low * scale, high: high * scale };
}

/** The kernel's bound of levels in a co-occurrence matrix: 4096² counts are 64 MiB. */
export const mostMatrixLevels = 4096;
/** A bound for histograms: 16-bit values, one level each, fit many times. */
export const mostLevels = 1 << 20;

/**
 * The highest grey level that a region with values in `range` can have after discretisation.
 * @throws SightlineError E_ARGUMENT when that is more than `most`
 */
export function greyLevels(
  { low, high }: ValueRange,
  { binWidth, binCount }: RadiomicsSettings,
  most = mostMatrixLevels,
): number {
  if (!(low <= high)) return 1;
  const levels = binCount ?? highestLevel(low, high, binWidth, 0);
  if (levels <= most) return levels;
  throw new SightlineError('E_ARGUMENT', {
    where: binCount ? 'binCount' : 'binWidth',
    what: binCount
      ? `${binCount} grey levels are more than ${most}`
      : `values from ${low} to ${high} make ${levels} grey levels of width ${binWidth}, more than ${most}`,
    remedy: binCount ? 'Lower it.' : `Widen it: ${Math.ceil((high - low) / 100)} makes about 100 levels.`,
  });
}
