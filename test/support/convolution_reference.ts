/** A convolution x[N,C,H,W] → y[N,M,h,w] with weights [M,C/group,kernel]; what a window misses is zero. */
export interface ConvolutionCase {
  images: number;
  channels: number;
  filters: number;
  group: number;
  size: readonly [number, number];
  kernel: readonly [number, number];
  strides: readonly [number, number];
  dilations: readonly [number, number];
  /** Begins, then ends. */
  pads: readonly [number, number, number, number];
}

/** Sums in float64, and the sums of the terms' magnitudes that their rounding errors are measured by. */
export interface Sums {
  values: Float64Array;
  magnitudes: Float64Array;
}

export const sums = (count: number): Sums => ({
  values: new Float64Array(count),
  magnitudes: new Float64Array(count),
});

export function addTerm(into: Sums, at: number, term: number): void {
  into.values[at] += term;
  into.magnitudes[at] += Math.abs(term);
}

export function outputSize(c: ConvolutionCase): [number, number] {
  const along = (axis: 0 | 1): number => {
    const extent = (c.kernel[axis] - 1) * c.dilations[axis] + 1;
    return Math.floor((c.size[axis] + c.pads[axis] + c.pads[axis + 2] - extent) / c.strides[axis]) + 1;
  };
  return [along(0), along(1)];
}

/** Calls `visit` with the flat places of x, w and y for every product of the convolution: its definition. */
export function eachProduct(c: ConvolutionCase, visit: (x: number, w: number, y: number) => void): void {
  const [height, width] = c.size;
  const [outHeight, outWidth] = outputSize(c);
  const [channels, filters] = [c.channels / c.group, c.filters / c.group];
  for (let n = 0; n < c.images; n++)
    for (let m = 0; m < c.filters; m++)
      for (let oy = 0; oy < outHeight; oy++)
        for (let ox = 0; ox < outWidth; ox++)
          for (let k = 0; k < channels; k++)
            for (let ky = 0; ky < c.kernel[0]; ky++)
              for (let kx = 0; kx < c.kernel[1]; kx++) {
                const iy = oy * c.strides[0] + ky * c.dilations[0] - c.pads[0];
                const ix = ox * c.strides[1] + kx * c.dilations[1] - c.pads[1];
                if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
                const channel = Math.floor(m / filters) * channels + k;
                visit(
                  ((n * c.channels + channel) * height + iy) * width + ix,
                  ((m * channels + k) * c.kernel[0] + ky) * c.kernel[1] + kx,
                  ((n * c.filters + m) * outHeight + oy) * outWidth + ox,
                );
              }
}
