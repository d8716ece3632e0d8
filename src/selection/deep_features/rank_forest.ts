import { SightlineError } from '../../core/errors.js';
import { tensor, type Tensor } from '../../core/tensor.js';
import { OnlineForest, type FitOptions } from '../../forest/online_forest.js';
import type { OnlineOptions } from '../../forest/online_options.js';

/**
 * The on-line random forest of IDEAL's Algorithm 2: from a latent code to the informativeness of the saliency map. Each
 * rank is a class of its own; the forest goes on learning with `updateRanks`.
 * @param latents f32[N,D], finite @param ranks u32[N], from 1, as of `propagateRanks`
 * @throws SightlineError E_SHAPE, E_ARGUMENT
 */
export function learnRanks(
  latents: Tensor<'f32'>,
  ranks: Tensor<'u32'>,
  options: Partial<OnlineOptions & FitOptions> = {},
): OnlineForest {
  return OnlineForest.fit(latents, classesOf(ranks), options);
}

/** One pass over samples of a later round, in their order. */
export function updateRanks(forest: OnlineForest, latents: Tensor<'f32'>, ranks: Tensor<'u32'>): void {
  forest.updateBatch(latents, classesOf(ranks));
}

/**
 * Score of new samples: minus the expected rank, so that higher = label first: f64[N], −K … −1.
 * @param latents f32[N,D], finite @throws SightlineError E_SHAPE, E_ARGUMENT
 */
export function rankScores(forest: OnlineForest, latents: Tensor<'f32'>): Float64Array {
  const { dims, data } = forest.predictProbabilities(latents);
  const [rows, classes] = dims;
  if (!classes) throw new SightlineError('E_ARGUMENT', { where: 'forest', what: 'expected one that has learnt ranks' });
  return Float64Array.from({ length: rows }, (_, i) => {
    let [expected, total] = [0, 0];
    for (let c = 0; c < classes; c++) {
      expected += (c + 1) * data[i * classes + c];
      total += data[i * classes + c];
    }
    return -expected / total;
  });
}

function classesOf(ranks: Tensor<'u32'>): Tensor<'u32'> {
  const zero = ranks.data.indexOf(0);
  if (zero >= 0) {
    throw new SightlineError('E_ARGUMENT', { where: `ranks[${zero}]`, what: 'expected a rank from 1, received 0' });
  }
  return tensor(
    'u32',
    ranks.dims,
    ranks.data.map((rank) => rank - 1),
  );
}
