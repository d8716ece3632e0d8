import { expectArgument } from '../core/errors.js';
import { meanDefined } from '../metrics/inputs.js';
import { holmCorrection } from './holm.js';
import { areaUnderBudget, labelsToReach, sharedRange, valueAt, valuesAtShares } from './learning_curve.js';
import { meanCurve } from './curve_band.js';
import { pairedTTest, type PairedTTest } from './paired_t_test.js';
import { labelSpeedUp, type SpeedUp } from './speed_up.js';
import { runsByStrategy, type StrategyRun } from './strategy_run.js';
import { wilcoxonSignedRank, type WilcoxonTest } from './wilcoxon.js';

export interface ComparisonOptions {
  /** Labels that are 100 % of the training data. */
  trainingSize: number;
  /** Strategy that the others are tested against; default 'random'. */
  reference?: string;
  /** The metric after training on all labels; without it, what the reference reaches on average at the end of the shared range. */
  targetLevel?: number;
  /** Parts of the training data at which values are given; default 10 %, 20 % … 100 %. */
  shares?: readonly number[];
  /** Of the intervals of paired differences; default 0.95. */
  confidence?: number;
}

/** Mean and spread over the seeds that define a number. */
export interface SeedSummary {
  mean: number;
  /** Sample standard deviation (÷ n − 1); NaN for fewer than two seeds. */
  deviation: number;
  /** Seeds that define it. */
  count: number;
}

/** One strategy over all of its seeds. */
export interface StrategyComparison {
  strategy: string;
  seeds: (number | string)[];
  /** The metric at each share of the training data. */
  atShares: (SeedSummary & { share: number })[];
  /** Area under the budget curve over the range that all runs cover, in units of the metric. */
  area: SeedSummary & { bySeed: number[] };
  /** Share of the training data at which the target level is first reached. */
  shareToTarget: {
    /** Null: not reached. */
    bySeed: (number | null)[];
    /** Seeds that reach it. */
    reached: number;
    /** Median over seeds, those that do not reach the level counted as last; null where it falls on one of these. */
    median: number | null;
  };
  /** Labels of the reference's mean curve ÷ labels of this strategy's, at the target level. */
  speedUp: SpeedUp;
  /** Tests of the areas against the reference, paired by seed; absent for the reference itself and where there is none. */
  test?: {
    tTest: PairedTTest;
    wilcoxon: WilcoxonTest;
    /** p of the t-test and of Wilcoxon's, Holm-corrected over strategies. */ holm: { tTest: number; wilcoxon: number };
  };
}

/** Strategies side by side. */
export interface ComparisonSummary {
  reference: string;
  targetLevel: number;
  /** Labels that all runs cover; absent where they have nothing in common (areas are NaN then). */
  range?: { from: number; to: number };
  /** In order of first appearance. */
  strategies: StrategyComparison[];
}

/**
 * What learning curves of several strategies and seeds say: values along the budget, areas, labels saved, and paired tests
 * of the areas against a reference. Where the reference is absent, or shares no two seeds with a strategy, tests are absent or NaN.
 * @throws SightlineError E_ARGUMENT for curves that are none, or a strategy with a seed twice
 */
export function compareStrategies(runs: readonly StrategyRun[], options: ComparisonOptions): ComparisonSummary {
  const { trainingSize, reference = 'random', shares = defaultShares, confidence = 0.95 } = options;
  expectArgument(trainingSize > 0, 'trainingSize', 'a number above 0', trainingSize);
  const grouped = runsByStrategy(runs);
  const range = sharedRange(runs);
  const baseline = grouped.get(reference);
  const referenceRuns = [...(baseline?.values() ?? [])];
  const targetLevel =
    options.targetLevel ?? (range ? summarise(referenceRuns.map((run) => valueAt(run, range.to))).mean : NaN);
  const areaOf = (run: StrategyRun): number => (range ? areaUnderBudget(run, range) : NaN);

  const strategies = [...grouped].map(([strategy, bySeed]): StrategyComparison => {
    const own = [...bySeed.values()];
    const values = own.map((run) => valuesAtShares(run, trainingSize, shares));
    const areas = own.map(areaOf);
    const compared: StrategyComparison = {
      strategy,
      seeds: [...bySeed.keys()],
      atShares: shares.map((share, k) => ({ share, ...summarise(values.map((row) => row[k])) })),
      area: { ...summarise(areas), bySeed: areas },
      shareToTarget: summariseShares(
        own.map((run) => labelsToReach(run, targetLevel)),
        trainingSize,
      ),
      speedUp: labelSpeedUp(meanCurve(own), meanCurve(referenceRuns), targetLevel),
    };
    if (!baseline || strategy === reference) return compared;
    const paired = own.filter(({ seed }) => baseline.has(seed));
    const [first, second] = [paired.map(areaOf), paired.map(({ seed }) => areaOf(baseline.get(seed)!))];
    const tTest = pairedTTest(first, second, confidence);
    return {
      ...compared,
      test: { tTest, wilcoxon: wilcoxonSignedRank(first, second), holm: { tTest: NaN, wilcoxon: NaN } },
    };
  });
  correct(strategies);
  return { reference, targetLevel, ...(range && { range }), strategies };
}

const defaultShares = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

function correct(strategies: readonly StrategyComparison[]): void {
  const tests = strategies.flatMap(({ test }) => test ?? []);
  const tTests = holmCorrection(tests.map(({ tTest }) => tTest.pValue));
  const wilcoxons = holmCorrection(tests.map(({ wilcoxon }) => wilcoxon.pValue));
  tests.forEach((test, k) => (test.holm = { tTest: tTests[k], wilcoxon: wilcoxons[k] }));
}

function summarise(values: readonly number[]): SeedSummary {
  const defined = values.filter((value) => !Number.isNaN(value));
  const mean = meanDefined(values);
  const squares = defined.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  const deviation = defined.length < 2 ? NaN : Math.sqrt(squares / (defined.length - 1));
  return { mean, deviation, count: defined.length };
}

function summariseShares(
  labels: readonly (number | null)[],
  trainingSize: number,
): StrategyComparison['shareToTarget'] {
  const bySeed = labels.map((count) => (count === null ? null : count / trainingSize));
  const sorted = bySeed.map((share) => share ?? Infinity).sort((a, b) => a - b);
  const middle = (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
  return {
    bySeed,
    reached: bySeed.filter((share) => share !== null).length,
    median: Number.isFinite(middle) ? middle : null,
  };
}
