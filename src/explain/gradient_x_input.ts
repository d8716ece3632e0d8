import { tensor, type Tensor } from '../core/tensor.js';
import { inputGradient } from '../graph/passes/input_gradient.js';
import type { Explanation } from './explanation.js';
import { mapsOfAttributions } from './planes.js';

/** Gradient × input (Shrikumar et al., 2016), on the preprocessed image: magnitude of the sum over channels. */
export const gradientXInput: Explanation = {
  name: 'gradient-x-input',
  summary: 'gradient × preprocessed pixel value',
  atLayer: false,
  runs: 1,
  passes: () => [inputGradient()],
  maps: ({ images, outputs }, backend, size) =>
    mapsOfAttributions(times(outputs.input_gradient as Tensor<'f32'>, images), 'magnitude', backend, size),
};

/** Elementwise product of two tensors of equal dims. */
export function times(a: Tensor<'f32'>, b: Tensor<'f32'>): Tensor<'f32'> {
  return tensor(
    'f32',
    a.dims,
    a.data.map((value, i) => value * b.data[i]),
  );
}
