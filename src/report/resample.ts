import type { Rectangle } from './picture.js';

/**
 * A map read at new pixel centres: bilinear, half-pixel centres, edge clamp; NaN and infinities count as 0.
 * @param map [height, width], any range
 * @param covers where the map lies in the picture's pixel coordinates; the whole picture when left out
 * @param picture size of the picture in pixels
 * @param panel size of the result; outside `covers` it is 0
 * @returns f32[panel.height, panel.width]
 */
export function resampleMap(
  map: { width: number; height: number; data: ArrayLike<number> },
  covers: Rectangle | undefined,
  picture: { width: number; height: number },
  panel: { width: number; height: number },
): Float32Array {
  const { x0, y0, x1, y1 } = covers ?? { x0: 0, y0: 0, x1: picture.width, y1: picture.height };
  const out = new Float32Array(panel.width * panel.height);
  const columns = taps(panel.width, picture.width, x0, x1, map.width);
  const rows = taps(panel.height, picture.height, y0, y1, map.height);
  const line = new Float64Array(map.width);
  const read = (at: number): number => (Number.isFinite(map.data[at]) ? map.data[at] : 0);
  for (let y = rows.from; y < rows.to; y++) {
    const [top, bottom, down] = [rows.low[y] * map.width, rows.high[y] * map.width, rows.part[y]];
    for (let x = 0; x < map.width; x++) line[x] = read(top + x) * (1 - down) + read(bottom + x) * down;
    for (let x = columns.from; x < columns.to; x++) {
      const part = columns.part[x];
      out[y * panel.width + x] = line[columns.low[x]] * (1 - part) + line[columns.high[x]] * part;
    }
  }
  return out;
}

/** Between which source positions each target position falls, along one axis; target positions [from, to) are covered. */
interface Taps {
  from: number;
  to: number;
  low: Int32Array;
  high: Int32Array;
  /** Weight of `high`. */
  part: Float64Array;
}

function taps(target: number, extent: number, start: number, end: number, source: number): Taps {
  const result = {
    from: target,
    to: 0,
    low: new Int32Array(target),
    high: new Int32Array(target),
    part: new Float64Array(target),
  };
  for (let i = 0; i < target; i++) {
    const at = ((i + 0.5) * extent) / target;
    if (at < start || at >= end) continue;
    result.from = Math.min(result.from, i);
    result.to = i + 1;
    const position = Math.min(Math.max(((at - start) / (end - start)) * source - 0.5, 0), source - 1);
    result.low[i] = Math.floor(position);
    result.high[i] = Math.min(result.low[i] + 1, source - 1);
    result.part[i] = position - result.low[i];
  }
  return result;
}

/**
 * A binary mask at panel size, as grey values whose 0.5 level is the outline. Enlarging interpolates (a smooth
 * outline instead of stairs); shrinking takes the maximum of the pixels that fall together, so that a nodule
 * smaller than a panel pixel is still outlined.
 * @param mask u8[picture.height, picture.width], non-zero = inside
 * @returns f32[panel.height, panel.width] in [0, 1]
 */
export function resampleMask(
  mask: Uint8Array,
  picture: { width: number; height: number },
  panel: { width: number; height: number },
): Float32Array {
  if (panel.width >= picture.width && panel.height >= picture.height) {
    const data = new Uint8Array(mask.length);
    for (let i = 0; i < mask.length; i++) data[i] = mask[i] ? 1 : 0;
    return resampleMap({ ...picture, data }, undefined, picture, panel);
  }
  const out = new Float32Array(panel.width * panel.height);
  for (let y = 0; y < picture.height; y++) {
    const row = Math.min(Math.floor((y * panel.height) / picture.height), panel.height - 1) * panel.width;
    for (let x = 0; x < picture.width; x++) {
      if (mask[y * picture.width + x])
        out[row + Math.min(Math.floor((x * panel.width) / picture.width), panel.width - 1)] = 1;
    }
  }
  return out;
}
