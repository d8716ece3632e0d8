import { layerCam } from './layer_cam.js';

/**
 * HiResCAM (Draelos & Carin, 2020): gradient times activation at each pixel, without averaging the gradient first;
 * faithful to where the score comes from. Equal to pytorch-grad-cam's HiResCAM.
 */
export const hiresCam = layerCam(
  'hires-cam',
  'HiResCAM: gradient × activation per pixel, without averaging',
  (activation, gradient, cam) => {
    for (let i = 0; i < cam.length; i++) cam[i] += activation[i] * gradient[i];
  },
);
