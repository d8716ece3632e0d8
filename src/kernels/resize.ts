import { SightlineError } from '../core/errors.js';
import { defineOp, spec } from '../backend/op.js';

/** Values of the parameter `filter`. */
export const filters = { triangle: 0, area: 1, nearest: 2 } as const;

/** Contributions of source pixels to each output position along one axis. */
interface Taps {
  /** First source index per output position. */
  first: Int32Array;
  count: Int32Array;
  /** [outputs, stride], each row summing to 1. */
  weights: Float64Array;
  stride: number;
}

/**
 * Weights along one axis: `size` source pixels, of which [start, start + length) becomes `outputs` pixels.
 * Triangle: its support grows with the reduction, so that every source pixel counts ("antialiased
 * bilinear", as Pillow's BILINEAR and torch's interpolate(mode='bilinear', antialias=True)); taps beyond
 * the rectangle but inside the image are used, those beyond the image are left out and the rest renormalised.
 * Area: overlap of each source pixel with the output pixel's footprint. Nearest: the pixel under its centre.
 */
function tapsOf(size: number, start: number, length: number, outputs: number, filter: number): Taps {
  const scale = length / outputs;
  const reduction = Math.max(scale, 1);
  const stride = filter === filters.nearest ? 1 : Math.ceil(filter === filters.triangle ? 2 * reduction : scale) + 2;
  const taps = {
    first: new Int32Array(outputs),
    count: new Int32Array(outputs),
    weights: new Float64Array(outputs * stride),
    stride,
  };
  for (let i = 0; i < outputs; i++) {
    const center = start + (i + 0.5) * scale;
    let from: number;
    let to: number;
    if (filter === filters.triangle) {
      from = Math.max(0, Math.trunc(center - reduction + 0.5));
      to = Math.min(size, Math.trunc(center + reduction + 0.5));
    } else if (filter === filters.area) {
      from = Math.max(0, Math.floor(start + i * scale));
      to = Math.min(size, Math.ceil(start + (i + 1) * scale));
    } else {
      from = Math.min(size - 1, Math.max(0, Math.floor(center)));
      to = from + 1;
    }
    let sum = 0;
    for (let s = from; s < to; s++) {
      let weight = 1;
      if (filter === filters.triangle) weight = Math.max(0, 1 - Math.abs((s + 0.5 - center) / reduction));
      else if (filter === filters.area)
        weight = Math.max(0, Math.min(s + 1, start + (i + 1) * scale) - Math.max(s, start + i * scale));
      taps.weights[i * stride + s - from] = weight;
      sum += weight;
    }
    for (let k = 0; k < to - from; k++) taps.weights[i * stride + k] /= sum;
    taps.first[i] = from;
    taps.count[i] = to - from;
  }
  return taps;
}

interface Numbers {
  rows: number;
  columns: number;
  channels: number;
  x: number;
  y: number;
  sourceWidth: number;
  sourceHeight: number;
  width: number;
  height: number;
  filter: number;
}

function check(dims: object, params: object): void {
  const n = { ...dims, ...params } as Numbers;
  const whole = (v: number) => Number.isInteger(v) && v > 0;
  const inside =
    n.x >= 0 &&
    n.y >= 0 &&
    n.sourceWidth > 0 &&
    n.sourceHeight > 0 &&
    n.x + n.sourceWidth <= n.columns + 1e-6 &&
    n.y + n.sourceHeight <= n.rows + 1e-6;
  if (!inside) {
    throw new SightlineError('E_ARGUMENT', {
      where: 'resize',
      what: `the source rectangle ${n.sourceWidth}×${n.sourceHeight} at (${n.x}, ${n.y}) leaves the ${n.columns}×${n.rows} image`,
    });
  }
  if (!whole(n.width) || !whole(n.height) || ![0, 1, 2].includes(n.filter)) {
    throw new SightlineError('E_ARGUMENT', {
      where: 'resize',
      what: `expected a positive size and a filter of 0, 1 or 2, received ${n.width}×${n.height}, ${n.filter}`,
    });
  }
}

/** Rows first, then columns: the same order as the C++ kernel, which then works on whole rows. */
function reference(
  inputs: { image: ArrayLike<number> },
  outputs: { resized: Float32Array },
  dims: object,
  params: object,
): void {
  const { rows, columns, channels, x, y, sourceWidth, sourceHeight, width, height, filter } = {
    ...dims,
    ...params,
  } as Numbers;
  const vertical = tapsOf(rows, y, sourceHeight, height, filter);
  const horizontal = tapsOf(columns, x, sourceWidth, width, filter);
  const line = new Float64Array(columns * channels);
  for (let i = 0; i < height; i++) {
    line.fill(0);
    for (let k = 0; k < vertical.count[i]; k++) {
      const weight = vertical.weights[i * vertical.stride + k];
      const row = (vertical.first[i] + k) * columns * channels;
      for (let e = 0; e < line.length; e++) line[e] += weight * inputs.image[row + e];
    }
    for (let j = 0; j < width; j++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let k = 0; k < horizontal.count[j]; k++) {
          sum += horizontal.weights[j * horizontal.stride + k] * line[(horizontal.first[j] + k) * channels + c];
        }
        outputs.resized[(i * width + j) * channels + c] = sum;
      }
    }
  }
}

const common = {
  name: 'resize',
  params: { x: 0, y: 0, sourceWidth: 1, sourceHeight: 1, width: 1, height: 1, filter: 0 },
  outputs: { resized: spec('f32', 'height', 'width', 'channels') },
  check,
  reference,
  native: true,
  wgsl: {
    unavailable:
      'images are decoded on the CPU, one at a time in worker threads: a transfer costs more than the resize',
  },
  tolerance: { native: { relative: 1e-5, absolute: 1e-5 } },
} as const;

type Sizes = Readonly<Record<string, number>>;

function flops({ channels, columns }: Sizes, { width, height, sourceWidth, sourceHeight }: Sizes): number {
  const taps = (length: number, outputs: number) => 2 * Math.max(length / outputs, 1);
  return 2 * channels * height * (columns * taps(sourceHeight, height) + width * taps(sourceWidth, width));
}

/**
 * The rectangle (x, y, sourceWidth, sourceHeight; pixels, may be fractional) of image f32[rows, columns,
 * channels] at width × height: resized f32[height, width, channels], in the image's own unit. Separable,
 * edge pixels not extended. `filter`: see {@link filters}. The absolute tolerance is for values in [0, 1].
 * @throws SightlineError E_ARGUMENT when the rectangle leaves the image
 */
export const resize = defineOp({
  ...common,
  inputs: { image: spec('f32', 'rows', 'columns', 'channels') },
  bytes: ({ rows, columns, channels }, { width, height }) => 4 * channels * (rows * columns + width * height),
  flops,
});

/** {@link resize} of 8-bit pixels, without a copy to float first; the result is in [0, 255]. */
export const resizeBytes = defineOp({
  ...common,
  inputs: { image: spec('u8', 'rows', 'columns', 'channels') },
  tolerance: { native: { relative: 1e-5, absolute: 255e-5 } },
  bytes: ({ rows, columns, channels }, { width, height }) => channels * (rows * columns + 4 * width * height),
  flops,
});
