import type { Box } from '../types.js';
import type { CocoAnnotation } from './coco_file.js';
import { fillPolygon } from './polygon.js';
import { fillRuns } from './run_length.js';

/** Thousandths of a pixel are what a manifest keeps. */
const smallest = 0.001;

/**
 * The box of an annotation in pixels: its bbox, else around its polygons.
 * @returns undefined where there is none, or it has no area
 */
export function boxOf({ bbox, segmentation }: CocoAnnotation): Box | undefined {
  let box: Box;
  if (bbox?.length) box = { x0: bbox[0], y0: bbox[1], x1: bbox[0] + bbox[2], y1: bbox[1] + bbox[3] };
  else if (Array.isArray(segmentation)) {
    const corners = segmentation.flat();
    box = { x0: Infinity, y0: Infinity, x1: -Infinity, y1: -Infinity };
    for (let i = 0; i + 1 < corners.length; i += 2) {
      box.x0 = Math.min(box.x0, corners[i]);
      box.y0 = Math.min(box.y0, corners[i + 1]);
      box.x1 = Math.max(box.x1, corners[i]);
      box.y1 = Math.max(box.y1, corners[i + 1]);
    }
  } else return undefined;
  return box.x1 - box.x0 >= smallest && box.y1 - box.y0 >= smallest ? box : undefined;
}

/**
 * The union of annotations' masks, of single objects and of crowds.
 * @returns u8[height, width], 1 inside, and how many annotations gave nothing: without a segmentation, or with one of another size
 */
export function maskOf(
  annotations: readonly CocoAnnotation[],
  width: number,
  height: number,
): { mask: Uint8Array; unusable: number } {
  const mask = new Uint8Array(width * height);
  let unusable = 0;
  for (const { segmentation } of annotations) {
    if (Array.isArray(segmentation) && segmentation.length) {
      // Some writers leave out the list around a single polygon.
      const polygons = (typeof segmentation[0] === 'number' ? [segmentation] : segmentation) as number[][];
      for (const polygon of polygons) fillPolygon(polygon, mask, width, height);
    } else if (segmentation && !Array.isArray(segmentation)) {
      const { size, counts } = segmentation;
      const fits = size?.[0] === height && size[1] === width && fillRuns(counts, mask, width, height);
      if (!fits) unusable++;
    } else unusable++;
  }
  return { mask, unusable };
}
