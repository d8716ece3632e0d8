import { defineOp, spec } from '../backend/op.js';
import { expectArgument } from '../core/errors.js';
import { philox4x32 } from '../core/rng.js';

/**
 * Factors of a dropout layer: 0 with probability `rate`, else 1/(1 − rate) in float32, independent of each other
 * (Srivastava et al., JMLR 2014). Value i is decided by 32 bits of Philox-4x32-10 (core/rng.ts) with the key
 * (keyLow, keyHigh), see `streamKey`: by word ⌊i/16⌋ mod 4 of block 16⌊i/64⌋ + i mod 16, whose counter is
 * (block, 0, draw mod 2³², ⌊draw/2³²⌋). Less than ⌊rate · 2³²⌋: 0. So a value is the same whatever is drawn beside it.
 *
 * `count` values, up to 2³³; `rate` in [0, 1); `draw` numbers the masks of a key, up to 2⁵³.
 */
export const dropoutMask = defineOp({
  name: 'dropout_mask',
  inputs: {},
  params: { count: 1, rate: 0.5, keyLow: 0, keyHigh: 0, draw: 0 },
  outputs: { mask: spec('f32', 'count') },

  check(_, { count, rate, keyLow, keyHigh, draw }) {
    const whole = (value: number, below: number) => Number.isInteger(value) && value >= 0 && value < below;
    expectArgument(whole(count, 2 ** 33), 'dropout_mask.count', 'a whole number from 0, below 2^33', count);
    expectArgument(rate >= 0 && rate < 1, 'dropout_mask.rate', 'a number from 0, below 1', rate);
    for (const key of [keyLow, keyHigh]) {
      expectArgument(whole(key, 2 ** 32), 'dropout_mask.key', 'whole numbers from 0, below 2^32', key);
    }
    expectArgument(whole(draw, 2 ** 53), 'dropout_mask.draw', 'a whole number from 0, below 2^53', draw);
  },

  reference(_inputs, { mask }, _dims, { rate, keyLow, keyHigh, draw }) {
    const threshold = Math.floor(rate * 2 ** 32);
    const kept = 1 / (1 - rate);
    const [low, high] = [draw % 2 ** 32, Math.floor(draw / 2 ** 32)];
    for (let first = 0, block = 0; first < mask.length; first += 64) {
      for (let lane = 0; lane < 16; lane++, block++) {
        const words = philox4x32([block, 0, low, high], [keyLow, keyHigh]);
        for (let word = 0, i = first + lane; word < 4 && i < mask.length; word++, i += 16) {
          mask[i] = words[word] < threshold ? 0 : kept;
        }
      }
    }
  },

  native: true,
  wgsl: { unavailable: 'masks are drawn on the CPU, where a training step is put together' },
  tolerance: { native: { relative: 0, absolute: 0 } },
  bytes: (_, { count }) => 4 * count,
  flops: (_, { count }) => 30 * count,
});
