import { expectArgument } from '../core/errors.js';
import { withDefaults } from '../core/options.js';
import { forestCriteria } from '../kernels/forest_tree.js';

/** Settings of a forest; names and defaults as scikit-learn's RandomForestClassifier. */
export interface ForestOptions {
  trees: number;
  criterion: 'gini' | 'entropy';
  /** Features tried per split: √D (rounded down), all, or a number (all, when there are fewer). */
  maxFeatures: 'sqrt' | 'all' | number;
  maxDepth: number;
  minSamplesSplit: number;
  minSamplesLeaf: number;
  /** Each tree on a bootstrap sample; without it there is no out-of-bag estimate. */
  bootstrap: boolean;
  /** A whole number from 0 to 2⁵³ − 1. */
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

/** Given options and the defaults of the others. @throws SightlineError E_ARGUMENT */
export function completeOptions(given: Partial<ForestOptions>): ForestOptions {
  const options = withDefaults<ForestOptions>(given, defaultForest, 'forest options');
  const { trees, criterion, maxFeatures, maxDepth, minSamplesSplit, minSamplesLeaf, bootstrap, seed } = options;
  const whole = (value: unknown, low: number) => Number.isSafeInteger(value) && (value as number) >= low;
  expectArgument(whole(trees, 1), 'trees', 'a whole number from 1', trees);
  expectArgument(Object.keys(forestCriteria).includes(criterion), 'criterion', '"gini" or "entropy"', criterion);
  expectArgument(
    maxFeatures === 'sqrt' || maxFeatures === 'all' || whole(maxFeatures, 1),
    'maxFeatures',
    '"sqrt", "all" or a whole number from 1',
    maxFeatures,
  );
  expectArgument(maxDepth === Infinity || whole(maxDepth, 1), 'maxDepth', 'a whole number from 1', maxDepth);
  expectArgument(whole(minSamplesSplit, 2), 'minSamplesSplit', 'a whole number from 2', minSamplesSplit);
  expectArgument(whole(minSamplesLeaf, 1), 'minSamplesLeaf', 'a whole number from 1', minSamplesLeaf);
  expectArgument(typeof bootstrap === 'boolean', 'bootstrap', 'true or false', bootstrap);
  expectArgument(whole(seed, 0), 'seed', 'a whole number from 0', seed);
  return options;
}

/** The options as parameters of `forest_fit`, for samples with `width` features. */
export function kernelParams(options: ForestOptions, width: number) {
  const { maxFeatures, seed } = options;
  const tried = maxFeatures === 'sqrt' ? Math.floor(Math.sqrt(width)) : maxFeatures === 'all' ? width : maxFeatures;
  return {
    criterion: forestCriteria[options.criterion],
    maxFeatures: Math.min(Math.max(tried, 1), width),
    maxDepth: options.maxDepth,
    minSamplesSplit: options.minSamplesSplit,
    minSamplesLeaf: options.minSamplesLeaf,
    bootstrap: Number(options.bootstrap),
    seedLow: seed % 2 ** 32,
    seedHigh: Math.floor(seed / 2 ** 32),
  };
}
