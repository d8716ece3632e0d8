import { Rng } from '../core/rng.js';
import { tensor, type Tensor } from '../core/tensor.js';
import { inputGradient } from '../graph/passes/input_gradient.js';
import type { Explanation } from './explanation.js';
import { mapsOfAttributions } from './planes.js';

/** Noisy copies per image. */
const copies = 25;
/** Standard deviation of the noise, as a share of each image's own range. */
const noiseLevel = 0.15;

/**
 * SmoothGrad (Smilkov et al., 2017): the mean gradient over noisy copies of the image. The noise is the same for every
 * image, so that a map depends neither on the batch nor on the order of the pool.
 */
export const smoothGrad: Explanation = {
  name: 'smoothgrad',
  summary: `mean gradient over ${copies} noisy copies`,
  atLayer: false,
  runs: copies,
  passes: () => [inputGradient()],
  async maps({ images, again }, backend, size) {
    const mean = new Float32Array(images.data.length);
    const spread = rangesOf(images).map((range) => range * noiseLevel);
    const sample = images.data.length / images.dims[0];
    for (let copy = 0; copy < copies; copy++) {
      const noise = noiseOf(copy, sample);
      const noisy = images.data.map((value, i) => value + spread[Math.floor(i / sample)] * noise[i % sample]);
      const { input_gradient } = await again(tensor('f32', images.dims, noisy));
      const g = (input_gradient as Tensor<'f32'>).data;
      for (let i = 0; i < mean.length; i++) mean[i] += g[i] / copies;
    }
    return mapsOfAttributions(tensor('f32', images.dims, mean), 'largest', backend, size);
  },
};

/** Highest minus lowest value of each image. */
function rangesOf({ dims, data }: Tensor<'f32'>): number[] {
  const sample = data.length / dims[0];
  return Array.from({ length: dims[0] }, (_, b) => {
    let low = Infinity;
    let high = -Infinity;
    for (const value of data.subarray(b * sample, (b + 1) * sample)) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return high > low ? high - low : 0;
  });
}

const drawn = new Map<string, Float32Array>();

/** Standard normal noise of one copy; drawn once per thread, since every batch needs it. */
function noiseOf(copy: number, length: number): Float32Array {
  const key = `${copy}/${length}`;
  let noise = drawn.get(key);
  if (!noise) {
    const rng = new Rng(0, 'smoothgrad', copy);
    noise = Float32Array.from({ length }, () => rng.normal());
    drawn.set(key, noise);
  }
  return noise;
}
