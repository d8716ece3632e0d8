import { layerCam } from './layer_cam.js';

/** As pytorch-grad-cam: keeps the weight of a pixel finite where the denominator vanishes. */
const epsilon = 1e-6;

/**
 * Grad-CAM++ (Chattopadhay et al., WACV 2018): a channel's weight is Σ α·ReLU(gradient) over its pixels with
 * α = g² / (2g² + g³·Σ activation). Equal to pytorch-grad-cam's GradCAMPlusPlus.
 */
export const gradCamPlusPlus = layerCam(
  'grad-cam++',
  'Grad-CAM++: weighs pixels, so that several lesions count',
  (activation, gradient, cam) => {
    const total = activation.reduce((sum, value) => sum + value, 0);
    let weight = 0;
    for (const g of gradient) {
      const alpha = g === 0 ? 0 : (g * g) / (2 * g * g + total * g * g * g + epsilon);
      weight += Math.max(g, 0) * alpha;
    }
    for (let i = 0; i < cam.length; i++) cam[i] += weight * activation[i];
  },
);
