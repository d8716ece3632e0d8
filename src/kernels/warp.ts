import { SightlineError } from '../core/errors.js';
import { defineOp, spec } from '../backend/op.js';

/** Values of the parameter `interpolation`. */
export const interpolations = { nearest: 0, bilinear: 1 } as const;

/** Values of the parameter `border`: what lies outside the source. */
export const borders = { constant: 0, edge: 1, reflect: 2 } as const;

interface Numbers {
  channels: number;
  rows: number;
  columns: number;
  xx: number;
  xy: number;
  x0: number;
  yx: number;
  yy: number;
  y0: number;
  width: number;
  height: number;
  interpolation: number;
  border: number;
  fill: number;
}

/** Beyond this, positions are too coarse to mean anything (and would not fit the C++ kernel's indices). */
const largest = 1e9;

function check(dims: object, params: object): void {
  const n = { ...dims, ...params } as Numbers;
  const whole = (v: number) => Number.isInteger(v) && v > 0 && v <= 2 ** 20;
  const matrix = [n.xx, n.xy, n.x0, n.yx, n.yy, n.y0];
  const refuse = (what: string) => {
    throw new SightlineError('E_ARGUMENT', { where: 'warp', what });
  };
  if (!matrix.every((v) => Math.abs(v) <= largest))
    refuse(`expected a matrix of finite numbers, received [${matrix.join(', ')}]`);
  if (!whole(n.width) || !whole(n.height)) refuse(`expected a positive size, received ${n.width}×${n.height}`);
  if (n.rows < 1 || n.columns < 1 || n.rows * n.columns >= 2 ** 31)
    refuse(`the source has ${n.columns}×${n.rows} pixels`);
  if (![0, 1].includes(n.interpolation) || ![0, 1, 2].includes(n.border)) {
    refuse(
      `expected an interpolation of 0 or 1 and a border of 0, 1 or 2, received ${n.interpolation} and ${n.border}`,
    );
  }
}

/** A position in [0, size], as if the image were followed by its mirror image, again and again. */
function reflected(position: number, size: number): number {
  const folded = Math.abs(position) % (2 * size);
  return folded > size ? 2 * size - folded : folded;
}

const clamped = (v: number, high: number) => (v < 0 ? 0 : v > high ? high : v);

function reference(
  inputs: { image: ArrayLike<number> },
  outputs: { warped: Float32Array | Uint8Array },
  dims: object,
  params: object,
): void {
  const n = { ...dims, ...params } as Numbers;
  const { rows, columns, channels, width, height, border, fill } = n;
  const bilinear = n.interpolation === interpolations.bilinear;
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) {
      let x = n.xx * (j + 0.5) + (n.xy * (i + 0.5) + n.x0);
      let y = n.yx * (j + 0.5) + (n.yy * (i + 0.5) + n.y0);
      if (border === borders.reflect) [x, y] = [reflected(x, columns), reflected(y, rows)];
      // From positions to indices: a pixel's centre lies at its index + 1/2.
      let [u, v] = bilinear ? [x - 0.5, y - 0.5] : [Math.floor(x), Math.floor(y)];
      if (border !== borders.constant) [u, v] = [clamped(u, columns - 1), clamped(v, rows - 1)];
      const [left, top] = [Math.floor(u), Math.floor(v)];
      const [fx, fy] = [u - left, v - top];
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let tap = 0; tap < 4; tap++) {
          const weight = (tap & 1 ? fx : 1 - fx) * (tap & 2 ? fy : 1 - fy);
          // A pixel without weight is not read: NaN stays where it is.
          if (weight === 0) continue;
          const [column, row] = [left + (tap & 1), top + (tap >> 1)];
          const inside = column >= 0 && column < columns && row >= 0 && row < rows;
          sum += weight * (inside ? inputs.image[(c * rows + row) * columns + column] : fill);
        }
        outputs.warped[(c * height + i) * width + j] = sum;
      }
    }
  }
}

const common = {
  name: 'warp',
  params: {
    xx: 1,
    xy: 0,
    x0: 0,
    yx: 0,
    yy: 1,
    y0: 0,
    width: 1,
    height: 1,
    interpolation: interpolations.bilinear as number,
    border: borders.constant as number,
    fill: 0,
  },
  check,
  reference,
  native: true,
  wgsl: {
    unavailable:
      'images are augmented where they are decoded, one at a time in worker threads: a transfer costs more than the warp',
  },
  flops: ({ channels }: Sizes, { width, height, interpolation }: Sizes) =>
    width * height * (8 + (interpolation ? 9 * channels : 0)),
} as const;

type Sizes = Readonly<Record<string, number>>;

/**
 * An affine resampling of image f32[channels, rows, columns]: warped f32[channels, height, width], where the output's
 * position (x, y) shows the source's position (xx·x + xy·y + x0, yx·x + yy·y + y0). Positions are in pixels from the
 * outer corner of the first pixel, x to the right and y down, so that a pixel's centre lies at its index + 1/2: the
 * convention of torch's affine_grid and grid_sample with align_corners=False. `interpolation`, `border`: see
 * {@link interpolations} and {@link borders}; outside a constant border lies `fill`, which bilinear interpolation
 * blends with the outermost pixels (torch's padding_mode 'zeros'); `edge` is torch's 'border', `reflect` its
 * 'reflection' (the outermost pixel is repeated). Bilinear equals torch. Nearest takes the pixel that contains the
 * position, the right or lower one on a boundary (torch rounds to even there, which skips every other pixel). Not
 * antialiased. The absolute tolerance is for values in [0, 1].
 * @throws SightlineError E_ARGUMENT for a matrix that is not finite, an empty source or output, an unknown enum
 */
export const warp = defineOp({
  ...common,
  inputs: { image: spec('f32', 'channels', 'rows', 'columns') },
  outputs: { warped: spec('f32', 'channels', 'height', 'width') },
  tolerance: { native: { relative: 1e-5, absolute: 2e-6 } },
  bytes: ({ channels, rows, columns }: Sizes, { width, height }: Sizes) =>
    4 * channels * (rows * columns + width * height),
});

/**
 * {@link warp} of bytes (masks): nearest only, so that no value comes out that did not go in.
 * @throws SightlineError E_ARGUMENT, also for another interpolation, and a fill that is not a byte
 */
export const warpBytes = defineOp({
  ...common,
  params: { ...common.params, interpolation: interpolations.nearest as number },
  inputs: { image: spec('u8', 'channels', 'rows', 'columns') },
  outputs: { warped: spec('u8', 'channels', 'height', 'width') },
  check(dims: object, params: object) {
    check(dims, params);
    const { interpolation, fill } = params as Numbers;
    if (interpolation === interpolations.nearest && Number.isInteger(fill) && fill >= 0 && fill <= 255) return;
    throw new SightlineError('E_ARGUMENT', {
      where: 'warp',
      what: `bytes take nearest interpolation (0) and a fill from 0 to 255, received ${interpolation} and ${fill}`,
    });
  },
  tolerance: { native: { relative: 0, absolute: 1e-9 } },
  bytes: ({ channels, rows, columns }: Sizes, { width, height }: Sizes) => channels * (rows * columns + width * height),
});
