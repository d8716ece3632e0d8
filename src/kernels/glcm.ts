import { SightlineError } from '../core/errors.js';
import { defineOp, spec } from '../backend/op.js';

/** Columns of the output, named and ordered as pyradiomics does. */
export const glcmFeatures = [
  'Autocorrelation',
  'ClusterProminence',
  'ClusterShade',
  'ClusterTendency',
  'Contrast',
  'Correlation',
  'DifferenceAverage',
  'DifferenceEntropy',
  'DifferenceVariance',
  'Id',
  'Idm',
  'Idmn',
  'Idn',
  'Imc1',
  'Imc2',
  'InverseVariance',
  'JointAverage',
  'JointEnergy',
  'JointEntropy',
  'MCC',
  'MaximumProbability',
  'SumAverage',
  'SumEntropy',
  'SumSquares',
] as const;

/** Features of the grey-level co-occurrence matrices of each image inside its mask. */
export const glcm = defineOp({
  name: 'glcm',
  inputs: {
    maps: spec('f32', 'B', 'D', 'H', 'W'),
    masks: spec('u8', 'B', 'D', 'H', 'W'),
    offsets: spec('i32', 'A', 3),
    weights: spec('f32', 'A'),
  },
  params: { scale: 1, binWidth: 25, binCount: 0, levels: 64, symmetric: 1, merge: 0 },
  outputs: { features: spec('f32', 'B', glcmFeatures.length) },
  reference() {
    throw new SightlineError('E_INTERNAL', { what: 'not built yet' });
  },
  native: true,
  wgsl: { unavailable: 'not built yet' },
  tolerance: { native: { relative: 1e-6, absolute: 1e-7 } },
  bytes: ({ B, D, H, W }) => 5 * B * D * H * W,
  flops: ({ B, D, H, W, A }) => B * D * H * W * (4 + 2 * A),
});
