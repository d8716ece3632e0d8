import { tensor, type Tensor } from '../core/tensor.js';
import { layerGradient } from '../graph/passes/layer_gradient.js';
import type { Explanation } from './explanation.js';
import { mapsOfPlanes } from './planes.js';

/** Adds one channel's share to `cam`: activation and gradient f32[P] each, P = h·w. */
export type ChannelShare = (activation: Float32Array, gradient: Float32Array, cam: Float64Array) => void;

/**
 * An explanation of the Grad-CAM family: a sum over channels at the target layer, then as Grad-CAM.
 * @param share what one channel adds
 */
export function layerCam(name: string, summary: string, share: ChannelShare): Explanation {
  return {
    name,
    summary,
    atLayer: true,
    runs: 1,
    passes: ({ layer }) => [layerGradient(layer)],
    async maps({ outputs }, backend, size) {
      const { dims, data: activations } = outputs.activation as Tensor<'f32'>;
      const gradients = (outputs.gradient as Tensor<'f32'>).data;
      const [batch, channels, h, w] = dims;
      const plane = h * w;
      const planes = new Float32Array(batch * plane);
      for (let b = 0; b < batch; b++) {
        const cam = new Float64Array(plane);
        for (let c = 0; c < channels; c++) {
          const at = (b * channels + c) * plane;
          share(activations.subarray(at, at + plane), gradients.subarray(at, at + plane), cam);
        }
        planes.set(cam, b * plane);
      }
      return mapsOfPlanes(tensor('f32', [batch, 1, h, w], planes), backend, size);
    },
  };
}
