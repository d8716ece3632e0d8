import { SightlineError } from '../core/errors.js';
import { defineOp, spec } from '../backend/op.js';

/** Quantile q of each map, as numpy.quantile (linear interpolation). */
export const quantile = defineOp({
  name: 'quantile',
  inputs: { maps: spec('f32', 'B', 'P') },
  params: { q: 0.5 },
  outputs: { values: spec('f32', 'B') },
  reference() {
    throw new SightlineError('E_INTERNAL', { what: 'not built yet' });
  },
  native: true,
  wgsl: { unavailable: 'not built yet' },
  tolerance: { native: { relative: 1e-6, absolute: 1e-7 } },
  bytes: ({ B, P }) => 4 * B * P,
  flops: ({ B, P }) => 4 * B * P,
});
