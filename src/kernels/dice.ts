import { SightlineError } from '../core/errors.js';
import { defineOp, spec } from '../backend/op.js';

/** Values of the parameter `mode`. */
export const diceModes = { threshold: 0, soft: 1, softSquared: 2 } as const;

/**
 * Dice overlap of each map p with its mask g (non-zero = inside).
 *   threshold    2|A ∩ G| / (|A| + |G|), A = {p >= threshold}
 *   soft         2 Σ p·g / (Σ p + Σ g)
 *   softSquared  2 Σ p·g / (Σ p² + Σ g²)   (Milletari et al., V-Net, 2016)
 * Both empty: 1. One empty: 0. A NaN anywhere in the map: NaN.
 * (MONAI's DiceMetric casts with bool() and ignores empty masks by default; torchmetrics drops 0/0.)
 */
export const dice = defineOp({
  name: 'dice',
  inputs: { maps: spec('f32', 'B', 'P'), masks: spec('u8', 'B', 'P'), thresholds: spec('f32', 'B') },
  params: { mode: 0 },
  outputs: { dice: spec('f32', 'B') },

  check(_, { mode }) {
    if ([0, 1, 2].includes(mode)) return;
    throw new SightlineError('E_ARGUMENT', { where: 'dice.mode', what: `expected 0, 1 or 2, received ${mode}` });
  },

  reference({ maps, masks, thresholds }, { dice: out }, { B, P }, { mode }) {
    for (let b = 0; b < B; b++) {
      let overlap = 0;
      let sum = 0;
      for (let i = b * P; i < (b + 1) * P; i++) {
        const g = Number(masks[i] !== 0);
        const p = mode === diceModes.threshold && !Number.isNaN(maps[i]) ? Number(maps[i] >= thresholds[b]) : maps[i];
        overlap += p * g;
        sum += (mode === diceModes.softSquared ? p * p : p) + g;
      }
      out[b] = sum === 0 ? 1 : (2 * overlap) / sum;
    }
  },

  native: true,
  wgsl: {
    overrides: () => ({ WORKGROUP: 256 }),
    uniforms: [
      ['B', 'u32'],
      ['P', 'u32'],
      ['mode', 'u32'],
    ],
    workgroups: ({ B }) => [B],
    splitBy: 'B',
  },
  tolerance: { native: { relative: 1e-6, absolute: 1e-9 }, webgpu: { relative: 1e-5, absolute: 1e-6 } },
  bytes: ({ B, P }) => B * (5 * P + 8),
  flops: ({ B, P }) => 4 * B * P,
});
