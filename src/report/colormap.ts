import { interpolateInferno, interpolateMagma, interpolatePlasma, interpolateViridis } from 'd3-scale-chromatic';
import { SightlineError } from '../core/errors.js';

/**
 * Colour maps for heatmaps: perceptually uniform, lightness rising all the way, and readable with
 * every common colour-vision deficiency (van der Walt and Smith, matplotlib 2015). No rainbow: its bright
 * bands would draw edges that the saliency map does not have.
 */
const interpolators = {
  inferno: interpolateInferno,
  magma: interpolateMagma,
  plasma: interpolatePlasma,
  viridis: interpolateViridis,
} as const;

export type ColormapName = keyof typeof interpolators;
export const colormapNames = Object.keys(interpolators) as ColormapName[];

/** Levels of a colour table: one per 8-bit step. */
export const colormapLevels = 256;

const tables = new Map<ColormapName, Uint8Array>();

/**
 * A colour map as a table u8[256, 3] of sRGB values, row v for the value v / 255.
 * @throws SightlineError E_ARGUMENT for an unknown name.
 */
export function colormap(name: ColormapName): Uint8Array {
  const known = tables.get(name);
  if (known) return known;
  if (!Object.hasOwn(interpolators, name)) {
    throw new SightlineError('E_ARGUMENT', {
      where: 'colormap',
      what: `"${String(name)}" is not a colour map`,
      remedy: `Use one of ${colormapNames.join(', ')}.`,
    });
  }
  const table = new Uint8Array(colormapLevels * 3);
  for (let level = 0; level < colormapLevels; level++) {
    table.set(parseColour(interpolators[name](level / (colormapLevels - 1))), level * 3);
  }
  tables.set(name, table);
  return table;
}

/** Interpolators answer "#rrggbb" or "rgb(r, g, b)". */
function parseColour(text: string): [number, number, number] {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(text);
  if (hex) return [parseInt(hex[1], 16), parseInt(hex[2], 16), parseInt(hex[3], 16)];
  const rgb = /^rgb\((\d+), (\d+), (\d+)\)$/.exec(text);
  if (rgb) return [Number(rgb[1]), Number(rgb[2]), Number(rgb[3])];
  throw new SightlineError('E_INTERNAL', { what: `a colour map answered "${text}"` });
}
