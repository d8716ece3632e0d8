import type { Op } from '../../../src/backend/index.js';
import { Rng } from '../../../src/core/rng.js';
import type { Tensor } from '../../../src/core/tensor.js';
import { dice } from '../../../src/kernels/dice.js';
import { type Case, type KernelCases, type Fill, uniform, f32, u8, constant, withNaN, view, shared } from './case.js';

function diceCase(
  name: string,
  dims: number[],
  options: { map?: Fill; mask?: Fill; threshold?: number; mode?: number; seed?: number } = {},
): Case {
  const {
    map = uniform,
    mask = (rng) => Number(rng.uniform() < 0.3) * (1 + rng.int(255)),
    threshold = 0.5,
    mode = 0,
    seed = 5,
  } = options;
  return {
    name,
    inputs: {
      maps: f32(dims, map, seed),
      masks: u8(dims, mask, seed + 1),
      thresholds: f32([dims[0]], constant(threshold)),
    },
    params: { mode },
  };
}

const modes = [0, 1, 2];
export const diceCases: KernelCases = {
  op: dice as unknown as Op,
  fixed: modes.flatMap((mode) => [
    ...[1, 3, 15, 16, 17, 63, 64, 65, 255, 256, 257, 1021].map((p) =>
      diceCase(`mode ${mode}, ${p} pixels`, [3, p], { mode }),
    ),
    diceCase(`mode ${mode}, no pixels`, [2, 0], { mode }),
    diceCase(`mode ${mode}, both empty`, [2, 33], { mode, map: constant(0), mask: constant(0) }),
    diceCase(`mode ${mode}, empty mask`, [2, 33], { mode, mask: constant(0) }),
    diceCase(`mode ${mode}, empty map`, [2, 33], { mode, map: constant(0) }),
    diceCase(`mode ${mode}, all inside`, [2, 33], { mode, map: constant(1), mask: constant(255) }),
    diceCase(`mode ${mode}, NaN pixel`, [3, 40], { mode, map: withNaN(45) }),
    diceCase(`mode ${mode}, large`, [2, 90_001], { mode }),
    (() => {
      const c = diceCase(`mode ${mode}, unaligned and shared`, [2, 51], { mode });
      return {
        ...c,
        inputs: {
          ...c.inputs,
          maps: shared(c.inputs.maps as Tensor<'f32'>),
          masks: view(c.inputs.masks as Tensor<'u8'>, 3),
        },
      };
    })(),
  ]),
  random(seed) {
    const rng = new Rng(seed, 'dice');
    return diceCase(`random ${seed}`, [1 + rng.int(5), 1 + rng.int(2000)], {
      seed,
      mode: rng.int(3),
      threshold: rng.uniform(),
    });
  },
  bench: () => diceCase('64 × 224², thresholded', [64, 224 * 224]),
};
