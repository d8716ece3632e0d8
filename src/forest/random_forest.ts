import type { Backend } from '../backend/index.js';
import { SightlineError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';

/** Settings of a forest; names and defaults as scikit-learn's RandomForestClassifier. */
export interface ForestOptions {
  trees: number;
  criterion: 'gini' | 'entropy';
  /** Features tried per split: √D, all, or a number. */
  maxFeatures: 'sqrt' | 'all' | number;
  maxDepth: number;
  minSamplesSplit: number;
  minSamplesLeaf: number;
  /** Each tree on a bootstrap sample; without it there is no out-of-bag estimate. */
  bootstrap: boolean;
  seed: number;
}

export const defaultForest: ForestOptions = {
  trees: 100,
  criterion: 'gini',
  maxFeatures: 'sqrt',
  maxDepth: Infinity,
  minSamplesSplit: 2,
  minSamplesLeaf: 1,
  bootstrap: true,
  seed: 0,
};

/** A random forest classifier (Breiman 2001). */
export class RandomForest {
  /** Share of samples that the trees which did not see them classify rightly; NaN without bootstrap. */
  readonly outOfBagAccuracy: number = NaN;

  /** @param samples f32[N,D] @param labels u32[N], 0 … classes − 1 */
  static fit(
    _backend: Backend,
    _samples: Tensor<'f32'>,
    _labels: Tensor<'u32'>,
    _classes: number,
    _options: Partial<ForestOptions> = {},
  ): Promise<RandomForest> {
    return Promise.reject(new SightlineError('E_INTERNAL', { what: 'not built yet' }));
  }
}
