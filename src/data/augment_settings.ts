import { z } from 'zod';
import { SightlineError } from '../core/errors.js';

const amount = (most: number) => z.number().min(0).max(most);
const range = (low: number, high: number) =>
  z
    .tuple([z.number().min(low).max(high), z.number().min(low).max(high)])
    .refine(([from, to]) => from <= to, 'the first number must not be larger than the second');
const sigma = amount(1);

/** How samples vary between the epochs of a training. Every field is drawn uniformly and on its own. */
export const augmentationSchema = z.strictObject({
  /** Largest rotation to either side, degrees. */
  rotation: amount(180),
  /** Largest shift to either side along each axis, pixels of the model's input. */
  translation: amount(10_000),
  /** Smallest and largest size of the content, 1 = as it is. */
  scale: range(0.05, 20),
  /** Largest slant to either side of columns and of rows, degrees. */
  shear: amount(80),
  /** Probability of being mirrored left to right. */
  flipHorizontal: amount(1),
  /** Probability of being mirrored top to bottom. */
  flipVertical: amount(1),
  /** Side of the random crop as a share of the picture's, which it then fills: smallest and largest. */
  crop: range(0.01, 1),
  /** What shows where the picture has moved away: black, its outermost pixels repeated, or its mirror image. */
  border: z.enum(['constant', 'edge', 'reflect']),
  /** Pixels are multiplied by 1 ± up to this. */
  brightness: amount(1),
  /** Distances from the picture's mean luminance are multiplied by 1 ± up to this. */
  contrast: amount(1),
  /** Smallest and largest exponent of pixel values, drawn uniformly in the logarithm. */
  gamma: range(0.1, 10),
  /** Smallest and largest standard deviation of the Gaussian blur, pixels. */
  blur: range(0, 50),
  /** Standard deviation of the Gaussian noise on pixel values in [0, 1]; of a list, one is drawn per sample. */
  noise: z.union([sigma.transform((one) => [one]), z.array(sigma).min(1)]),
});

export type AugmentationSettings = z.output<typeof augmentationSchema>;

/** Noise levels of IDEAL §V-G, on pixel values in [0, 1]. */
export const idealNoise: readonly number[] = [0.005, 0.01, 0.05, 0.1];

const none: AugmentationSettings = {
  rotation: 0,
  translation: 0,
  scale: [1, 1],
  shear: 0,
  flipHorizontal: 0,
  flipVertical: 0,
  crop: [1, 1],
  border: 'constant',
  brightness: 0,
  contrast: 0,
  gamma: [1, 1],
  blur: [0, 0],
  noise: [0],
};

/** `ideal`: rotation, translation and scale as IDEAL trains. */
export const augmentationPresets = {
  none,
  ideal: { ...none, rotation: 25, translation: 10, scale: [0.95, 1.05] },
} as const satisfies Record<string, AugmentationSettings>;

export type AugmentationPreset = keyof typeof augmentationPresets;

const presetNames = Object.keys(augmentationPresets) as AugmentationPreset[];
const givenSchema = augmentationSchema.partial().extend({ preset: z.enum(presetNames).default('ideal') });

/** A preset's name, or settings; those left out are the preset's. */
export type GivenAugmentation = AugmentationPreset | z.input<typeof givenSchema>;

/**
 * Settings with everything filled in, from the preset `ideal` unless another is named.
 * @throws SightlineError E_ARGUMENT listing every setting that does not fit, by its path
 */
export function completeAugmentation(given: GivenAugmentation = 'ideal'): AugmentationSettings {
  const parsed = givenSchema.safeParse(typeof given === 'string' ? { preset: given } : given);
  if (parsed.success) {
    const { preset, ...settings } = parsed.data;
    const named = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
    return { ...augmentationPresets[preset], ...named };
  }
  throw new SightlineError('E_ARGUMENT', {
    where: 'augmentation',
    what: parsed.error.issues
      .map(({ path, message }) => `${path.map(String).join('.') || 'top level'}: ${message}`)
      .join('; '),
    remedy: `Known settings: preset (${presetNames.join(', ')}), ${Object.keys(none).join(', ')}.`,
  });
}
