import { SightlineError } from '../../core/errors.js';
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

/** More levels than this make matrices that neither mean anything nor fit: 65,536² cells would be 34 GB. */
const mostLevels = 4096;

/**
 * The most grey levels that values in `range` can have after discretisation (definition: pyradiomics' getBinEdges):
 * levels count from the bin of the smallest value, edges at multiples of the width.
 * @throws SightlineError E_ARGUMENT when there would be too many
 */
export function greyLevels({ low, high }: ValueRange, { binWidth, binCount }: RadiomicsSettings): number {
  if (!(low <= high)) return 1;
  // A width that binary fractions do not hold exactly can put a value on an edge into the next level.
  const spare = Number.isInteger(binWidth) ? 0 : 1;
  const levels = binCount ? binCount + 1 : Math.floor(high / binWidth) - Math.floor(low / binWidth) + 1 + spare;
  if (levels <= mostLevels) return levels;
  throw new SightlineError('E_ARGUMENT', {
    where: binCount ? 'binCount' : 'binWidth',
    what: binCount
      ? `${binCount} grey levels are more than ${mostLevels - 1}`
      : `values from ${low} to ${high} make ${levels} grey levels of width ${binWidth}, more than ${mostLevels}`,
    remedy: binCount ? 'Lower it.' : `Widen it: ${Math.ceil((high - low) / 100)} would make about 100 levels.`,
  });
}
