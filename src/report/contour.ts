import { contours } from 'd3-contour';
import { resampleMask } from './resample.js';
import type { Size } from './picture.js';

/** Colour of the region of interest: absent from every colour map's warm end and from grey anatomy. */
export const roiColour = '#2ef2ff';

/**
 * Outline of a region of interest as SVG: a bright line on a dark casing, so that it shows on any background.
 * @param mask u8[picture.height, picture.width], non-zero = inside
 * @param panel size at which the picture is drawn; the outline is shifted by (x, y)
 * @returns SVG elements; empty for an empty mask
 */
export function drawOutline(mask: Uint8Array, picture: Size, panel: Size, x: number, y: number, width = 2): string {
  const path = outlinePath(mask, picture, panel, { x, y });
  if (!path) return '';
  const line = (colour: string, stroke: number, opacity: number) =>
    `<path d="${path}" fill="none" stroke="${colour}" stroke-width="${stroke}" stroke-opacity="${opacity}" stroke-linejoin="round"/>`;
  return line('#000', width + 2.5, 0.75) + line(roiColour, width, 1);
}

/**
 * The same outline as the data of an SVG path, closed rings in pixels of the panel.
 * @param digits after the decimal point
 */
export function outlinePath(
  mask: Uint8Array,
  picture: Size,
  panel: Size,
  { x = 0, y = 0, digits = 2 }: { x?: number; y?: number; digits?: number } = {},
): string {
  const values = resampleMask(mask, picture, panel);
  const trace = contours().size([panel.width, panel.height]).thresholds([0.5]);
  const [outline] = trace(values as unknown as number[]); // only indexed: any array will do
  let path = '';
  for (const polygon of outline.coordinates) {
    for (const ring of polygon) {
      path += `M${ring.map(([px, py]) => `${(px + x).toFixed(digits)} ${(py + y).toFixed(digits)}`).join('L')}Z`;
    }
  }
  return path;
}
