import type { Backend } from '../backend/index.js';
import { SightlineError } from '../core/errors.js';
import { Rng } from '../core/rng.js';
import { tensor, type Tensor } from '../core/tensor.js';
import { borders, interpolations, warp, warpBytes } from '../kernels/warp.js';
import {
  aboutCentre,
  inOrder,
  inverse,
  isIdentity,
  rotation,
  scaling,
  shearing,
  translation,
  type Affine,
} from './affine.js';
import type { AugmentationSettings } from './augment_settings.js';
import { expectFinite } from './intensity.js';
import { addNoise, adjustBrightness, adjustContrast, adjustGamma, blur } from './jitter.js';

/** What happens to one sample in one epoch: plain numbers, so that it can be logged, repeated and sent to a worker. */
export interface Augmentation {
  /** Degrees, clockwise. */
  rotation: number;
  /** Pixels, to the right and down. */
  translateX: number;
  translateY: number;
  scale: number;
  /** Degrees; signs as torchvision's affine. */
  shearX: number;
  shearY: number;
  flipHorizontal: boolean;
  flipVertical: boolean;
  /** Side as a share of the picture's; position in [0, 1] within the room that is left. */
  crop: { side: number; x: number; y: number };
  border: AugmentationSettings['border'];
  /** Factors and an exponent, 1 = unchanged. */
  brightness: number;
  contrast: number;
  gamma: number;
  /** Standard deviation, pixels; 0 = none. */
  blur: number;
  /** Standard deviation on values in [0, 1], and the stream of its draws. */
  noise: { sigma: number; seed: number };
}

/**
 * Draws what happens to a sample in an epoch. Depends on the arguments alone, never on the worker, the batch or the
 * order; every number is drawn whatever the settings, so that switching one on leaves the others as they were.
 * @param epoch 0-based
 */
export function drawAugmentation(
  settings: AugmentationSettings,
  sampleId: string,
  epoch: number,
  seed: number,
): Augmentation {
  const rng = new Rng(seed, 'augment', sampleId, epoch);
  // Adding 0 turns −0 into 0.
  const within = (largest: number) => (2 * rng.uniform() - 1) * largest + 0;
  const between = ([low, high]: readonly [number, number]) => low + rng.uniform() * (high - low);
  const { gamma, noise } = settings;
  return {
    rotation: within(settings.rotation),
    translateX: within(settings.translation),
    translateY: within(settings.translation),
    scale: between(settings.scale),
    shearX: within(settings.shear),
    shearY: within(settings.shear),
    flipHorizontal: rng.uniform() < settings.flipHorizontal,
    flipVertical: rng.uniform() < settings.flipVertical,
    crop: { side: between(settings.crop), x: rng.uniform(), y: rng.uniform() },
    border: settings.border,
    brightness: 1 + within(settings.brightness),
    contrast: 1 + within(settings.contrast),
    gamma: gamma[0] * (gamma[1] / gamma[0]) ** rng.uniform(),
    blur: between(settings.blur),
    noise: { sigma: noise[rng.int(noise.length)], seed: rng.int(2 ** 53) },
  };
}

/**
 * Where a picture of width × height goes: the crop fills the picture, then flips, then shear, scale and rotation about
 * the centre (in this order, torchvision's affine), then the translation. Boxes follow by `mapBoxes`.
 */
export function augmentationMap(a: Augmentation, width: number, height: number): Affine {
  const { side } = a.crop;
  return inOrder(
    translation(-(1 - side) * width * a.crop.x, -(1 - side) * height * a.crop.y),
    scaling(1 / side),
    aboutCentre(scaling(a.flipHorizontal ? -1 : 1, a.flipVertical ? -1 : 1), width, height),
    aboutCentre(inOrder(shearing(a.shearX, a.shearY), scaling(a.scale), rotation(a.rotation)), width, height),
    translation(a.translateX, a.translateY),
  );
}

/**
 * Augments one sample in place: one resampling for all geometry (bilinear; the region of interest by the same map,
 * nearest, with the same border), then blur, brightness, contrast, gamma and noise. Works on pixel values as people see
 * them: decode with mean 0 and std 1, augment, then normalise, so that black is 0 and noise has its stated size.
 * @param image f32[C, H, W] in [0, 1]; stays in [0, 1]
 * @param roi u8[H, W], if there is one; values are kept
 * @param backend a backend of the processor (`openCpuBackend`); every one gives the same geometry
 * @throws SightlineError E_SHAPE when image and roi differ in size, E_IMAGE_VALUES for NaN or infinite pixels,
 *   E_ARGUMENT for pixels outside [0, 1] (a normalised image) or numbers of `augmentation` that make no map
 */
export async function augmentSample(
  image: Tensor<'f32'>,
  roi: Tensor<'u8'> | undefined,
  augmentation: Augmentation,
  backend: Backend,
): Promise<void> {
  checkSample(image, roi);
  const [channels, height, width] = image.dims;
  const map = augmentationMap(augmentation, width, height);
  if (!isIdentity(map)) {
    const params = { ...inverse(map), width, height, border: borders[augmentation.border] };
    const moved = await backend.run(warp, { image }, { ...params, interpolation: interpolations.bilinear });
    if (roi) {
      const mask = tensor('u8', [1, height, width], roi.data);
      const { warped } = await backend.run(
        warpBytes,
        { image: mask },
        { ...params, interpolation: interpolations.nearest },
      );
      roi.data.set(warped.data);
    }
    image.data.set(moved.warped.data);
  }
  const { brightness, contrast, gamma, noise } = augmentation;
  if (augmentation.blur > 0) blur(image.data, height, width, augmentation.blur);
  if (brightness !== 1) adjustBrightness(image.data, brightness);
  if (contrast !== 1) adjustContrast(image.data, channels, contrast);
  if (gamma !== 1) adjustGamma(image.data, gamma);
  if (noise.sigma > 0) addNoise(image.data, noise.sigma, noise.seed);
}

/** Float decoding and resizing leave values this far outside [0, 1]. */
const slack = 1e-3;

function checkSample({ dims, data }: Tensor<'f32'>, roi: Tensor<'u8'> | undefined): void {
  if (dims.length !== 3 || (roi && (roi.dims.length !== 2 || roi.dims.some((size, i) => size !== dims[i + 1])))) {
    throw new SightlineError('E_SHAPE', {
      where: 'augmentation',
      what: `expected an image [C, H, W] and a region [H, W], received [${dims.join(', ')}] and [${roi?.dims.join(', ') ?? ''}]`,
    });
  }
  let stray: number | undefined;
  for (let i = 0; i < data.length && stray === undefined; i++) {
    if (!(data[i] >= -slack && data[i] <= 1 + slack)) stray = data[i];
  }
  if (stray === undefined) return;
  expectFinite(data, 'augmentation');
  throw new SightlineError('E_ARGUMENT', {
    where: 'augmentation',
    what: `expected pixel values in [0, 1], received ${stray}`,
    remedy: 'Augment before normalising: decode with mean 0 and std 1, and normalise afterwards.',
  });
}
