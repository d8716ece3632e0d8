import { join, posix } from 'node:path';
import { openPicture } from '../readers.js';
import type { DatasetFolder } from './folder.js';
import { writeMaskPng } from './mask_png.js';

/** How VOC paints the border of objects, which belongs to none: index 255 of its palette. */
const border = [224, 224, 192];

const folders = { object: 'SegmentationObject', class: 'SegmentationClass' };

/**
 * Writes the region of an image's segmentation, all objects together, without VOC's border around them.
 * @param place folder that holds Annotations and the segmentations, relative to the root
 * @returns its absolute path; undefined where the image has no segmentation, or an empty one
 */
export async function vocMask(
  folder: DatasetFolder,
  place: string,
  name: string,
  kind: 'object' | 'class',
  out: string,
  id: string,
): Promise<string | undefined> {
  const file = posix.join(place, folders[kind], `${name}.png`);
  if (!folder.named(`${name}.png`).includes(file)) return undefined;
  const { data, width, height, channels } = await openPicture(folder.path(file), { stored: true, labels: true });
  const mask = new Uint8Array(width * height);
  for (let i = 0; i < mask.length; i++) {
    const pixel = data.subarray(i * channels, (i + 1) * channels);
    const isBorder = channels === 3 && border.every((value, c) => pixel[c] === value);
    mask[i] = !isBorder && pixel.some((value) => value !== 0) ? 1 : 0;
  }
  if (!mask.includes(1)) return undefined;
  const path = join(out, 'masks', `${id}.png`);
  await writeMaskPng(path, mask, width, height);
  return path;
}
