import { defineOp, spec } from '../backend/op.js';
import { checkSegments } from './optimiser_step.js';

/**
 * Sum of squares of each tensor's gradient (float64), and how many of its elements are NaN or infinite. Tensors lie one
 * behind the other as in {@link optimiserStep}; a frozen one (rate 0) is not read and counts 0. The global norm is the
 * root of the sum over tensors. C++ adds in blocks of a fixed size: the same bits whatever the threads.
 */
export const gradientNorm = defineOp({
  name: 'gradient_norm',
  inputs: { gradients: spec('f32', 'N'), starts: spec('u32', 'S'), rates: spec('f32', 'S') },
  params: {},
  outputs: { squares: spec('f64', 'S'), notFinite: spec('u32', 'S') },

  reference({ gradients, starts, rates }, { squares, notFinite }, { N, S }) {
    checkSegments('gradient_norm', starts, N);
    for (let s = 0; s < S; s++) {
      squares[s] = notFinite[s] = 0;
      if (rates[s] === 0) continue;
      for (let i = starts[s]; i < (starts[s + 1] ?? N); i++) {
        squares[s] += gradients[i] * gradients[i];
        if (!Number.isFinite(gradients[i])) notFinite[s]++;
      }
    }
  },

  native: true,
  wgsl: { unavailable: 'float64 sums of gradients in host memory' },
  tolerance: { native: { relative: 1e-12, absolute: 0 } },
  bytes: ({ N }) => 4 * N,
  flops: ({ N }) => 2 * N,
});
