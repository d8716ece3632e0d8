import { expectArgument } from '../core/errors.js';
import { expectLabels, expectLength, hasNaN, type Values } from './inputs.js';
import { normalQuantile, normalUpperTail } from './normal.js';

/** An AUC with DeLong's variance. */
export interface AucEstimate {
  auc: number;
  variance: number;
  /** Bounds auc ∓ z √variance, cut to [0, 1]. */
  low: number;
  high: number;
}

/** Comparison of the AUCs of two classifiers on the same samples. */
export interface AucComparison {
  /** First AUC minus second, in [−1, 1]. */
  difference: number;
  /** Variance of the difference; the two AUCs are correlated. */
  variance: number;
  /** difference / √variance. */
  z: number;
  /** Two-sided probability of so large a |z| under equal AUCs. */
  pValue: number;
}

/**
 * AUC of scores (higher = positive) against labels 0 or 1, DeLong's variance and the normal interval of `confidence`
 * (DeLong et al., Biometrics 1988; found by binary search, O(N log N), as by the midranks of
 * Sun and Xu, IEEE Signal Processing Letters 2014). With m positives, n negatives and the
 * placements V10_i (share of negatives below positive i, ties ½) and V01_j (share of positives above negative j):
 *   variance = S10 / m + S01 / n, S the sample variances (÷ m − 1, n − 1) of the placements.
 * It takes samples as independent: with several images per patient use `bootstrapIntervals`. Perfect separation gives
 * variance 0, hence an interval of one point, which is too narrow.
 * One class only, empty input or a NaN score: all NaN. One positive or one negative: the AUC, with variance and bounds NaN.
 * Throws E_ARGUMENT for other labels, unequal lengths, or a confidence outside (0, 1).
 */
export function delongAuc(scores: Values, labels: Values, confidence = 0.95): AucEstimate {
  expectArgument(confidence > 0 && confidence < 1, 'confidence', 'a number between 0 and 1', confidence);
  const placed = placements(scores, labels);
  const variance = varianceOf(placed);
  const reach = normalQuantile((1 + confidence) / 2) * Math.sqrt(variance);
  return {
    auc: placed.auc,
    variance,
    low: Math.max(0, placed.auc - reach),
    high: Math.min(1, placed.auc + reach),
  };
}

/**
 * DeLong's test of two classifiers scored on the same samples. Equal placements (e.g. the same scores twice) have variance 0:
 * z and pValue are NaN then. Undefined AUCs as in delongAuc: NaN. Throws E_ARGUMENT as delongAuc.
 */
export function compareAucs(first: Values, second: Values, labels: Values): AucComparison {
  const [a, b] = [placements(first, labels), placements(second, labels)];
  const difference = a.auc - b.auc;
  const gap: Placements = {
    auc: difference,
    positive: a.positive.map((v, i) => v - b.positive[i]),
    negative: a.negative.map((v, i) => v - b.negative[i]),
  };
  const variance = varianceOf(gap);
  const z = variance > 0 ? difference / Math.sqrt(variance) : NaN;
  return { difference, variance, z, pValue: 2 * normalUpperTail(Math.abs(z)) };
}

interface Placements {
  auc: number;
  positive: Float64Array;
  negative: Float64Array;
}

function placements(scores: Values, labels: Values): Placements {
  expectLength(scores, labels.length, 'scores');
  expectLabels(labels, 2);
  const values = Float64Array.from(scores);
  const positives = values.filter((_, i) => labels[i] === 1);
  const negatives = values.filter((_, i) => labels[i] === 0);
  if (hasNaN(scores)) return { auc: NaN, positive: positives.fill(NaN), negative: negatives.fill(NaN) };
  const shareBelow = (own: Float64Array, others: Float64Array): Float64Array => {
    const sorted = others.slice().sort();
    return own.map((score) => (countBelow(sorted, score, false) + countBelow(sorted, score, true)) / 2 / others.length);
  };
  const positive = shareBelow(positives, negatives);
  const negative = shareBelow(negatives, positives).map((share) => 1 - share);
  return { auc: mean(positive), positive, negative };
}

/** How many of ascending values are below (or, with `orEqual`, at most) `limit`. */
function countBelow(sorted: Float64Array, limit: number, orEqual: boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < limit || (orEqual && sorted[middle] === limit)) low = middle + 1;
    else high = middle;
  }
  return low;
}

const mean = (values: Float64Array): number => values.reduce((sum, v) => sum + v, 0) / values.length;

/** S10 / m + S01 / n. */
function varianceOf({ positive, negative }: Placements): number {
  return sampleVariance(positive) / positive.length + sampleVariance(negative) / negative.length;
}

/** ÷ (n − 1); NaN for fewer than two values. */
function sampleVariance(values: Float64Array): number {
  const centre = mean(values);
  return values.reduce((sum, v) => sum + (v - centre) ** 2, 0) / (values.length - 1);
}
