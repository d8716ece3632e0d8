import type { Backend } from '../backend/index.js';
import { SightlineError } from '../core/errors.js';
import { tensor } from '../core/tensor.js';
import { filters, resize, resizeBytes } from '../kernels/resize.js';
import { placePicture } from './placement.js';
import type { Picture, Preprocessing } from './types.js';

/** ITU-R BT.601 luminance, as Pillow's and OpenCV's conversion to grey. */
export const luminance = [0.299, 0.587, 0.114] as const;

/**
 * A picture as the model's input: placed, resized (antialiased bilinear), brought to the model's channels
 * (grey is repeated; RGB becomes luminance) and normalised by (value − mean) / std.
 * @param out f32[C, H, W] of `preprocessing`, written whole; black padding is normalised like any pixel.
 * @throws SightlineError E_IMAGE_CHANNELS when picture and model cannot be brought together.
 */
export async function preprocessPicture(
  picture: Picture,
  preprocessing: Preprocessing,
  backend: Backend,
  out: Float32Array,
  where: string,
): Promise<void> {
  const { channels, height, width, mean, std } = preprocessing;
  checkChannels(picture, channels, where);
  const { source, target } = placePicture(picture.width, picture.height, preprocessing);
  const params = {
    x: source.x,
    y: source.y,
    sourceWidth: source.width,
    sourceHeight: source.height,
    width: target.width,
    height: target.height,
    filter: filters.triangle,
  };
  const dims = [picture.height, picture.width, picture.channels];
  const { data } = picture;
  const { resized } =
    data instanceof Uint8Array
      ? await backend.run(resizeBytes, { image: tensor('u8', dims, data) }, params)
      : await backend.run(
          resize,
          { image: tensor('f32', dims, data instanceof Float32Array ? data : Float32Array.from(data)) },
          params,
        );

  const pixels = height * width;
  const padded = target.width !== width || target.height !== height;
  for (let c = 0; c < channels; c++) {
    const gain = picture.scale / std[c];
    const shift = -mean[c] / std[c];
    const plane = out.subarray(c * pixels, (c + 1) * pixels);
    if (padded) plane.fill(shift);
    for (let y = 0; y < target.height; y++) {
      const from = y * target.width;
      const to = (target.y + y) * width + target.x;
      writeRow(resized.data, from, picture.channels, channels, c, plane, to, target.width, gain, shift);
    }
  }
}

/** Whether two give equal pixels of every file; what is left out is its default. */
export function samePreprocessing(a: Preprocessing, b: Preprocessing): boolean {
  const [one, other] = [a, b].map(({ channels, height, width, mean, std, resize, window, axis = 2, noise }) =>
    JSON.stringify([
      ...[channels, height, width, mean, std, resize, axis],
      ...[window && [window.center, window.width], noise && [noise.sigma, noise.seed]],
    ]),
  );
  return one === other;
}

/** The same preprocessing without normalising: pixel values in [0, 1], black = 0. */
export function inUnits(preprocessing: Preprocessing): Preprocessing {
  const { channels } = preprocessing;
  return { ...preprocessing, mean: new Array<number>(channels).fill(0), std: new Array<number>(channels).fill(1) };
}

/** (value − mean) / std in place, of an image f32[C, H, W] in [0, 1]. */
export function normalise(image: Float32Array, { channels, mean, std }: Preprocessing): void {
  const pixels = image.length / channels;
  for (let c = 0; c < channels; c++) {
    const gain = 1 / std[c];
    const shift = -mean[c] / std[c];
    const end = (c + 1) * pixels;
    for (let i = c * pixels; i < end; i++) image[i] = image[i] * gain + shift;
  }
}

function writeRow(
  values: Float32Array,
  from: number,
  have: number,
  want: number,
  channel: number,
  plane: Float32Array,
  to: number,
  count: number,
  gain: number,
  shift: number,
): void {
  if (have === 3 && want === 1) {
    const [r, g, b] = luminance;
    for (let x = 0; x < count; x++) {
      const i = 3 * (from + x);
      plane[to + x] = (r * values[i] + g * values[i + 1] + b * values[i + 2]) * gain + shift;
    }
    return;
  }
  const offset = have === 1 ? 0 : channel;
  for (let x = 0; x < count; x++) plane[to + x] = values[have * (from + x) + offset] * gain + shift;
}

function checkChannels({ channels: have }: Picture, want: number, where: string): void {
  if (have === want || (have === 1 && want === 3) || (have === 3 && want === 1)) return;
  throw new SightlineError('E_IMAGE_CHANNELS', {
    where,
    what: `the model takes ${want} channel${want === 1 ? '' : 's'} but the image has ${have}`,
    remedy:
      'Only grey to RGB and RGB to grey are converted: choose images that match the model, or split the channels into files.',
  });
}
