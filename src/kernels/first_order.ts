import { defineOp, spec } from '../backend/op.js';
import { checkDiscretisation, discretise } from './discretise.js';
import { quantileOf } from './quantile.js';

/** Columns of the output, named and ordered as pyradiomics does. */
export const firstOrderFeatures = [
  '10Percentile',
  '90Percentile',
  'Energy',
  'Entropy',
  'InterquartileRange',
  'Kurtosis',
  'Maximum',
  'MeanAbsoluteDeviation',
  'Mean',
  'Median',
  'Minimum',
  'Range',
  'RobustMeanAbsoluteDeviation',
  'RootMeanSquared',
  'Skewness',
  'StandardDeviation',
  'TotalEnergy',
  'Uniformity',
  'Variance',
] as const;

export type FirstOrderFeature = (typeof firstOrderFeatures)[number];

/**
 * First-order statistics of each image inside its mask, exactly pyradiomics' (radiomics/firstorder.py), of v = map·scale
 * in float64, N values, population moments m₂, m₃, m₄:
 *   Energy Σ(v + shift)² (shift: its voxelArrayShift), TotalEnergy = Energy·voxelVolume, RootMeanSquared √(Energy/N)
 *   Entropy −Σ p log₂(p + ε), Uniformity Σ p², with p of the grey levels (discretise.ts), ε = 2⁻⁵²
 *   Kurtosis m₄/m₂² (normal = 3), Skewness m₃/m₂^1.5, Variance m₂, StandardDeviation √m₂
 *   percentiles as numpy.percentile; InterquartileRange P75 − P25; MeanAbsoluteDeviation about the mean
 *   RobustMeanAbsoluteDeviation the same of the values in [P10, P90] about their own mean; NaN when there are none, as
 *   for two different values
 * All features of an empty region, or of one with a NaN or infinite value, are NaN. Entropy and Uniformity are NaN where
 * the highest grey level exceeds `levels`.
 *
 * One difference: a constant region has no spread. Its Variance, StandardDeviation, deviations, Skewness and Kurtosis are
 * exactly 0, where pyradiomics shows the rounding of the mean (240 pixels of 0.1: Kurtosis 1, Skewness −1).
 *
 * Params: binWidth in units of v, or binCount > 0 bins over the region's range; levels: the most grey levels a region
 * may have; voxelVolume in mm³ (2-D: pixel area in mm², or 1).
 */
export const firstOrder = defineOp({
  name: 'first_order',
  inputs: { maps: spec('f32', 'B', 'P'), masks: spec('u8', 'B', 'P') },
  params: { scale: 1, shift: 0, binWidth: 25, binCount: 0, levels: 256, voxelVolume: 1 },
  outputs: { features: spec('f32', 'B', firstOrderFeatures.length) },

  check: (_, params) => checkDiscretisation('first_order', params),

  reference({ maps, masks }, { features }, { B, P }, params) {
    for (let b = 0; b < B; b++) {
      const map = maps.subarray(b * P, (b + 1) * P);
      const inside = Float64Array.from(map.filter((_, i) => masks[b * P + i] !== 0));
      const values = inside.map((v) => v * params.scale);
      const row = values.length > 0 && values.every(Number.isFinite) ? statistics(values, params) : undefined;
      features.set(
        firstOrderFeatures.map((name) => row?.[name] ?? NaN),
        b * firstOrderFeatures.length,
      );
    }
  },

  native: true,
  wgsl: {
    overrides: () => ({ WORKGROUP: 256 }),
    uniforms: [
      ['B', 'u32'],
      ['P', 'u32'],
      // The levels of values on an edge need more digits of scale and width than a float32 has.
      ['scale', 'f32'],
      ['scaleRest', 'f32', (_, { scale }) => scale - Math.fround(scale)],
      ['shift', 'f32'],
      ['binWidth', 'f32'],
      ['binWidthRest', 'f32', (_, { binWidth }) => binWidth - Math.fround(binWidth)],
      ['binCount', 'u32'],
      ['levels', 'u32'],
      ['voxelVolume', 'f32'],
    ],
    workgroups: ({ B }) => [B],
    obstacle: (_, { levels, scale, binWidth }) =>
      levels > maximumLevels
        ? `${levels} grey levels, and a workgroup counts ${maximumLevels}`
        : [scale, binWidth].every((x) => x > 1e-15 && x < 1e15)
          ? undefined
          : 'scale or binWidth is beyond what float32 sums hold',
    splitBy: 'B',
  },
  tolerance: { native: { relative: 1e-6, absolute: 1e-7 }, webgpu: { relative: 2e-5, absolute: 2e-5 } },
  bytes: ({ B, P }) => 5 * B * P,
  flops: ({ B, P }) => 30 * B * P,
});

/** What the WGSL version keeps in workgroup memory. */
const maximumLevels = 1024;

const epsilon = 2 ** -52;

/** All features of the values inside a region: at least one, all finite. */
function statistics(values: Float64Array, params: typeof firstOrder.params): Record<FirstOrderFeature, number> {
  const { shift, binWidth, binCount, levels, voxelVolume } = params;
  const n = values.length;
  const sorted = values.slice().sort();
  const [p10, p25, p50, p75, p90] = [0.1, 0.25, 0.5, 0.75, 0.9].map((q) => quantileOf(sorted, q));
  const [low, high] = [sorted[0], sorted[n - 1]];

  const mean = meanOf(sorted);
  const moment = (order: number) => sum(values, (v) => (v - mean) ** order) / n;
  const [m2, m3, m4] = [moment(2), moment(3), moment(4)];
  const energy = sum(values, (v) => (v + shift) ** 2);
  const robust = sorted.filter((v) => v >= p10 && v <= p90);

  const discretised = discretise(values, binWidth, binCount);
  let [entropy, uniformity] = [NaN, NaN];
  if (discretised.highest <= levels) {
    const counts = new Float64Array(discretised.highest);
    for (const level of discretised.levels) counts[level - 1]++;
    const p = counts.filter((c) => c > 0).map((c) => c / n);
    entropy = -sum(p, (x) => x * Math.log2(x + epsilon));
    uniformity = sum(p, (x) => x * x);
  }
  return {
    '10Percentile': p10,
    '90Percentile': p90,
    Energy: energy,
    Entropy: entropy,
    InterquartileRange: p75 - p25,
    Kurtosis: m2 === 0 ? 0 : m4 / m2 ** 2,
    Maximum: high,
    MeanAbsoluteDeviation: deviation(sorted),
    Mean: mean,
    Median: p50,
    Minimum: low,
    Range: high - low,
    RobustMeanAbsoluteDeviation: robust.length > 0 ? deviation(robust) : NaN,
    RootMeanSquared: Math.sqrt(energy / n),
    Skewness: m2 === 0 ? 0 : m3 / m2 ** 1.5,
    StandardDeviation: Math.sqrt(m2),
    TotalEnergy: energy * voxelVolume,
    Uniformity: uniformity,
    Variance: m2,
  };
}

/** Mean of ascending values. That of equal ones is their value, whatever rounding says. */
function meanOf(sorted: Float64Array): number {
  return sorted[0] === sorted[sorted.length - 1] ? sorted[0] : sum(sorted, (v) => v) / sorted.length;
}

/** Mean absolute deviation of ascending values from their mean. */
function deviation(sorted: Float64Array): number {
  const mean = meanOf(sorted);
  return sum(sorted, (v) => Math.abs(v - mean)) / sorted.length;
}

function sum(values: Float64Array, of: (v: number) => number): number {
  return values.reduce((total, v) => total + of(v), 0);
}
