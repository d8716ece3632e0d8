import { expectArgument } from '../core/errors.js';
import { Rng } from '../core/rng.js';
import { addNoise } from './jitter.js';
import type { Preprocessing } from './types.js';

/** Noise that belongs to the data set rather than to an epoch (IDEAL §V-G). */
export interface FixedNoise {
  /** Standard deviation on pixel values in [0, 1]. */
  sigma: number;
  /** Of the draws. Default 0. */
  seed?: number;
}

/** Noise as part of a preprocessing; a deviation of 0 is none. @throws SightlineError E_ARGUMENT */
export function noiseSettings(given: FixedNoise | undefined): Preprocessing['noise'] {
  if (!given) return undefined;
  const { sigma, seed = 0 } = given;
  expectArgument(sigma >= 0 && sigma <= 1, 'noise.sigma', 'a number from 0 to 1', sigma);
  expectArgument(Number.isSafeInteger(seed), 'noise.seed', 'a whole number', seed);
  return sigma > 0 ? { sigma, seed } : undefined;
}

/**
 * Adds a sample's own noise to an image f32[C,H,W] in [0, 1], which stays in [0, 1]: the same whenever the sample is read.
 * @param planes channels of the picture: a grey one has the same noise in every channel of the model
 */
export function addFixedNoise(
  image: Float32Array,
  { channels, noise }: Preprocessing,
  planes: number,
  sampleId: string,
): void {
  if (!noise) return;
  const seed = new Rng(noise.seed, 'image noise', sampleId).int(2 ** 53);
  const pixels = image.length / channels;
  const grey = planes === 1;
  addNoise(grey ? image.subarray(0, pixels) : image, noise.sigma, seed);
  if (grey) for (let c = 1; c < channels; c++) image.copyWithin(c * pixels, 0, pixels);
}
