import sharp, { type OverlayOptions } from 'sharp';
import type { Size } from './picture.js';

/** Colours of every page: dark and neutral, so that eyes stay adapted to the images. */
export const theme = {
  background: '#16181c',
  panel: '#0c0d10',
  strip: '#1f2228',
  line: '#3a3f48',
  text: '#f1f3f5',
  muted: '#a3abb6',
  accent: '#ffd166',
} as const;

/** An RGB panel u8[height, width, 3] placed on a page. */
export interface Placed extends Size {
  rgb: Uint8Array;
  x: number;
  y: number;
}

/**
 * Puts a page together: background, `under` (SVG elements), the panels, then `over` (SVG elements).
 * @returns PNG, 8-bit RGB
 */
export async function composePage(
  page: Size,
  panels: Placed[],
  layers: { under?: string; over?: string },
): Promise<Buffer> {
  const svg = (content: string): OverlayOptions => ({
    input: Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" width="${page.width}" height="${page.height}">${content}</svg>`,
    ),
    left: 0,
    top: 0,
  });
  const parts: OverlayOptions[] = [];
  if (layers.under) parts.push(svg(layers.under));
  for (const { rgb, width, height, x, y } of panels) {
    parts.push({ input: rgb as Buffer, raw: { width, height, channels: 3 }, left: x, top: y });
  }
  if (layers.over) parts.push(svg(layers.over));
  return sharp({ create: { ...page, channels: 3, background: theme.background } })
    .composite(parts)
    .removeAlpha()
    .png({ compressionLevel: 8 })
    .toBuffer();
}
