import { SightlineError } from '../core/errors.js';
import { defineOp, spec } from '../backend/op.js';

/** Columns of the output `binned`; `raw` has the first four. */
export const momentColumns = ['mean', 'variance', 'skewness', 'kurtosis', 'entropy'] as const;

/**
 * Histogram of each map and its moments.
 *   counts  as numpy.histogram: `bins` equal bins over [low, high], the last one closed; values outside are ignored.
 *           Bin of v: ⌊(v − low)·bins / (high − low)⌋ in float64, evaluated from left to right.
 *   binned  population moments of the binned distribution at the bin centres (IDEAL's kurtosis): mean, variance m2,
 *           skewness m3/m2^1.5, kurtosis m4/m2² (normal = 3), and entropy −Σ p log2 p in bits
 *   raw     the same four moments of the values themselves, inside the range or not
 * m2 = 0 (one occupied bin; a constant map): skewness and kurtosis 0. A NaN pixel is in no bin and makes all moments of
 * its map NaN; an infinite one is out of range and makes `raw` NaN. No value in range makes `binned` NaN, no pixel at all
 * `raw` too.
 */
export const histogram = defineOp({
  name: 'histogram',
  inputs: { maps: spec('f32', 'B', 'P') },
  params: { bins: 256, low: 0, high: 1 },
  outputs: { counts: spec('u32', 'B', 'bins'), binned: spec('f32', 'B', 5), raw: spec('f32', 'B', 4) },

  check(_, { bins, low, high }) {
    if (!(Number.isInteger(bins) && bins >= 1 && bins <= maximumBins)) {
      throw new SightlineError('E_ARGUMENT', {
        where: 'histogram.bins',
        what: `expected a whole number from 1 to ${maximumBins}, received ${bins}`,
      });
    }
    if (!(high > low && Number.isFinite(high - low))) {
      throw new SightlineError('E_ARGUMENT', {
        where: 'histogram.high',
        what: `expected low < high, received ${low} and ${high}`,
      });
    }
  },

  reference({ maps }, { counts, binned, raw }, { B, P }, { bins, low, high }) {
    for (let b = 0; b < B; b++) {
      const map = maps.subarray(b * P, (b + 1) * P);
      const bin = counts.subarray(b * bins, (b + 1) * bins);
      bin.fill(0);
      for (const v of map)
        if (v >= low && v <= high) bin[Math.min(Math.floor(((v - low) * bins) / (high - low)), bins - 1)]++;
      const hasNaN = map.some(Number.isNaN);

      const centres = Float64Array.from(bin, (_, i) => low + ((i + 0.5) * (high - low)) / bins);
      const total = bin.reduce((a, c) => a + c, 0);
      const ofBins = hasNaN ? nowhere : moments(centres, bin, total);
      const entropy = Float64Array.from(bin).reduce((h, c) => (c > 0 ? h - (c / total) * Math.log2(c / total) : h), 0);
      binned.set([...ofBins, Number.isNaN(ofBins[0]) ? NaN : entropy], b * 5);
      raw.set(map.every(Number.isFinite) ? moments(map, undefined, P) : nowhere, b * 4);
    }
  },

  native: true,
  wgsl: {
    overrides: () => ({ WORKGROUP: 256 }),
    uniforms: [
      ['B', 'u32'],
      ['P', 'u32'],
      ['bins', 'u32'],
      ['low', 'f32'],
      ['high', 'f32'],
    ],
    workgroups: ({ B }) => [B],
    splitBy: 'B',
  },
  tolerance: { native: { relative: 2e-6, absolute: 1e-7 }, webgpu: { relative: 2e-4, absolute: 2e-5 } },
  bytes: ({ B, P }, { bins }) => 4 * B * (P + bins + 9),
  flops: ({ B, P }, { bins }) => B * (12 * P + 20 * bins),
});

/** What the WGSL version keeps in workgroup memory. */
const maximumBins = 1024;

const nowhere = [NaN, NaN, NaN, NaN];

/** Mean, m2, skewness, kurtosis of values with whole-number weights (1 each when left out). */
function moments(values: ArrayLike<number>, weights: ArrayLike<number> | undefined, total: number): number[] {
  if (total === 0) return nowhere;
  const weight = (i: number) => weights?.[i] ?? 1;
  let mean = 0;
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    if (weight(i) === 0) continue;
    mean += weight(i) * values[i];
    low = Math.min(low, values[i]);
    high = Math.max(high, values[i]);
  }
  mean /= total;
  if (low === high) return [low, 0, 0, 0]; // a constant has no spread, whatever rounding in the mean says
  let [m2, m3, m4] = [0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    if (weight(i) === 0) continue;
    const d = values[i] - mean;
    m2 += (weight(i) * d * d) / total;
    m3 += (weight(i) * d ** 3) / total;
    m4 += (weight(i) * d ** 4) / total;
  }
  return [mean, m2, m3 / m2 ** 1.5, m4 / m2 ** 2];
}
