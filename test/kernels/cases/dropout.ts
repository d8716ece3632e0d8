import type { Op } from '../../../src/backend/index.js';
import { Rng, streamKey } from '../../../src/core/rng.js';
import { dropoutMask } from '../../../src/kernels/dropout_mask.js';
import type { Case, KernelCases } from './case.js';

const maskCase = (name: string, given: Partial<Record<keyof typeof dropoutMask.params, number>>): Case => ({
  name,
  inputs: {},
  params: { ...dropoutMask.params, ...streamKey(5, 'dropout'), ...given },
});

const dropoutMaskCases: KernelCases = {
  op: dropoutMask as unknown as Op,
  fixed: [
    maskCase('none', { count: 0 }),
    maskCase('one', { count: 1 }),
    maskCase('a tile and one', { count: 65 }),
    maskCase('many', { count: 5003, rate: 0.2, draw: 3 }),
    maskCase('rate 0', { count: 200, rate: 0 }),
    maskCase('a rate just below 1', { count: 200, rate: 1 - 2 ** -53 }),
    maskCase('the largest key and draw', { count: 130, keyLow: 2 ** 32 - 1, keyHigh: 2 ** 32 - 1, draw: 2 ** 53 - 1 }),
  ],
  random(seed) {
    const rng = new Rng(seed, 'mask');
    return maskCase(`random ${seed}`, {
      count: rng.int(400),
      rate: rng.uniform(),
      keyLow: rng.uint32(),
      keyHigh: rng.uint32(),
      draw: rng.int(2 ** 53),
    });
  },
  bench: () => maskCase('a million values', { count: 1_000_003, rate: 0.1 }),
};

/** C++ only: masks are drawn where a training step is put together. */
export const dropoutCases: KernelCases[] = [dropoutMaskCases];
