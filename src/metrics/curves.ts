import { expectLabels, expectLength, hasNaN, type Values } from './inputs.js';

/** Decisions at each distinct score, from the highest down: positive where score >= threshold. */
export interface ThresholdCounts {
  thresholds: Float64Array;
  truePositives: Float64Array;
  falsePositives: Float64Array;
  positives: number;
  negatives: number;
}

/**
 * Counts at every distinct score (tied scores are one threshold, whatever their order in the input). `labels` are 0 or 1.
 * Scores must not hold NaN; infinities are scores like others. Empty input: no thresholds.
 * Throws E_ARGUMENT for other labels or unequal lengths.
 */
export function countsByThreshold(scores: Values, labels: Values): ThresholdCounts {
  expectLength(scores, labels.length, 'scores');
  expectLabels(labels, 2);
  // Sorting the two classes apart sorts plain numbers, with no comparator: several times faster than sorting indices.
  const positive = scoresWhere(scores, labels, 1);
  const negative = scoresWhere(scores, labels, 0);
  const thresholds: number[] = [];
  const truePositives: number[] = [];
  const falsePositives: number[] = [];
  let p = positive.length;
  let n = negative.length;
  while (p > 0 || n > 0) {
    const threshold = Math.max(p ? positive[p - 1] : -Infinity, n ? negative[n - 1] : -Infinity);
    while (p > 0 && positive[p - 1] >= threshold) p--;
    while (n > 0 && negative[n - 1] >= threshold) n--;
    thresholds.push(threshold);
    truePositives.push(positive.length - p);
    falsePositives.push(negative.length - n);
  }
  return {
    thresholds: Float64Array.from(thresholds),
    truePositives: Float64Array.from(truePositives),
    falsePositives: Float64Array.from(falsePositives),
    positives: positive.length,
    negatives: negative.length,
  };
}

/** Scores of the samples with this label, ascending. */
function scoresWhere(scores: Values, labels: Values, label: number): Float64Array {
  return Float64Array.from(scores)
    .filter((_, i) => labels[i] === label)
    .sort();
}

/** Points of a ROC curve, by falling threshold from +∞. */
export interface RocCurve {
  thresholds: Float64Array;
  falsePositiveRate: Float64Array;
  truePositiveRate: Float64Array;
}

/**
 * ROC curve of scores (any real numbers, higher = positive) against labels 0 or 1: a point per distinct score after the point
 * (0, 0) at threshold +∞; rates in [0, 1]. Equals scikit-learn's roc_curve(drop_intermediate=False).
 * One class only: the other rate is NaN at every point. Empty input: the first point alone, with NaN rates. A NaN score: one
 * point, all NaN. Throws E_ARGUMENT for other labels or unequal lengths.
 */
export function rocCurve(scores: Values, labels: Values): RocCurve {
  if (hasNaN(scores)) {
    const [thresholds, falsePositiveRate, truePositiveRate] = [nanPoint(), nanPoint(), nanPoint()];
    return { thresholds, falsePositiveRate, truePositiveRate };
  }
  const counts = countsByThreshold(scores, labels);
  return {
    thresholds: after(Infinity, counts.thresholds),
    falsePositiveRate: after(0, counts.falsePositives).map((count) => count / counts.negatives),
    truePositiveRate: after(0, counts.truePositives).map((count) => count / counts.positives),
  };
}

/** Points of a precision-recall curve, by falling threshold from +∞. */
export interface PrecisionRecallCurve {
  thresholds: Float64Array;
  precision: Float64Array;
  recall: Float64Array;
}

/**
 * Precision-recall curve of scores (higher = positive) against labels 0 or 1: a point per distinct score after the point
 * recall 0, precision 1 (a convention) at threshold +∞. Equals scikit-learn's precision_recall_curve, in the opposite order.
 * No positives: recall NaN (scikit-learn: 1). No negatives: precision 1. Empty input: the first point alone, with NaN recall. A
 * NaN score: one point, all NaN. Throws E_ARGUMENT for other labels or unequal lengths.
 */
export function precisionRecallCurve(scores: Values, labels: Values): PrecisionRecallCurve {
  if (hasNaN(scores)) return { thresholds: nanPoint(), precision: nanPoint(), recall: nanPoint() };
  const { thresholds, truePositives, falsePositives, positives } = countsByThreshold(scores, labels);
  return {
    thresholds: after(Infinity, thresholds),
    precision: after(
      1,
      truePositives.map((count, i) => count / (count + falsePositives[i])),
    ),
    recall: after(0, truePositives).map((count) => count / positives),
  };
}

/**
 * Average precision Σ_i (R_i − R_{i−1}) P_i over falling thresholds, in (0, 1]; no interpolation, as scikit-learn's
 * average_precision_score. Constant scores give the share of positives. No positives, empty input or a NaN score: NaN
 * (scikit-learn: 0 without positives). No negatives: 1. Throws E_ARGUMENT as precisionRecallCurve.
 */
export function averagePrecision(scores: Values, labels: Values): number {
  const { precision, recall } = precisionRecallCurve(scores, labels);
  if (Number.isNaN(recall[0])) return NaN;
  let sum = 0;
  for (let i = 1; i < recall.length; i++) sum += (recall[i] - recall[i - 1]) * precision[i];
  return sum;
}

const nanPoint = (): Float64Array => Float64Array.of(NaN);

/** `first`, then `rest`. (A spread of a million points would overflow the stack.) */
function after(first: number, rest: Float64Array): Float64Array {
  const out = new Float64Array(rest.length + 1);
  out[0] = first;
  out.set(rest, 1);
  return out;
}
