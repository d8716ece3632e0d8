import { expectArgument } from '../core/errors.js';
import { withDefaults } from '../core/options.js';

/** Settings of an on-line forest; α, β, γ and the tests are those of Saffari et al. 2009. */
export interface OnlineOptions {
  trees: number;
  /**
   * α: a leaf may split once it has seen this many samples since it first met a second class. Small values grow fast and
   * suit hundreds of samples; with tens of thousands, 100 splits better. `OnlineForest.fit` chooses by the number of rows.
   */
  minSamples: number;
  /** β: a leaf splits when its best test lowers the impurity by at least this much. */
  minGain: number;
  criterion: 'gini' | 'entropy';
  /** Random tests that a leaf tries at the same time. */
  tests: number;
  /** Features in a test: 1 compares one feature with a threshold, more a random hyperplane over as many. */
  testFeatures: number;
  /** Where thresholds are drawn: between values of samples in the leaf, or in the range of all samples so far. */
  thresholds: 'leaf' | 'global';
  /** Samples that a leaf keeps before it draws its tests (they are counted afterwards); at most `minSamples`. */
  waiting: number;
  maxDepth: number;
  /**
   * γ: trees older than 1/γ samples may be replaced by new ones, as their out-of-bag error decides; 0 = never. For classes
   * whose meaning drifts, 1/400 relearns within 200 samples; it costs accuracy where nothing drifts.
   */
  forgetting: number;
  /** A whole number from 0 to 2⁵³ − 1. */
  seed: number;
}

/**
 * Chosen by five-fold cross-validation on scikit-learn's iris, wine, breast cancer and digits and on a synthetic set of
 * 10,000 × 50 with three classes. On that set half the tests or half of `minSamples` cost about a point; on the others
 * `minSamples` 20 to 50 and β 0.01 to 0.05 give the same within a sample or two.
 */
export const defaultOnline: OnlineOptions = {
  trees: 100,
  minSamples: 20,
  minGain: 0.01,
  criterion: 'gini',
  tests: 100,
  testFeatures: 1,
  thresholds: 'leaf',
  waiting: 10,
  maxDepth: Infinity,
  forgetting: 0,
  seed: 0,
};

/** Given options and the defaults of the others. @throws SightlineError E_ARGUMENT */
export function completeOnline(given: Partial<OnlineOptions>): OnlineOptions {
  const options = withDefaults<OnlineOptions>(given, defaultOnline, 'options of the on-line forest');
  const whole = (name: keyof OnlineOptions, low: number, high = Number.MAX_SAFE_INTEGER) => {
    const value = options[name] as number;
    const fits = Number.isSafeInteger(value) && value >= low && value <= high;
    expectArgument(fits, name, `a whole number from ${low}`, value);
  };
  whole('trees', 1);
  whole('minSamples', 2);
  whole('tests', 1);
  whole('testFeatures', 1);
  whole('waiting', 2);
  whole('seed', 0);
  if (options.maxDepth !== Infinity) whole('maxDepth', 1);
  const { minGain, criterion, thresholds, forgetting } = options;
  expectArgument(minGain >= 0 && minGain < Infinity, 'minGain', 'a number from 0', minGain);
  expectArgument(criterion === 'gini' || criterion === 'entropy', 'criterion', '"gini" or "entropy"', criterion);
  expectArgument(thresholds === 'leaf' || thresholds === 'global', 'thresholds', '"leaf" or "global"', thresholds);
  expectArgument(forgetting >= 0 && forgetting < 1, 'forgetting', 'a number from 0 to 1, 1 excluded', forgetting);
  return { ...options, waiting: Math.min(options.waiting, options.minSamples) };
}
