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
  const columns = axis(panel.width, picture.width, x0, x1, map.width);
  const rows = axis(panel.height, picture.height, y0, y1, map.height);
  const read = (row: number, column: number): number => {
    const value = map.data[row * map.width + column];
    return Number.isFinite(value) ? value : 0;
  };
  for (let y = 0; y < panel.height; y++) {
    const row = rows[y];
    if (!row) continue;
    for (let x = 0; x < panel.width; x++) {
      const column = columns[x];
      if (!column) continue;
      const top = read(row.low, column.low) * (1 - column.part) + read(row.low, column.high) * column.part;
      const bottom = read(row.high, column.low) * (1 - column.part) + read(row.high, column.high) * column.part;
      out[y * panel.width + x] = top * (1 - row.part) + bottom * row.part;
    }
  }
  return out;
}

interface Tap {
  low: number;
  high: number;
  /** Weight of `high`. */
  part: number;
}

/** Source taps of each target position along one axis; undefined outside [start, end). */
function axis(target: number, extent: number, start: number, end: number, source: number): (Tap | undefined)[] {
  return Array.from({ length: target }, (_, i) => {
    const at = ((i + 0.5) * extent) / target;
    if (at < start || at >= end) return undefined;
    const position = Math.min(Math.max(((at - start) / (end - start)) * source - 0.5, 0), source - 1);
    const low = Math.floor(position);
    return { low, high: Math.min(low + 1, source - 1), part: position - low };
  });
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
    const binary = { ...picture, data: Uint8Array.from(mask, (value) => (value ? 1 : 0)) };
    return resampleMap(binary, undefined, picture, panel);
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
