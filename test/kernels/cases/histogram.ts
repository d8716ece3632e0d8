import type { Op } from '../../../src/backend/index.js';
import { Rng } from '../../../src/core/rng.js';
import type { Tensor } from '../../../src/core/tensor.js';
import { histogram } from '../../../src/kernels/histogram.js';
import { type Case, type KernelCases, type Fill, f32, constant, view, shared } from './case.js';

/** Pixels at bin centres: float32 and float64 agree on the bin, so that counts can be compared exactly. */
const binned: Fill = (rng) => (rng.int(256) + 0.5) / 256;

function histogramCase(
  name: string,
  dims: number[],
  map: Fill = binned,
  params: Record<string, number> = {},
  seed = 7,
): Case {
  return { name, inputs: { maps: f32(dims, map, seed) }, params: { bins: 256, low: 0, high: 1, ...params } };
}

export const histogramCases: KernelCases = {
  op: histogram as unknown as Op,
  fixed: [
    ...[1, 2, 15, 16, 17, 255, 256, 257, 1000].map((p) => histogramCase(`${p} pixels`, [3, p])),
    histogramCase('no pixels', [2, 0]),
    histogramCase('constant 0', [2, 50], constant(0)),
    histogramCase('constant 1 (last bin is closed)', [2, 50], constant(1)),
    histogramCase('constant 0.1 (rounds in the mean)', [2, 240], constant(0.1)),
    histogramCase('two values', [2, 64], (_, i) => (i % 8 === 0 ? 1 : 0)),
    histogramCase('focused map', [2, 50_176], (rng, i) => (i % 997 === 0 ? 0.75 : (0.5 + rng.int(8)) / 256)),
    histogramCase('NaN pixel', [3, 100], (rng, i) => (i === 150 ? NaN : binned(rng, i))),
    histogramCase('all NaN', [2, 30], constant(NaN)),
    histogramCase('outside the range', [2, 90], (_, i) => [-0.25, 0.25, 1.25][i % 3]),
    histogramCase('nothing inside', [2, 30], constant(7)),
    histogramCase('one bin', [2, 100], binned, { bins: 1 }),
    histogramCase('1024 bins', [1, 5000], (rng) => (rng.int(1024) + 0.5) / 1024, { bins: 1024 }),
    histogramCase('other range', [2, 500], (rng) => -4 + (rng.int(32) + 0.5) / 4, { bins: 32, low: -4, high: 4 }),
    histogramCase('all infinite', [2, 30], constant(Infinity)),
    histogramCase('an infinite pixel', [3, 100], (rng, i) => (i === 150 ? -Infinity : binned(rng, i))),
    histogramCase('both infinities', [1, 100], (_, i) => (i === 50 ? Infinity : i === 51 ? -Infinity : 0.5)),
    histogramCase('odd bins', [3, 777], (rng) => (rng.int(49) + 0.5) / 49, { bins: 49 }),
    (() => {
      const c = histogramCase('unaligned', [3, 51]);
      return { ...c, inputs: { maps: view(c.inputs.maps as Tensor<'f32'>, 1) } };
    })(),
    (() => {
      const c = histogramCase('shared', [3, 51]);
      return { ...c, inputs: { maps: shared(c.inputs.maps as Tensor<'f32'>) } };
    })(),
    histogramCase('far from 0', [2, 500], (rng) => 1000 + (rng.int(64) + 0.5) / 64, {
      bins: 64,
      low: 1000,
      high: 1001,
    }),
  ],
  random(seed) {
    const rng = new Rng(seed, 'histogram');
    const bins = 2 ** (1 + rng.int(9));
    const skew = 1 + rng.int(4);
    return histogramCase(
      `random ${seed}`,
      [1 + rng.int(3), 1 + rng.int(3000)],
      (r) => (Math.floor(bins * r.uniform() ** skew) + 0.5) / bins,
      { bins },
      seed,
    );
  },
  bench: () => histogramCase('64 × 224², 256 bins', [64, 224 * 224]),
};
