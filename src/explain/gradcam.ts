import type { Tensor } from '../core/tensor.js';
import { layerGradient } from '../graph/passes/layer_gradient.js';
import { gradcam as reduction } from '../kernels/gradcam.js';
import type { Explanation } from './explanation.js';

/**
 * Grad-CAM (Selvaraju et al., ICCV 2017): channel weights are the spatial means of ∂logit/∂activation;
 * ReLU of the weighted sum; bilinear upsampling; min–max to [0, 1]. Equal to pytorch-grad-cam within 1e-4.
 */
export const gradCam: Explanation = {
  name: 'grad-cam',
  summary: 'Grad-CAM at the target layer',
  atLayer: true,
  runs: 1,
  passes: ({ layer }) => [layerGradient(layer)],
  async maps({ outputs }, backend, { height, width, keep }) {
    const inputs = { activations: outputs.activation as Tensor<'f32'>, gradients: outputs.gradient as Tensor<'f32'> };
    return backend.run(reduction, inputs, { height, width, normalise: 1 }, { keep: keep ? ['maps'] : [] });
  },
};
