import type { Backend } from '../backend/index.js';
import { SightlineError } from '../core/errors.js';
import { tensor } from '../core/tensor.js';
import { filters, resizeBytes } from '../kernels/resize.js';
import { placePicture } from './placement.js';
import { openPicture, sliceCount } from './readers.js';
import type { Box, Preprocessing, RoiSource, Sample } from './types.js';

/** A region of interest in original pixels: u8[height, width], 1 inside. */
export interface Roi {
  source: RoiSource;
  mask?: Uint8Array;
}

/**
 * The region of interest of a sample at its picture's size: the mask (any non-zero value is inside), else
 * the union of its boxes, else none.
 * @throws SightlineError E_ROI when it does not fit the picture; a mask file that cannot be read, its reader's error.
 */
export async function readRoi(
  sample: Sample,
  width: number,
  height: number,
  axis: Preprocessing['axis'],
): Promise<Roi> {
  if (sample.mask) return { source: 'mask', mask: await readMask(sample.mask, sample.slice, width, height, axis) };
  if (sample.boxes?.length) return { source: 'boxes', mask: fillBoxes(sample.boxes, width, height, sample.id) };
  return { source: 'none' };
}

async function readMask(
  path: string,
  slice: number | undefined,
  width: number,
  height: number,
  axis: Preprocessing['axis'],
): Promise<Uint8Array> {
  // A volume's mask is a volume with the same slices, or one picture for a single slice.
  const ownSlice = slice !== undefined && sliceCount(path, axis ?? 2).slices > 1 ? slice : undefined;
  const picture = await openPicture(path, { slice: ownSlice, axis, stored: true, labels: true });
  if (picture.width !== width || picture.height !== height) {
    throw new SightlineError('E_ROI', {
      where: path,
      what: `the mask is ${picture.width}×${picture.height} but its image is ${width}×${height}`,
      remedy: 'Save the mask on the pixel grid of its image.',
    });
  }
  const { data, channels } = picture;
  const mask = new Uint8Array(width * height);
  for (let i = 0; i < mask.length; i++) {
    for (let c = 0; c < channels; c++) if (data[channels * i + c] !== 0) mask[i] = 1;
  }
  return mask;
}

/** u8[height, width], 1 inside any box. @throws SightlineError E_ROI for a box outside the image; `where` names it */
export function fillBoxes(boxes: readonly Box[], width: number, height: number, where: string): Uint8Array {
  const mask = new Uint8Array(width * height);
  for (const { x0, y0, x1, y1 } of boxes) {
    if (!(x1 > 0 && y1 > 0 && x0 < width && y0 < height && x1 > x0 && y1 > y0)) {
      throw new SightlineError('E_ROI', {
        where,
        what: `box ${x0};${y0};${x1};${y1} lies outside the ${width}×${height} image`,
        remedy: 'Boxes are x0;y0;x1;y1 in pixels of the original image.',
      });
    }
    // Pixel c is inside when its centre c + 0.5 is in [x0, x1).
    const first = (v: number) => Math.max(0, Math.ceil(v - 0.5));
    for (let y = first(y0); y < Math.min(height, first(y1)); y++) {
      mask.fill(1, y * width + Math.min(first(x0), width), y * width + Math.min(width, first(x1)));
    }
  }
  return mask;
}

/** Guards "at least half" against the rounding of the kernel's float weights. */
const half = 0.5 - 1e-5;

/**
 * The region on the model's grid: an input pixel is inside when at least half of its footprint is. A region
 * too thin for that keeps its best covered pixel, so that a non-empty region in view never vanishes.
 * @param out u8[H, W] of `preprocessing`, written whole.
 */
export async function placeRoi(
  { mask }: Roi,
  width: number,
  height: number,
  preprocessing: Preprocessing,
  backend: Backend,
  out: Uint8Array,
): Promise<void> {
  out.fill(0);
  if (!mask) return;
  const { source, target } = placePicture(width, height, preprocessing);
  const { resized } = await backend.run(
    resizeBytes,
    { image: tensor('u8', [height, width, 1], mask) },
    {
      x: source.x,
      y: source.y,
      sourceWidth: source.width,
      sourceHeight: source.height,
      width: target.width,
      height: target.height,
      filter: filters.area,
    },
  );
  let best = 0;
  let kept = false;
  const at = (i: number) =>
    (target.y + Math.floor(i / target.width)) * preprocessing.width + target.x + (i % target.width);
  for (let i = 0; i < resized.data.length; i++) {
    if (resized.data[i] >= half) {
      out[at(i)] = 1;
      kept = true;
    } else if (resized.data[i] > resized.data[best]) best = i;
  }
  if (!kept && resized.data[best] > 0) out[at(best)] = 1;
}
