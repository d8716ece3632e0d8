import { SightlineError } from '../core/errors.js';
import { defineOp, spec } from '../backend/op.js';
import { checkMetric, distance } from './pairwise.js';

/**
 * For each row of a, the nearest centre and its distance (metrics as in `pairwise`), without the N × M matrix.
 * Ties go to the lowest index. A NaN distance never wins; when all are NaN: index 0, distance NaN.
 */
export const nearest = defineOp({
  name: 'nearest',
  inputs: { a: spec('f32', 'N', 'D'), centres: spec('f32', 'M', 'D') },
  params: { metric: 0 },
  outputs: { index: spec('u32', 'N'), distance: spec('f32', 'N') },

  check({ M }, { metric }) {
    checkMetric('nearest', metric);
    if (M === 0)
      throw new SightlineError('E_SHAPE', { where: 'nearest.centres', what: 'expected at least one centre' });
  },

  reference({ a, centres }, { index, distance: out }, { N, M, D }, { metric }) {
    for (let i = 0; i < N; i++) {
      let best = NaN;
      index[i] = 0;
      for (let j = 0; j < M; j++) {
        const d = distance(a, i * D, centres, j * D, D, metric);
        if (d < best || (Number.isNaN(best) && !Number.isNaN(d))) [best, index[i]] = [d, j];
      }
      out[i] = best;
    }
  },

  native: true,
  wgsl: {
    overrides: () => ({ WORKGROUP: 64 }),
    uniforms: [
      ['N', 'u32'],
      ['M', 'u32'],
      ['D', 'u32'],
      ['metric', 'u32'],
    ],
    workgroups: ({ N }, _, { WORKGROUP }) => [Math.ceil(N / WORKGROUP)],
    splitBy: 'N',
  },
  tolerance: { native: { relative: 2e-5, absolute: 1e-6 }, webgpu: { relative: 2e-5, absolute: 1e-5 } },
  bytes: ({ N, M, D }) => 4 * (N * D + M * D + 2 * N),
  flops: ({ N, M, D }) => 2 * N * M * D,
});
