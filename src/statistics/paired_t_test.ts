import { expectArgument } from '../core/errors.js';
import { expectLength, type Values } from '../metrics/inputs.js';
import { studentQuantile, studentUpperTail } from './student_t.js';

/** A paired t-test of first − second. */
export interface PairedTTest {
  /** Pairs. */
  count: number;
  /** Mean of the differences, with its interval of `confidence`. */
  meanDifference: number;
  low: number;
  high: number;
  /** meanDifference / (s / √count). */
  t: number;
  /** count − 1. */
  degrees: number;
  /** Two-sided probability of so large a |t| when the mean difference is 0. */
  pValue: number;
}

/**
 * Student's t-test of paired values (e.g. two strategies under the same seeds), s the sample standard deviation of the
 * differences (÷ n − 1); equal to SciPy's ttest_rel. Fewer than two pairs: t, p and bounds NaN; a NaN among the values: all
 * NaN. Differences that are all the same: t = ±∞ and p = 0, or NaN where they are all 0.
 * @throws SightlineError E_ARGUMENT for unequal lengths or a confidence outside (0, 1)
 */
export function pairedTTest(first: Values, second: Values, confidence = 0.95): PairedTTest {
  expectLength(second, first.length, 'second');
  expectArgument(confidence > 0 && confidence < 1, 'confidence', 'a number between 0 and 1', confidence);
  const differences = Float64Array.from(first, (value, i) => value - second[i]);
  const count = differences.length;
  const meanDifference = differences.reduce((sum, d) => sum + d, 0) / count;
  const degrees = count - 1;
  if (count < 2 || Number.isNaN(meanDifference)) {
    return { count, meanDifference, low: NaN, high: NaN, t: NaN, degrees, pValue: NaN };
  }
  const squares = differences.reduce((sum, d) => sum + (d - meanDifference) ** 2, 0);
  // Differences that are equal have a spread of exactly 0, although their mean may be rounded.
  const constant = differences.every((d) => d === differences[0]);
  const standardError = constant ? 0 : Math.sqrt(squares / degrees / count);
  const t = meanDifference / standardError;
  const reach = studentQuantile((1 + confidence) / 2, degrees) * standardError;
  return {
    count,
    meanDifference,
    low: meanDifference - reach,
    high: meanDifference + reach,
    t,
    degrees,
    pValue: 2 * studentUpperTail(Math.abs(t), degrees),
  };
}
