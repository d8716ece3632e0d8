import { tensor, type Tensor } from '../core/tensor.js';
import { inputGradient } from '../graph/passes/input_gradient.js';
import type { Explanation } from './explanation.js';
import { times } from './gradient_x_input.js';
import { mapsOfAttributions } from './planes.js';

/** Steps of the path integral. */
const steps = 32;

/**
 * Integrated gradients (Sundararajan et al., ICML 2017): (image − baseline) × the mean gradient on the straight line
 * from the baseline to the image; magnitude of the sum over channels. The baseline is zero in preprocessed units (the
 * mean image), as in Captum; the integral is a Gauss–Legendre sum.
 */
export const integratedGradients: Explanation = {
  name: 'integrated-gradients',
  summary: `gradients along the way from a blank image, ${steps} steps`,
  atLayer: false,
  runs: steps,
  passes: () => [inputGradient()],
  async maps({ images, again }, backend, size) {
    const mean = new Float32Array(images.data.length);
    for (const { at, weight } of gaussLegendre(steps)) {
      const { input_gradient } = await again(
        tensor(
          'f32',
          images.dims,
          images.data.map((value) => value * at),
        ),
      );
      const g = (input_gradient as Tensor<'f32'>).data;
      for (let i = 0; i < mean.length; i++) mean[i] += weight * g[i];
    }
    const attributions = times(tensor('f32', images.dims, mean), images);
    return mapsOfAttributions(attributions, 'magnitude', backend, size);
  },
};

/** Nodes and weights of the n-point Gauss–Legendre rule on [0, 1], by Newton's method on the Legendre polynomial. */
export function gaussLegendre(n: number): { at: number; weight: number }[] {
  return Array.from({ length: n }, (_, i) => {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    for (;;) {
      let [before, value] = [1, x];
      for (let k = 2; k <= n; k++) [before, value] = [value, ((2 * k - 1) * x * value - (k - 1) * before) / k];
      const slope = n === 1 ? 1 : (n * (x * value - before)) / (x * x - 1);
      const step = value / slope;
      x -= step;
      if (Math.abs(step) < 1e-15) return { at: (1 - x) / 2, weight: 1 / ((1 - x * x) * slope * slope) };
    }
  });
}
