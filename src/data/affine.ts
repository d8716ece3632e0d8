import type { Box } from './types.js';

/**
 * A map of the plane: (x, y) → (xx·x + xy·y + x0, yx·x + yy·y + y0). Positions are in pixels from the outer corner of
 * the first pixel, x to the right and y down: a pixel's centre lies at its index + 1/2, boxes are as in {@link Box}.
 */
export interface Affine {
  readonly xx: number;
  readonly xy: number;
  readonly x0: number;
  readonly yx: number;
  readonly yy: number;
  readonly y0: number;
}

export const identity: Affine = { xx: 1, xy: 0, x0: 0, yx: 0, yy: 1, y0: 0 };

/** `maps` one after the other, the first one first. */
export function inOrder(...maps: Affine[]): Affine {
  return maps.reduce(
    (first, then) => ({
      xx: then.xx * first.xx + then.xy * first.yx,
      xy: then.xx * first.xy + then.xy * first.yy,
      x0: then.xx * first.x0 + then.xy * first.y0 + then.x0,
      yx: then.yx * first.xx + then.yy * first.yx,
      yy: then.yx * first.xy + then.yy * first.yy,
      y0: then.yx * first.x0 + then.yy * first.y0 + then.y0,
    }),
    identity,
  );
}

/** The way back; not finite for a map that flattens the plane. */
export function inverse({ xx, xy, x0, yx, yy, y0 }: Affine): Affine {
  const determinant = xx * yy - xy * yx;
  const back = { xx: yy / determinant, xy: -xy / determinant, yx: -yx / determinant, yy: xx / determinant };
  return { ...back, x0: -(back.xx * x0 + back.xy * y0), y0: -(back.yx * x0 + back.yy * y0) };
}

export function isIdentity(map: Affine): boolean {
  return Object.entries(identity).every(([name, value]) => map[name as keyof Affine] === value);
}

export function translation(x: number, y: number): Affine {
  return { ...identity, x0: x, y0: y };
}

export function scaling(x: number, y = x): Affine {
  return { ...identity, xx: x, yy: y };
}

/** About the origin, clockwise to the eye (y points down). Quarter turns are exact. */
export function rotation(degrees: number): Affine {
  const [c, s] = [sine(degrees + 90), sine(degrees)];
  return { ...identity, xx: c, xy: -s, yx: s, yy: c };
}

/** Columns slanted by `x` degrees, then rows by `y`; signs as torchvision's affine. */
export function shearing(x: number, y: number): Affine {
  const tangent = (degrees: number) => Math.tan((degrees * Math.PI) / 180);
  return inOrder({ ...identity, xy: -tangent(x) }, { ...identity, yx: -tangent(y) });
}

/** `map` with the centre of a width × height picture as its origin. */
export function aboutCentre(map: Affine, width: number, height: number): Affine {
  return inOrder(translation(-width / 2, -height / 2), map, translation(width / 2, height / 2));
}

/**
 * Boxes (pixels of a width × height picture) after `map`: each becomes the box around its four corners, clipped to the
 * picture; a box of which nothing is left inside is dropped.
 */
export function mapBoxes(boxes: readonly Box[], map: Affine, width: number, height: number): Box[] {
  return boxes.flatMap(({ x0, y0, x1, y1 }) => {
    const corners = [[x0, y0], [x1, y0], [x0, y1], [x1, y1]]; // prettier-ignore
    const xs = corners.map(([x, y]) => map.xx * x + map.xy * y + map.x0);
    const ys = corners.map(([x, y]) => map.yx * x + map.yy * y + map.y0);
    const box = {
      x0: Math.max(0, Math.min(...xs)),
      y0: Math.max(0, Math.min(...ys)),
      x1: Math.min(width, Math.max(...xs)),
      y1: Math.min(height, Math.max(...ys)),
    };
    return box.x1 > box.x0 && box.y1 > box.y0 ? [box] : [];
  });
}

/** Exact at multiples of 90°, where Math.sin leaves 1e-16 that would blend neighbouring pixels. */
function sine(degrees: number): number {
  const turns = degrees / 90;
  return Number.isInteger(turns) ? [0, 1, 0, -1][((turns % 4) + 4) % 4] : Math.sin((degrees * Math.PI) / 180);
}
