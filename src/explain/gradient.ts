import type { Tensor } from '../core/tensor.js';
import { inputGradient } from '../graph/passes/input_gradient.js';
import type { Explanation } from './explanation.js';
import { mapsOfAttributions } from './planes.js';

/** Gradient of the logit with respect to the image (Simonyan et al., 2014): largest magnitude over the channels. */
export const gradient: Explanation = {
  name: 'gradient',
  summary: 'gradient of the score with respect to the pixels (vanilla saliency)',
  atLayer: false,
  runs: 1,
  passes: () => [inputGradient()],
  maps: ({ outputs }, backend, size) =>
    mapsOfAttributions(outputs.input_gradient as Tensor<'f32'>, 'largest', backend, size),
};
