import { SightlineError } from '../../core/errors.js';
import type { RadiomicsSettings } from './settings.js';

export type Size = readonly [depth: number, height: number, width: number];

/** Half-open ranges of indices [z, y, x]. */
export interface Box3 {
  low: readonly [number, number, number];
  high: readonly [number, number, number];
}

/** The smallest box around the non-zero voxels of mask [D,H,W], and how many there are; none: count 0. */
export function boundingBox(mask: Uint8Array, [D, H, W]: Size): Box3 & { count: number } {
  const low: [number, number, number] = [D, H, W];
  const high: [number, number, number] = [0, 0, 0];
  let count = 0;
  for (let z = 0, i = 0; z < D; z++) {
    for (let y = 0; y < H; y++) {
      let [first, last] = [-1, -1];
      for (let x = 0; x < W; x++, i++) {
        if (mask[i] === 0) continue;
        if (first < 0) first = x;
        last = x;
        count++;
      }
      if (first < 0) continue;
      [z, y, first].forEach((v, axis) => (low[axis] = Math.min(low[axis], v)));
      [z, y, last].forEach((v, axis) => (high[axis] = Math.max(high[axis], v + 1)));
    }
  }
  return { low, high, count };
}

/**
 * Refuses regions that pyradiomics' extractor refuses.
 * @throws SightlineError E_ROI for one voxel, too few axes longer than one voxel, or too few voxels
 */
export function checkRegion(
  { low, high, count }: Box3 & { count: number },
  { minimumROIDimensions, minimumROISize }: RadiomicsSettings,
  where: string,
): void {
  const axes = [0, 1, 2].filter((axis) => high[axis] - low[axis] > 1).length;
  const refuse = (what: string, remedy: string) => new SightlineError('E_ROI', { where, what, remedy });
  if (count === 0) throw refuse('the region is empty', 'Check the mask.');
  if (axes === 0) throw refuse('the region is a single voxel', 'Features need two voxels or more.');
  if (axes < minimumROIDimensions) {
    throw refuse(
      `the region is longer than one voxel along ${axes} of ${minimumROIDimensions} axes`,
      'Set minimumROIDimensions lower to take it all the same.',
    );
  }
  if (minimumROISize !== null && count <= minimumROISize)
    throw refuse(
      `the region has ${count} voxels, minimumROISize is ${minimumROISize}`,
      'Set it lower to take it all the same.',
    );
}

/** Mean and sample deviation (÷ n − 1, as SimpleITK's Normalize) of planes of values, in two passes. */
export function meanAndDeviation(planes: () => Iterable<ArrayLike<number>>): { mean: number; deviation: number } {
  let count = 0;
  let mean = 0;
  for (const plane of planes()) {
    for (let i = 0; i < plane.length; i++) mean += plane[i];
    count += plane.length;
  }
  mean /= count;
  let squares = 0;
  for (const plane of planes()) for (let i = 0; i < plane.length; i++) squares += (plane[i] - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / (count - 1)) };
}

/** The value map of `normalize`: (x − mean) / deviation, outliers set to their bound, times normalizeScale. */
export function normalisation(
  { mean, deviation }: { mean: number; deviation: number },
  { normalizeScale, removeOutliers }: RadiomicsSettings,
): (value: number) => number {
  const bound = removeOutliers ?? Infinity;
  return (value) => Math.min(bound, Math.max(-bound, (value - mean) / deviation)) * normalizeScale;
}

/**
 * The region that `resegmentRange` leaves, as a new mask; `mask` itself without one.
 * absolute: thresholds in the image's units; relative: shares of the region's maximum; sigma: deviations (÷ n) from the
 * region's mean. One threshold is a lower bound; both bounds belong to the region.
 * @throws SightlineError E_ROI when one voxel or none is left
 */
export function resegmented(
  values: ArrayLike<number>,
  mask: Uint8Array,
  { resegmentRange, resegmentMode }: RadiomicsSettings,
  where: string,
): Uint8Array {
  if (!resegmentRange) return mask;
  const inside = Float64Array.from(values).filter((_, i) => mask[i] !== 0);
  const [lower, upper = Infinity] = [...resegmentRange].sort((a, b) => a - b).map(threshold(inside, resegmentMode));
  let kept = 0;
  const out = mask.map((m, i) => {
    const keep = m !== 0 && values[i] >= lower && values[i] <= upper;
    if (keep) kept++;
    return keep ? m : 0;
  });
  if (kept > 1) return out;
  throw new SightlineError('E_ROI', {
    where,
    what: `resegmentRange leaves ${kept} of ${inside.length} voxels`,
    remedy: 'Widen the range.',
  });
}

function threshold(inside: Float64Array, mode: RadiomicsSettings['resegmentMode']): (bound: number) => number {
  if (mode === 'absolute') return (bound) => bound;
  if (mode === 'relative') {
    const most = inside.reduce((a, b) => Math.max(a, b), -Infinity);
    return (bound) => bound * most;
  }
  const mean = inside.reduce((a, b) => a + b, 0) / inside.length;
  const deviation = Math.sqrt(inside.reduce((a, b) => a + (b - mean) ** 2, 0) / inside.length);
  return (bound) => mean + deviation * bound;
}
