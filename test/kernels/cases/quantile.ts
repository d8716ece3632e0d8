import type { Op } from '../../../src/backend/index.js';
import { Rng } from '../../../src/core/rng.js';
import type { Tensor } from '../../../src/core/tensor.js';
import { quantile } from '../../../src/kernels/quantile.js';
import { type Case, type KernelCases, type Fill, uniform, normal, f32, constant, view, shared } from './case.js';

function quantileCase(name: string, dims: number[], map: Fill = uniform, q = 0.5, seed = 21): Case {
  return { name, inputs: { maps: f32(dims, map, seed) }, params: { q } };
}

export const quantileCases: KernelCases = {
  op: quantile as unknown as Op,
  fixed: [
    ...[1, 2, 3, 7, 8, 63, 64, 65, 255, 256, 257, 1000].map((p) => quantileCase(`${p} pixels`, [3, p], normal)),
    ...[0, 1 / 3, 0.25, 0.85, 0.999, 1].map((q) => quantileCase(`q = ${q}`, [2, 3001], normal, q)),
    quantileCase('no pixels', [2, 0]),
    quantileCase('constant', [2, 500], constant(0.1)),
    quantileCase('two values, between them', [1, 1000], (_, i) => (i < 850 ? 0 : 1), 0.85),
    quantileCase('two values far apart', [2, 1000], (_, i) => (i % 2 ? 3e38 : -3e38), 0.25),
    quantileCase('mostly 0', [2, 50_176], (rng) => Math.max(0, rng.normal() - 1.5), 0.85),
    quantileCase('both zeros', [2, 300], (_, i) => (i % 2 ? 0 : -0)),
    quantileCase(
      'magnitudes from 1e-38 to 1e38',
      [2, 5000],
      (rng) => rng.normal() * 10 ** (rng.uniform() * 76 - 38),
      0.3,
    ),
    quantileCase('denormal', [2, 500], (rng) => rng.int(1000) * 1e-42, 0.7),
    quantileCase('one outlier', [2, 5000], (rng, i) => (i % 5000 === 17 ? 1e30 : rng.uniform()), 0.9),
    quantileCase('NaN pixel', [3, 100], (rng, i) => (i === 150 ? NaN : rng.uniform())),
    quantileCase('infinite pixels', [3, 100], (rng, i) => (i === 150 ? Infinity : i === 7 ? -Infinity : rng.uniform())),
    (() => {
      const c = quantileCase('unaligned', [3, 51]);
      return { ...c, inputs: { maps: view(c.inputs.maps as Tensor<'f32'>, 1) } };
    })(),
    (() => {
      const c = quantileCase('shared', [3, 51]);
      return { ...c, inputs: { maps: shared(c.inputs.maps as Tensor<'f32'>) } };
    })(),
  ],
  random(seed) {
    const rng = new Rng(seed, 'quantile');
    const steps = 2 ** (1 + rng.int(16)); // few: many equal values
    const dims = [1 + rng.int(3), 1 + rng.int(4000)];
    return quantileCase(`random ${seed}`, dims, (r) => Math.round(r.normal() * steps) / steps, rng.uniform(), seed);
  },
  bench: () => quantileCase('64 × 224², 0.85', [64, 224 * 224], uniform, 0.85),
};
