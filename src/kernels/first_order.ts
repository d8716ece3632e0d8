import { SightlineError } from '../core/errors.js';
import { defineOp, spec } from '../backend/op.js';

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

/** First-order statistics of each image inside its mask. */
export const firstOrder = defineOp({
  name: 'first_order',
  inputs: { maps: spec('f32', 'B', 'P'), masks: spec('u8', 'B', 'P') },
  params: { scale: 1, shift: 0, binWidth: 25, binCount: 0, levels: 256, voxelVolume: 1 },
  outputs: { features: spec('f32', 'B', firstOrderFeatures.length) },
  reference() {
    throw new SightlineError('E_INTERNAL', { what: 'not built yet' });
  },
  native: true,
  wgsl: { unavailable: 'not built yet' },
  tolerance: { native: { relative: 1e-6, absolute: 1e-7 } },
  bytes: ({ B, P }) => 5 * B * P,
  flops: ({ B, P }) => 30 * B * P,
});
