import sharp from 'sharp';
import { SightlineError } from '../core/errors.js';

/** An image to look at: `data` [height, width, channels] interleaved, values in [0, 1] (others are clamped, NaN is black). */
export interface Picture {
  width: number;
  height: number;
  channels: 1 | 3;
  data: Float32Array;
}

/** Half-open rectangle in the picture's pixel coordinates; may be fractional. */
export interface Rectangle {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

/** Saliency in [0, 1], [height, width]; `covers`: where it lies on the picture (all of it when left out). */
export interface SaliencyMap {
  width: number;
  height: number;
  data: Float32Array;
  covers?: Rectangle;
}

export interface Size {
  width: number;
  height: number;
}

/** A picture, its saliency map and its region of interest, checked to fit each other. */
export interface Subject {
  picture: Picture;
  saliency: SaliencyMap;
  /** u8[picture.height, picture.width], non-zero = inside. */
  roi?: Uint8Array;
}

/** @throws SightlineError E_SHAPE, E_ROI or E_ARGUMENT when the parts of `subject` do not fit each other. */
export function checkSubject({ picture, saliency, roi }: Subject): void {
  checkArray('picture', picture, picture.channels);
  checkArray('saliency', saliency, 1);
  const { covers } = saliency;
  if (covers && !(covers.x1 > covers.x0 && covers.y1 > covers.y0)) {
    throw new SightlineError('E_ARGUMENT', {
      where: 'saliency.covers',
      what: `expected x0 < x1 and y0 < y1, received ${covers.x0};${covers.y0};${covers.x1};${covers.y1}`,
    });
  }
  if (roi && roi.length !== picture.width * picture.height) {
    throw new SightlineError('E_ROI', {
      where: 'roi',
      what: `the mask has ${roi.length} pixels but the picture is ${picture.width}x${picture.height}`,
      remedy: 'Give the mask at the size of the picture.',
    });
  }
}

function checkArray(where: string, { width, height, data }: Size & { data: Float32Array }, channels: number): void {
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0)) {
    throw new SightlineError('E_SHAPE', { where, what: `expected a positive whole size, received ${width}x${height}` });
  }
  if ((channels !== 1 && channels !== 3) || data.length !== width * height * channels) {
    throw new SightlineError('E_SHAPE', {
      where,
      what: `${width}x${height} with ${channels} channel(s) does not fit an array of ${data.length} values`,
    });
  }
}

/** `size` scaled so that its longer side lies within [least, most], keeping the aspect ratio. */
export function fitSize({ width, height }: Size, least: number, most: number): Size {
  const longer = Math.max(width, height);
  const scale = Math.min(Math.max(longer, least), most) / longer;
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** The picture as 8-bit RGB at panel size (Lanczos when shrinking, cubic when enlarging). u8[height, width, 3]. */
export async function renderPicture(picture: Picture, panel: Size): Promise<Uint8Array> {
  const { width, height, channels, data } = picture;
  const rgb = new Uint8Array(width * height * 3);
  if (channels === 3) for (let i = 0; i < rgb.length; i++) rgb[i] = toByte(data[i]);
  else for (let pixel = 0; pixel < data.length; pixel++) rgb.fill(toByte(data[pixel]), pixel * 3, pixel * 3 + 3);
  if (panel.width === width && panel.height === height) return rgb;
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .resize(panel.width, panel.height, { fit: 'fill', kernel: panel.width > width ? 'cubic' : 'lanczos3' })
    .raw()
    .toBuffer();
}

function toByte(value: number): number {
  // The comparison is false for NaN as well.
  return value > 0 ? Math.round(Math.min(value, 1) * 255) : 0;
}
