import sharp from 'sharp';
import { readForDisplay } from '../../data/display.js';
import type { Preprocessing, Sample } from '../../data/types.js';
import { outlinePath } from '../contour.js';
import { heatLayer } from '../heat.js';
import { fitSize, renderPicture, type Rectangle, type Size } from '../picture.js';

/** An image as a page holds it: the picture and its region as layers, so that each can be hidden. */
export interface CasePicture extends Size {
  /** WebP as a data URI, of this size. */
  image: string;
  /** Outline of the region of interest in its pixels: data of an SVG path; null where there is none. */
  outline: string | null;
  /** Where a saliency map of the run's models lies, in its pixels; may reach beyond it. */
  covers: Rectangle;
}

/** Longer side at which a picture is kept, in pixels: sharp in a tile on a dense screen, and small as a file. */
const side = { least: 192, most: 256 };
/** Longer side of the heat at most: maps are smooth, and the page enlarges them smoothly. */
const heatSide = 112;

/**
 * A sample's original image with its region, as layers.
 * @throws SightlineError as reading and decoding do
 */
export async function casePicture(sample: Sample, preprocessing: Preprocessing): Promise<CasePicture> {
  const { picture, roi, covers } = await readForDisplay(sample, preprocessing);
  const size = fitSize(picture, side.least, side.most);
  const rgb = await renderPicture(picture, size);
  const webp = await sharp(rgb, { raw: { ...size, channels: 3 } })
    .webp({ quality: 78, effort: 5 })
    .toBuffer();
  const [across, down] = [size.width / picture.width, size.height / picture.height];
  return {
    ...size,
    image: dataUri(webp),
    outline: (roi && outlinePath(roi, picture, size, { digits: 1 })) || null,
    covers: { x0: covers.x0 * across, y0: covers.y0 * down, x1: covers.x1 * across, y1: covers.y1 * down },
  };
}

/**
 * A saliency map as a transparent WebP, lossless, in the colours of every picture here.
 * @param map f32[height, width] in [0, 1]
 * @returns a data URI; null for a map without heat
 */
export async function encodeHeat(map: Float32Array, { width, height }: Size): Promise<string | null> {
  const small = shrunk(map, { width, height });
  const rgba = heatLayer(small.data, 'inferno');
  if (!rgba.some((value) => value > 0)) return null;
  const raw = { width: small.width, height: small.height, channels: 4 as const };
  return dataUri(await sharp(rgba, { raw }).webp({ lossless: true, effort: 4 }).toBuffer());
}

/** Means of whole blocks, so that a fine map keeps its level where it is shrunk. */
function shrunk(map: Float32Array, size: Size): Size & { data: Float32Array } {
  const factor = Math.ceil(Math.max(size.width, size.height) / heatSide);
  if (factor === 1) return { ...size, data: map };
  const [width, height] = [size.width, size.height].map((length) => Math.max(1, Math.round(length / factor)));
  const data = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    const [top, bottom] = [y, y + 1].map((at) => Math.floor((at * size.height) / height));
    for (let x = 0; x < width; x++) {
      const [left, right] = [x, x + 1].map((at) => Math.floor((at * size.width) / width));
      let sum = 0;
      for (let row = top; row < bottom; row++)
        for (let column = left; column < right; column++) sum += map[row * size.width + column];
      data[y * width + x] = sum / ((bottom - top) * (right - left));
    }
  }
  return { width, height, data };
}

const dataUri = (webp: Buffer): string => `data:image/webp;base64,${webp.toString('base64')}`;
