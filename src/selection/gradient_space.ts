import type { Backend } from '../backend/index.js';
import { expectArgument, SightlineError } from '../core/errors.js';
import { tensor, uninitialised, type Tensor } from '../core/tensor.js';
import type { Activation } from '../features/uncertainty.js';
import { metrics, pairwise } from '../kernels/pairwise.js';
import { checkedRows, gatherRows } from './rows.js';
import { squaredLengths, squaredToNearestInPortions, type SelectionSpace } from './space.js';

/**
 * BADGE's hypothetical gradients (Ash, Zhang, Krishnamurthy, Langford and Agarwal, "Deep Batch Active Learning by Diverse,
 * Uncertain Gradient Lower Bounds", ICLR 2020): the gradient of the loss with respect to the last layer's weights, were
 * the model's own prediction the label, g = q ⊗ h with q = p − onehot(argmax p) and h the features before that layer.
 *
 * The K·D numbers of g are never formed. With d the cosine distance (1 − cos) and s = |q||h| = |g|,
 *   |g_i − g_j|² = (s_i − s_j)² + 2 s_i s_j (d_q + d_h − d_q d_h),
 * every term of which is zero or more: nothing cancels. Memory is that of p and h.
 *
 * Sigmoid heads: each label's own prediction, q = p − [p ≥ ½]. Adding a constant 1 to h gives the bias's gradient too.
 * @param probabilities f32 or f64 [N,K], in [0, 1] @param features f32[N,D], finite
 * @throws SightlineError E_SHAPE, E_ARGUMENT
 */
export function gradientSpace(
  backend: Backend,
  probabilities: Tensor<'f32' | 'f64'>,
  features: Tensor<'f32'>,
  activation: Activation = 'softmax',
): SelectionSpace {
  const [size] = checkedRows(features, 'features');
  const [rows] = checkedRows(probabilities, 'probabilities');
  if (rows !== size) {
    throw new SightlineError('E_SHAPE', {
      where: 'probabilities and features',
      what: `expected as many rows, received ${rows} and ${size}`,
    });
  }
  return productSpace(backend, predictionErrors(probabilities, activation), features);
}

/** The vectors errors ⊗ features, f32[N,K] and f32[N,D]. */
function productSpace(backend: Backend, errors: Tensor<'f32'>, features: Tensor<'f32'>): SelectionSpace {
  const [size, width] = features.dims;
  const errorLengths = squaredLengths(errors.data, size, errors.dims[1]);
  const featureLengths = squaredLengths(features.data, size, width);
  const lengths = Float64Array.from(errorLengths, (squared, i) => Math.sqrt(squared * featureLengths[i]));
  let distances = [errors, features].map(() => uninitialised('f32', [size, 1]));

  const space: SelectionSpace = {
    size,
    async squaredTo(chosen) {
      const columns = chosen.length;
      if (distances[0].dims[1] !== columns) distances = distances.map(() => uninitialised('f32', [size, columns]));
      for (const [at, a] of [errors, features].entries()) {
        const b = gatherRows(a, chosen);
        await backend.run(pairwise, { a, b }, { metric: metrics.cosine }, { into: { distances: distances[at] } });
      }
      const [squared, ofFeatures] = distances.map(({ data }) => data);
      for (let i = 0; i < size; i++) {
        for (let j = 0; j < columns; j++) {
          const [s, t] = [lengths[i], lengths[chosen[j]]];
          const [q, h] = [squared[i * columns + j], ofFeatures[i * columns + j]];
          squared[i * columns + j] = (s - t) ** 2 + 2 * s * t * (q + h - q * h);
        }
      }
      return squared;
    },
    squaredToNearest: (chosen) => squaredToNearestInPortions(space, chosen),
    squaredLengths: () => lengths.map((s) => s * s),
    subset: (chosen) => productSpace(backend, gatherRows(errors, chosen), gatherRows(features, chosen)),
  };
  return space;
}

/** q = p − the model's own prediction: f32[N,K]. */
function predictionErrors({ dims, data }: Tensor<'f32' | 'f64'>, activation: Activation): Tensor<'f32'> {
  const [rows, classes] = dims;
  const out = tensor('f32', dims);
  for (let i = 0; i < rows; i++) {
    let likeliest = 0;
    for (let c = 0; c < classes; c++) {
      const p = data[i * classes + c];
      expectArgument(p >= 0 && p <= 1, `probabilities, row ${i}`, 'values in [0, 1]', p);
      if (p > data[i * classes + likeliest]) likeliest = c;
      out.data[i * classes + c] = activation === 'sigmoid' && p >= 0.5 ? p - 1 : p;
    }
    if (activation === 'softmax' && classes) out.data[i * classes + likeliest] = data[i * classes + likeliest] - 1;
  }
  return out;
}
