import { Rng } from '../core/rng.js';
import { luminance } from './preprocess.js';

/*
 * Changes of pixel values in place, on planes f32[C, H, W] in [0, 1]; what leaves [0, 1] is clamped. Brightness,
 * contrast and gamma are torchvision's adjust_brightness, adjust_contrast and adjust_gamma.
 */

/** Values multiplied by `factor` (0 or more). */
export function adjustBrightness(image: Float32Array, factor: number): void {
  for (let i = 0; i < image.length; i++) image[i] = unit(image[i] * factor);
}

/** Distances from the mean luminance (of other than three channels: the mean) multiplied by `factor` (0 or more). */
export function adjustContrast(image: Float32Array, channels: number, factor: number): void {
  const pixels = image.length / channels;
  let mean = 0;
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    for (let i = c * pixels; i < (c + 1) * pixels; i++) sum += image[i];
    mean += (sum / pixels) * (channels === 3 ? luminance[c] : 1 / channels);
  }
  for (let i = 0; i < image.length; i++) image[i] = unit(mean + factor * (image[i] - mean));
}

/** Values to the power of `exponent` (above 0). */
export function adjustGamma(image: Float32Array, exponent: number): void {
  for (let i = 0; i < image.length; i++) image[i] = unit(image[i]) ** exponent;
}

/** Independent normal noise of standard deviation `sigma` on every value; the same for the same seed. */
export function addNoise(image: Float32Array, sigma: number, seed: number): void {
  const rng = new Rng(seed, 'noise');
  for (let i = 0; i < image.length; i += 2) {
    // Both branches of Box–Muller; (0, 1] keeps the logarithm finite.
    const radius = sigma * Math.sqrt(-2 * Math.log((rng.uint32() + 1) / 2 ** 32));
    const angle = (2 * Math.PI * rng.uint32()) / 2 ** 32;
    image[i] = unit(image[i] + radius * Math.cos(angle));
    if (i + 1 < image.length) image[i + 1] = unit(image[i + 1] + radius * Math.sin(angle));
  }
}

/** Gaussian blur of standard deviation `sigma` pixels, cut off at 3 sigma; the outermost pixels count as repeated. */
export function blur(image: Float32Array, height: number, width: number, sigma: number): void {
  const radius = Math.ceil(3 * sigma);
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, k) => Math.exp(-0.5 * ((k - radius) / sigma) ** 2));
  const total = weights.reduce((a, b) => a + b, 0);
  weights.forEach((weight, k) => (weights[k] = weight / total));
  const pixels = height * width;
  for (let from = 0; from < image.length; from += pixels) {
    for (let y = 0; y < height; y++) blurLine(image, from + y * width, 1, width, weights, radius);
    for (let x = 0; x < width; x++) blurLine(image, from + x, width, height, weights, radius);
  }
}

function blurLine(
  image: Float32Array,
  first: number,
  step: number,
  count: number,
  weights: Float64Array,
  radius: number,
): void {
  const line = new Float64Array(count + 2 * radius);
  for (let i = 0; i < line.length; i++) {
    line[i] = image[first + step * Math.min(count - 1, Math.max(0, i - radius))];
  }
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let k = 0; k < weights.length; k++) sum += weights[k] * line[i + k];
    image[first + step * i] = sum;
  }
}

function unit(v: number): number {
  return v < 0 ? 0 : v > 1 ? 1 : v;
}
