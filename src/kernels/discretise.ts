import { SightlineError } from '../core/errors.js';

/** Grey levels of the values of a region of interest. */
export interface Discretised {
  /** Level of each value, from 1. Meaningful where `highest` fits 31 bits. */
  levels: Int32Array;
  /** The highest level in the region, which is that of the maximum; empty levels below it count. */
  highest: number;
}

/**
 * Grey levels as pyradiomics bins them (imageoperations.getBinEdges, binImage), in float64:
 *   binCount = 0  bins of width W aligned to 0: ⌊v/W⌋ − ⌊min/W⌋ + 1; a value on an edge goes up
 *   binCount = N  numpy.histogram's N equal bins over [min, max]: the edges below v or on it, of min + i·(max − min)/N
 *                 with i = 0…N−1, so that the maximum is in bin N. One value only: ⌊N/2⌋ + 1, since NumPy then takes
 *                 bins over [v − 0.5, v + 0.5].
 * pyradiomics' own edges for a width, min − min mod W + i·W, are the same numbers before rounding.
 *
 * @param values those inside the region, already scaled; finite, at least one
 */
export function discretise(values: Float64Array, binWidth: number, binCount: number): Discretised {
  let [low, high] = [Infinity, -Infinity];
  for (const v of values) {
    low = Math.min(low, v);
    high = Math.max(high, v);
  }
  const highest = highestLevel(low, high, binWidth, binCount);
  if (binCount === 0) {
    const below = Math.floor(low / binWidth) - 1;
    return { levels: Int32Array.from(values, (v) => Math.floor(v / binWidth) - below), highest };
  }
  if (low === high) return { levels: new Int32Array(values.length).fill(highest), highest };
  const step = (high - low) / binCount;
  const edges = Float64Array.from({ length: binCount }, (_, i) => low + i * step);
  return { levels: Int32Array.from(values, (v) => reached(edges, v)), highest };
}

/** The level of a region's maximum. */
export function highestLevel(low: number, high: number, binWidth: number, binCount: number): number {
  if (binCount === 0) return Math.floor(high / binWidth) - Math.floor(low / binWidth) + 1;
  return low === high ? Math.floor(binCount / 2) + 1 : binCount;
}

/** How many of the ascending edges are at most v. */
function reached(edges: Float64Array, v: number): number {
  let [from, to] = [0, edges.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (edges[middle] <= v) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** @throws SightlineError E_ARGUMENT for parameters that say no discretisation */
export function checkDiscretisation(
  op: string,
  params: Readonly<{ scale: number; binWidth: number; binCount: number; levels: number }>,
): void {
  const expect = (name: keyof typeof params, holds: boolean, expected: string) => {
    if (holds) return;
    throw new SightlineError('E_ARGUMENT', {
      where: `${op}.${name}`,
      what: `expected ${expected}, received ${params[name]}`,
    });
  };
  const { scale, binWidth, binCount, levels } = params;
  expect('scale', scale > 0 && Number.isFinite(scale), 'a finite number above 0');
  expect('binWidth', binWidth > 0 && Number.isFinite(binWidth), 'a finite number above 0');
  expect(
    'binCount',
    Number.isInteger(binCount) && binCount >= 0 && binCount <= 65536,
    'a whole number from 0 to 65536',
  );
  expect('levels', Number.isInteger(levels) && levels >= 1 && levels <= 65536, 'a whole number from 1 to 65536');
}
