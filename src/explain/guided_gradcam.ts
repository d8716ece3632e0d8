import { tensor, type Tensor } from '../core/tensor.js';
import { guidedGradient } from '../graph/passes/input_gradient.js';
import type { Explanation } from './explanation.js';
import { gradCam } from './gradcam.js';
import { mapsOfPlanes, reduceChannels } from './planes.js';

/** Guided Grad-CAM (Selvaraju et al., ICCV 2017): guided backpropagation times the upsampled Grad-CAM map. */
export const guidedGradCam: Explanation = {
  name: 'guided-grad-cam',
  summary: 'guided backpropagation × Grad-CAM',
  atLayer: true,
  runs: 1,
  passes: (settings) => [...gradCam.passes(settings), guidedGradient()],
  async maps(batch, backend, size) {
    const coarse = await gradCam.maps(batch, backend, { ...size, keep: false });
    const cam = (coarse.maps as Tensor<'f32'>).data;
    const { dims, data } = batch.outputs.guided_gradient as Tensor<'f32'>;
    const planes = reduceChannels(data, dims[0], dims[1], 'largest').map((value, i) => value * cam[i]);
    return mapsOfPlanes(tensor('f32', [dims[0], 1, dims[2], dims[3]], planes), backend, size);
  },
};
