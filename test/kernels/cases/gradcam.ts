import type { Op } from '../../../src/backend/index.js';
import { Rng } from '../../../src/core/rng.js';
import type { Tensor } from '../../../src/core/tensor.js';
import { gradcam } from '../../../src/kernels/gradcam.js';
import {
  type Case,
  type KernelCases,
  type Fill,
  uniform,
  normal,
  f32,
  constant,
  withNaN,
  view,
  shared,
} from './case.js';

function camCase(
  name: string,
  dims: number[],
  height: number,
  width: number,
  options: { a?: Fill; g?: Fill; normalise?: number; seed?: number } = {},
): Case {
  const { a = uniform, g = normal, normalise = 1, seed = 3 } = options;
  return {
    name,
    inputs: { activations: f32(dims, a, seed), gradients: f32(dims, g, seed + 1) },
    params: { height, width, normalise },
  };
}

export const gradcamCases: KernelCases = {
  op: gradcam as unknown as Op,
  fixed: [
    camCase('typical head', [2, 64, 7, 7], 224, 224, { g: (rng) => 0.02 + 0.05 * rng.normal() }),
    camCase('1×1 to 1×1', [1, 1, 1, 1], 1, 1),
    camCase('1×1 to odd size', [1, 3, 1, 1], 5, 3),
    camCase('odd sizes', [3, 5, 3, 5], 17, 31),
    camCase('downsampling', [1, 4, 33, 29], 10, 7),
    camCase('many channels', [1, 2100, 4, 4], 16, 16),
    camCase('large maps', [1, 3, 65, 63], 64, 66),
    camCase('all evidence negative', [2, 4, 6, 6], 12, 12, { g: constant(-1) }),
    camCase('zero gradients', [1, 4, 6, 6], 12, 12, { g: constant(0) }),
    camCase('constant positive cam', [1, 2, 6, 6], 12, 12, { a: constant(2), g: constant(0.5) }),
    camCase('tiny gradients', [1, 8, 7, 7], 21, 21, { g: (rng) => 1e-9 * (0.3 + rng.normal()) }),
    camCase('raw', [2, 4, 6, 5], 12, 11, { normalise: 0, g: constant(0.5) }),
    camCase('one pixel high', [2, 3, 1, 9], 5, 17),
    camCase('to one pixel', [2, 3, 5, 4], 1, 1),
    camCase('raw and constant', [1, 2, 3, 3], 4, 4, { a: constant(2), g: constant(0.5), normalise: 0 }),
    camCase('NaN activation', [2, 3, 4, 4], 8, 8, { a: withNaN(5), g: constant(0.5) }),
    camCase('infinite gradient', [2, 3, 4, 4], 8, 8, { g: (_, i) => (i === 40 ? Infinity : 1) }),
    (() => {
      const c = camCase('unaligned and shared inputs', [2, 5, 7, 7], 20, 20);
      return {
        ...c,
        inputs: {
          activations: view(c.inputs.activations as Tensor<'f32'>, 1),
          gradients: shared(c.inputs.gradients as Tensor<'f32'>),
        },
      };
    })(),
  ],
  random(seed) {
    const rng = new Rng(seed, 'gradcam');
    const dims = [1 + rng.int(3), 1 + rng.int(70), 1 + rng.int(15), 1 + rng.int(15)];
    const bias = rng.normal();
    return camCase(`random ${seed}`, dims, 1 + rng.int(70), 1 + rng.int(70), {
      seed,
      g: (r) => bias + r.normal(),
      normalise: rng.int(2),
    });
  },
  bench: () =>
    camCase('16 × [1024,7,7] → 224²', [16, 1024, 7, 7], 224, 224, { g: (rng) => 0.01 + 0.02 * rng.normal() }),
};
