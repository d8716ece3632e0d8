import type { Backend } from '../backend/index.js';
import { tensor, type Tensor } from '../core/tensor.js';
import { gradcam } from '../kernels/gradcam.js';
import type { SaliencyMaps, SaliencySize } from './explanation.js';

/** How the channels of an attribution f32[B,C,H,W] become one plane. */
export type ChannelReduction =
  /** Largest magnitude (Simonyan et al., 2014): for gradients, whose sign says nothing about evidence. */
  | 'largest'
  /** Magnitude of the sum: for attributions that add up, where both signs matter. */
  | 'magnitude'
  /** Positive part of the sum: evidence for the class. */
  | 'positive';

/**
 * Saliency maps from attributions per pixel and channel.
 * @param attributions f32[B,C,H,W] at the image's size
 */
export async function mapsOfAttributions(
  attributions: Tensor<'f32'>,
  reduction: ChannelReduction,
  backend: Backend,
  size: SaliencySize,
): Promise<SaliencyMaps> {
  const [batch, channels, height, width] = attributions.dims;
  return mapsOfPlanes(
    tensor('f32', [batch, 1, height, width], reduceChannels(attributions.data, batch, channels, reduction)),
    backend,
    size,
  );
}

/**
 * Saliency maps from one plane per sample f32[B,1,h,w]: negative values cut off, resampled to the image's size, scaled
 * to [0, 1]. This is Grad-CAM's kernel on a single channel of weight 1.
 */
export async function mapsOfPlanes(
  planes: Tensor<'f32'>,
  backend: Backend,
  { height, width, keep }: SaliencySize,
): Promise<SaliencyMaps> {
  const ones = tensor('f32', planes.dims, new Float32Array(planes.data.length).fill(1));
  const inputs = { activations: planes, gradients: ones };
  return backend.run(gradcam, inputs, { height, width, normalise: 1 }, { keep: keep ? ['maps'] : [] });
}

/** Channels of each sample to one plane: f32[B·P] from f32[B·C·P]. */
export function reduceChannels(
  values: Float32Array,
  batch: number,
  channels: number,
  reduction: ChannelReduction,
): Float32Array {
  const plane = values.length / (batch * channels);
  const out = new Float32Array(batch * plane);
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < plane; i++) {
      let total = 0;
      for (let c = 0; c < channels; c++) {
        const value = values[(b * channels + c) * plane + i];
        // NaN survives Math.max; a comparison would drop it.
        total = reduction === 'largest' ? Math.max(total, Math.abs(value)) : total + value;
      }
      out[b * plane + i] = reduction === 'magnitude' ? Math.abs(total) : total;
    }
  }
  return out;
}
