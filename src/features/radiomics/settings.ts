import { z } from 'zod';
import { SightlineError } from '../../core/errors.js';
import { weightingNorms } from '../../kernels/glcm_offsets.js';

const positive = z.number().positive();

/** pyradiomics' names, ranges (its paramSchema.yaml) and defaults. */
export const settingsSchema = z.strictObject({
  /** Width of a grey level, in the image's units. Edges are multiples of it. */
  binWidth: positive.default(25),
  /** A fixed number of grey levels instead of a fixed width. */
  binCount: z.int().positive().max(65536).nullable().default(null),
  /** Added to every value before Energy, TotalEnergy and RootMeanSquared. */
  voxelArrayShift: z.number().default(0),
  /** Distances between the two voxels of a pair, in voxels (the largest component of the offset). */
  distances: z.array(z.int().positive()).min(1).default([1]),
  symmetricalGLCM: z.boolean().default(true),
  /** Weight of a direction by its length in mm when matrices are summed into one; null: features of each, averaged. */
  weightingNorm: z.enum(weightingNorms).nullable().default(null),
  /** Only offsets within the planes at right angles to `force2Ddimension` (0 z, 1 y, 2 x). */
  force2D: z.boolean().default(false),
  force2Ddimension: z.int().min(0).max(2).default(0),
  /** The mask's value that is the region; any: every value but 0; auto: 1, or the mask's one value beside 0. */
  label: z.union([z.int().positive(), z.enum(['auto', 'any'])]).default('auto'),
  /** Channel of a mask with several. */
  label_channel: z.int().nonnegative().default(0),
  /** (x − mean) / deviation over the whole image, before anything else. */
  normalize: z.boolean().default(false),
  normalizeScale: positive.default(1),
  /** With normalize: values beyond this many deviations are set to it. */
  removeOutliers: positive.nullable().default(null),
  /** Least number of axes along which a region must be longer than one voxel. */
  minimumROIDimensions: z.int().min(1).max(3).default(2),
  /** A region of this many voxels or fewer is refused. */
  minimumROISize: z.int().positive().nullable().default(null),
  /** One or two thresholds: only voxels from the first up to the second stay in the region. */
  resegmentRange: z.array(z.number()).min(1).max(2).nullable().default(null),
  resegmentMode: z.enum(['absolute', 'relative', 'sigma']).default('absolute'),
  /** Whether shape is taken of the region after resegmentation, too. */
  resegmentShape: z.boolean().default(false),
  /** How far the grids of image and mask may lie apart, in voxels. */
  geometryTolerance: positive.default(0.01),
});

export type RadiomicsSettings = z.output<typeof settingsSchema>;

/** Settings that keep their default may be left out. */
export type PartialSettings = z.input<typeof settingsSchema>;

/**
 * Settings with defaults filled in.
 * @throws SightlineError E_ARGUMENT listing every setting that does not fit, by name
 */
export function completeSettings(given: PartialSettings = {}): RadiomicsSettings {
  const parsed = settingsSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new SightlineError('E_ARGUMENT', {
    where: 'settings',
    what: parsed.error.issues
      .map(({ path, message }) => `${path.map(String).join('.') || 'all'}: ${message}`)
      .join('; '),
    remedy: `Known settings: ${Object.keys(settingsSchema.shape).join(', ')}.`,
  });
}
