import { colormap, colormapLevels, type ColormapName } from './colormap.js';

/** Opacity of the strongest saliency: the anatomy under it stays visible. */
const strongest = 0.72;
/** Below this saliency nothing is tinted, so that quiet regions are read as the plain image. */
const floor = 0.08;

/** Opacity of the heat at a saliency in [0, 1]: 0 up to a floor, then rising smoothly to 0.72. Monotone. */
export function heatAlpha(saliency: number): number {
  const above = Math.min(Math.max((saliency - floor) / (1 - floor), 0), 1);
  // The square root's steep start is tamed by the smooth foot: faint saliency is faint but not lost.
  return strongest * above ** 0.75;
}

/** Opacity at each step of the colour table. */
const alphas = Float64Array.from({ length: colormapLevels }, (_, step) => heatAlpha(step / (colormapLevels - 1)));

/**
 * Blends heat into an RGB panel in place.
 * @param rgb u8[P, 3]
 * @param saliency f32[P] in [0, 1]; values outside are clamped, NaN is no heat
 */
export function blendHeat(rgb: Uint8Array, saliency: Float32Array, map: ColormapName): void {
  const table = colormap(map);
  for (let pixel = 0; pixel < saliency.length; pixel++) {
    const value = saliency[pixel];
    if (!(value > 0)) continue;
    const step = Math.round(Math.min(value, 1) * (colormapLevels - 1));
    const alpha = alphas[step];
    const level = step * 3;
    for (let channel = 0; channel < 3; channel++) {
      const at = pixel * 3 + channel;
      rgb[at] = Math.round(rgb[at] * (1 - alpha) + table[level + channel] * alpha);
    }
  }
}

/**
 * Heat as a layer of its own: laid over an image it gives what `blendHeat` does.
 * @param saliency f32[P] in [0, 1], as in `blendHeat`
 * @returns u8[P, 4], RGB and opacity; where nothing is tinted all are 0
 */
export function heatLayer(saliency: Float32Array, map: ColormapName): Uint8Array {
  const table = colormap(map);
  const rgba = new Uint8Array(saliency.length * 4);
  for (let pixel = 0; pixel < saliency.length; pixel++) {
    const value = saliency[pixel];
    if (!(value > 0)) continue;
    const step = Math.round(Math.min(value, 1) * (colormapLevels - 1));
    const alpha = Math.round(255 * alphas[step]);
    if (alpha) rgba.set([...table.subarray(step * 3, step * 3 + 3), alpha], pixel * 4);
  }
  return rgba;
}

/** A vertical colour bar, 1 on top and 0 below, as it looks over mid-grey anatomy. u8[height, width, 3]. */
export function renderColourBar(width: number, height: number, map: ColormapName): Uint8Array {
  const rgb = new Uint8Array(width * height * 3).fill(midGrey);
  const saliency = new Float32Array(width * height);
  for (let y = 0; y < height; y++) saliency.fill(height > 1 ? 1 - y / (height - 1) : 1, y * width, (y + 1) * width);
  blendHeat(rgb, saliency, map);
  return rgb;
}

const midGrey = 96;
