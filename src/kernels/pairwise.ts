import { SightlineError } from '../core/errors.js';
import { defineOp, spec } from '../backend/op.js';

/** Values of the parameter `metric`. */
export const metrics = { l2: 0, squared: 1, cosine: 2 } as const;

/**
 * Distances between all rows of a and all rows of b.
 *   l2       √Σ (a − b)²          squared  Σ (a − b)²
 *   cosine   1 − a·b / (|a||b|), in [0, 2]; 1 when a row is all zeros
 * A NaN in a row makes its distances NaN.
 */
export const pairwise = defineOp({
  name: 'pairwise',
  inputs: { a: spec('f32', 'N', 'D'), b: spec('f32', 'M', 'D') },
  params: { metric: 0 },
  outputs: { distances: spec('f32', 'N', 'M') },
  check: (_, { metric }) => checkMetric('pairwise', metric),

  reference({ a, b }, { distances }, { N, M, D }, { metric }) {
    for (let i = 0; i < N; i++)
      for (let j = 0; j < M; j++) distances[i * M + j] = distance(a, i * D, b, j * D, D, metric);
  },

  native: true,
  wgsl: {
    overrides: () => ({ TILE: 16 }),
    uniforms: [
      ['N', 'u32'],
      ['M', 'u32'],
      ['D', 'u32'],
      ['metric', 'u32'],
    ],
    workgroups: ({ N, M }, _, { TILE }) => {
      const across = Math.ceil(M / TILE);
      const layers = Math.ceil(across / 65535);
      return [Math.ceil(across / Math.max(1, layers)), Math.ceil(N / TILE), layers];
    },
    splitBy: 'N',
  },
  tolerance: { native: { relative: 2e-5, absolute: 1e-6 }, webgpu: { relative: 2e-5, absolute: 1e-5 } },
  bytes: ({ N, M, D }) => 4 * (N * D + M * D + N * M),
  flops: ({ N, M, D }) => 2 * N * M * D,
});

/** Distance of row a[at…] and row b[bt…] in float64. */
export function distance(
  a: Float32Array,
  at: number,
  b: Float32Array,
  bt: number,
  depth: number,
  metric: number,
): number {
  let [difference, dot, aa, bb] = [0, 0, 0, 0];
  for (let k = 0; k < depth; k++) {
    const [x, y] = [a[at + k], b[bt + k]];
    difference += (x - y) ** 2;
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  if (metric === metrics.squared) return difference;
  if (metric === metrics.l2) return Math.sqrt(difference);
  if (aa === 0 || bb === 0) return Number.isNaN(aa + bb) ? NaN : 1;
  return Math.min(2, Math.max(0, 1 - dot / Math.sqrt(aa * bb)));
}

export function checkMetric(op: string, metric: number): void {
  if ([0, 1, 2].includes(metric)) return;
  throw new SightlineError('E_ARGUMENT', {
    where: `${op}.metric`,
    what: `expected 0 (L2), 1 (squared L2) or 2 (cosine), received ${metric}`,
  });
}
