import { SightlineError } from '../core/errors.js';
import { defineOp, spec } from '../backend/op.js';

/**
 * Quantile q in [0, 1] of each map, as numpy.quantile's default: linear interpolation between the order statistics on
 * either side of q·(P − 1). q = 0.85 is the threshold that leaves the highest 15 % of a map. A NaN or infinite pixel, or
 * no pixel at all, gives NaN.
 */
export const quantile = defineOp({
  name: 'quantile',
  inputs: { maps: spec('f32', 'B', 'P') },
  params: { q: 0.5 },
  outputs: { values: spec('f32', 'B') },

  check(_, { q }) {
    if (q >= 0 && q <= 1) return;
    throw new SightlineError('E_ARGUMENT', { where: 'quantile.q', what: `expected 0 to 1, received ${q}` });
  },

  reference({ maps }, { values }, { B, P }, { q }) {
    for (let b = 0; b < B; b++) {
      const map = maps.subarray(b * P, (b + 1) * P);
      values[b] = P > 0 && map.every(Number.isFinite) ? quantileOf(Float64Array.from(map).sort(), q) : NaN;
    }
  },

  native: true,
  wgsl: {
    overrides: () => ({ WORKGROUP: 256 }),
    uniforms: [
      ['B', 'u32'],
      ['P', 'u32'],
      // q·(P − 1) needs more digits than a float32 has: q in units of 2⁻³².
      ['fraction', 'u32', (_, { q }) => Math.min(Math.round(q * 2 ** 32), 2 ** 32 - 1)],
    ],
    workgroups: ({ B }) => [B],
    splitBy: 'B',
  },
  // The GPU's rank is off by at most P·2⁻³² places.
  tolerance: { native: { relative: 1e-7, absolute: 0 }, webgpu: { relative: 1e-6, absolute: 1e-6 } },
  bytes: ({ B, P }) => 4 * B * P,
  flops: ({ B, P }) => 4 * B * P,
});

/** numpy.quantile's linear interpolation (its _lerp) in ascending values. */
export function quantileOf(sorted: Float64Array, q: number): number {
  const at = q * (sorted.length - 1);
  const below = Math.floor(at);
  const t = at - below;
  const [a, b] = [sorted[below], sorted[Math.min(below + 1, sorted.length - 1)]];
  return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
}
