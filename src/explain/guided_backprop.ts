import type { Tensor } from '../core/tensor.js';
import { guidedGradient } from '../graph/passes/input_gradient.js';
import type { Explanation } from './explanation.js';
import { mapsOfAttributions } from './planes.js';

/** Guided backpropagation (Springenberg et al., 2015): largest magnitude over the channels. For networks of ReLUs. */
export const guidedBackprop: Explanation = {
  name: 'guided-backprop',
  summary: 'guided backpropagation: sharp edges, less tied to the class',
  atLayer: false,
  runs: 1,
  passes: () => [guidedGradient()],
  maps: ({ outputs }, backend, size) =>
    mapsOfAttributions(outputs.guided_gradient as Tensor<'f32'>, 'largest', backend, size),
};
