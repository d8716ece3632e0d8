import type { Call, Definition } from './call.js';
import { forEachIndex, read, tabulate } from './value.js';
import { inside, pixelOf, slidingOf } from './windows.js';

/**
 * Pools windows: `reduce` sees the pixels of a window that lie inside the image, and how many lie in the image or its
 * padding.
 */
const pooled =
  (reduce: (values: number[], whole: number, call: Call) => number): Definition =>
  (call) => {
    const x = call.x();
    const [batch, channels, ...spatial] = x.dims;
    const kernel = call.list('kernel_shape') ?? [];
    const sliding = slidingOf(call, spatial, kernel);
    const y = tabulate([batch, channels, ...sliding.map((s) => s.out)], ([n, c, ...window]) => {
      const values: number[] = [];
      let whole = 0;
      forEachIndex(kernel, (tap) => {
        const pixel = pixelOf(sliding, window, tap);
        if (inside(pixel, spatial)) values.push(read(x, [n, c, ...pixel]));
        if (pixel.every((at, axis) => at >= -sliding[axis].begin && at < spatial[axis] + sliding[axis].end)) whole++;
      });
      return reduce(values, whole, call);
    });
    return [y];
  };

const globally =
  (reduce: (values: number[], call: Call) => number): Definition =>
  (call) => {
    const x = call.x();
    const [batch, channels, ...spatial] = x.dims;
    const y = tabulate([batch, channels, ...spatial.map(() => 1)], ([n, c]) => {
      const values: number[] = [];
      forEachIndex(spatial, (pixel) => values.push(read(x, [n, c, ...pixel])));
      return reduce(values, call);
    });
    return [y];
  };

const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
const norm = (values: number[], p: number) => sum(values.map((v) => Math.abs(v) ** p)) ** (1 / p);

export const pooling: Record<string, Definition> = {
  MaxPool: pooled((values) => Math.max(...values)),
  AveragePool: pooled(
    (values, whole, call) => sum(values) / (call.int('count_include_pad', 0) ? whole : values.length),
  ),
  LpPool: pooled((values, _whole, call) => norm(values, call.int('p', 2))),
  GlobalMaxPool: globally((values) => Math.max(...values)),
  GlobalAveragePool: globally((values) => sum(values) / values.length),
  GlobalLpPool: globally((values, call) => norm(values, call.int('p', 2))),
};
