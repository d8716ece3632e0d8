import { SightlineError } from '../core/errors.js';
import type { Window } from './types.js';

/** Smallest and largest finite value; low > high when there is none. */
export interface Range {
  low: number;
  high: number;
}

/** Range of the finite values of `values[first], values[first + step] …`. */
export function finiteRange(values: ArrayLike<number>, first = 0, step = 1): Range {
  let low = Infinity;
  let high = -Infinity;
  for (let i = first; i < values.length; i += step) {
    const v = values[i];
    if (v < low && v !== -Infinity) low = v;
    if (v > high && v !== Infinity) high = v;
  }
  return { low, high };
}

/** The range that a window maps to [0, 1]. */
export function windowRange({ center, width }: Window): Range {
  return { low: center - width / 2, high: center + width / 2 };
}

/** `values` mapped linearly so that the range becomes [0, 1], clamped. A range of no width gives zeros. */
export function scaleToUnit(values: ArrayLike<number>, { low, high }: Range): Float32Array {
  const out = new Float32Array(values.length);
  const gain = high > low ? 1 / (high - low) : 0;
  for (let i = 0; i < values.length; i++) {
    const v = (values[i] - low) * gain;
    out[i] = v < 0 ? 0 : v > 1 ? 1 : v;
  }
  return out;
}

/** @throws SightlineError E_IMAGE_VALUES when any value is NaN or infinite. */
export function expectFinite(values: ArrayLike<number>, where: string): void {
  let bad = 0;
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) bad++;
  if (bad === 0) return;
  throw new SightlineError('E_IMAGE_VALUES', {
    where,
    what: `${bad} of ${values.length} pixel values are NaN or infinite`,
    remedy: 'Replace them (for example by the background value) before scoring.',
  });
}

/**
 * Floating-point pixels in [0, 1]: by the window where one is given; as they are when they already
 * lie in [0, 1]; else by the picture's own minimum and maximum, because a float file states no range.
 * @throws SightlineError E_IMAGE_VALUES on NaN or infinite values.
 */
export function unitRange(values: Float32Array, where: string, window?: Window): Float32Array {
  expectFinite(values, where);
  if (window) return scaleToUnit(values, windowRange(window));
  const range = finiteRange(values);
  return range.low >= 0 && range.high <= 1 ? values : scaleToUnit(values, range);
}
