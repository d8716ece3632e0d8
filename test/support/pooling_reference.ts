import { sizeOf, type Values } from './run_node.js';

/** Windows of pooling; one entry an axis, `pads` begins and then ends. */
export interface PoolAttributes {
  kernel_shape: readonly number[];
  strides: readonly number[];
  dilations: readonly number[];
  pads: readonly number[];
}

/** Pixel indices of each window of a plane, in scan order, and how many values an average of it counts. */
function windowsOfPlane(spatial: readonly number[], out: readonly number[], w: PoolAttributes, includePad: boolean) {
  const axisTaps = spatial.map((size, axis) =>
    Array.from({ length: out[axis] }, (_, o) => {
      const taps = Array.from(
        { length: w.kernel_shape[axis] },
        (_unused, k) => o * w.strides[axis] - w.pads[axis] + k * w.dilations[axis],
      );
      const inside = taps.filter((at) => at >= 0 && at < size);
      const counted = includePad ? taps.filter((at) => at < size + w.pads[spatial.length + axis]) : inside;
      return { inside, count: counted.length };
    }),
  );
  let windows = [{ pixels: [0], count: 1 }];
  axisTaps.forEach((positions, axis) => {
    windows = windows.flatMap((before) =>
      positions.map(({ inside, count }) => ({
        pixels: before.pixels.flatMap((p) => inside.map((at) => p * spatial[axis] + at)),
        count: before.count * count,
      })),
    );
  });
  return windows;
}

function eachWindow(
  x: readonly number[],
  out: readonly number[],
  w: PoolAttributes,
  includePad: boolean,
  visit: (pixels: number[], index: number, count: number) => void,
): void {
  const windows = windowsOfPlane(x.slice(2), out, w, includePad);
  const pixels = sizeOf(x.slice(2));
  for (let plane = 0; plane < x[0] * x[1]; plane++) {
    windows.forEach((window, i) =>
      visit(
        window.pixels.map((p) => plane * pixels + p),
        plane * windows.length + i,
        window.count,
      ),
    );
  }
}

export function outputSizes(spatial: readonly number[], w: PoolAttributes): number[] {
  return spatial.map((size, axis) => {
    const padded = size + w.pads[axis] + w.pads[spatial.length + axis];
    return Math.floor((padded - (w.kernel_shape[axis] - 1) * w.dilations[axis] - 1) / w.strides[axis]) + 1;
  });
}

export function maxPool({ data, dims }: Values, out: readonly number[], w: PoolAttributes): Float64Array {
  const y = new Float64Array(dims[0] * dims[1] * sizeOf(out)).fill(-Infinity);
  eachWindow(dims, out, w, false, (pixels, i) => {
    for (const p of pixels) y[i] = Number.isNaN(y[i]) || data[p] <= y[i] ? y[i] : data[p];
  });
  return y;
}

/** The first largest value of a window, or its first NaN, takes all. */
export function maxPoolGradient(g: Values, { data, dims }: Values, w: PoolAttributes): Float64Array {
  const dx = new Float64Array(data.length);
  eachWindow(dims, g.dims.slice(2), w, false, (pixels, i) => {
    let best: number | undefined;
    for (const p of pixels) {
      if (best === undefined || data[p] > data[best] || (Number.isNaN(data[p]) && !Number.isNaN(data[best]))) best = p;
    }
    if (best !== undefined) dx[best] += g.data[i];
  });
  return dx;
}

export function averagePool(x: Values, out: readonly number[], w: PoolAttributes, includePad: boolean): Float64Array {
  const y = new Float64Array(x.dims[0] * x.dims[1] * sizeOf(out));
  eachWindow(x.dims, out, w, includePad, (pixels, i, count) => {
    for (const p of pixels) y[i] += x.data[p] / count;
  });
  return y;
}

export function averagePoolGradient(
  g: Values,
  dims: readonly number[],
  w: PoolAttributes,
  includePad: boolean,
): Float64Array {
  const dx = new Float64Array(sizeOf(dims));
  eachWindow(dims, g.dims.slice(2), w, includePad, (pixels, i, count) => {
    for (const p of pixels) dx[p] += g.data[i] / count;
  });
  return dx;
}
