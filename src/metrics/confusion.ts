import { expectClasses, expectLabels, expectLength, meanDefined, type Values } from './inputs.js';

/** How often class t (row) was predicted as class p (column), with its sums. */
export interface ConfusionMatrix {
  classes: number;
  /** [K,K], row-major: counts[t·K + p]. */
  counts: Float64Array;
  /** Samples of each class [K]. */
  truth: Float64Array;
  /** Predictions of each class [K]. */
  predicted: Float64Array;
  samples: number;
  /** Samples with no prediction (−1, from a NaN probability). One is enough to make every rate NaN. */
  undecided: number;
}

/**
 * Class with the highest probability of each sample, from probabilities or logits [N,K]; ties go to the lowest index (as
 * numpy's argmax); −1 for a sample with a NaN. Empty input gives an empty array.
 */
export function predictedClasses(scores: Values, classes: number): Int32Array {
  expectClasses(classes, 1);
  const out = new Int32Array(Math.ceil(scores.length / classes));
  expectLength(scores, out.length * classes, 'scores');
  for (let n = 0; n < out.length; n++) {
    let best = 0;
    let undefinedRow = false;
    for (let k = 0; k < classes; k++) {
      const score = scores[n * classes + k];
      if (Number.isNaN(score)) undefinedRow = true;
      if (score > scores[n * classes + best]) best = k;
    }
    out[n] = undefinedRow ? -1 : best;
  }
  return out;
}

/** 1 where the score reaches `threshold` (`>=`), else 0; −1 for a NaN. */
export function thresholdedClasses(scores: Values, threshold: number): Int32Array {
  return Int32Array.from(scores, (score) => (Number.isNaN(score) ? -1 : Number(score >= threshold)));
}

/**
 * Counts predictions against labels, both integers in 0 … classes − 1 (a prediction may be −1: none was possible). Classes that
 * are absent have zero rows or columns; empty input a zero matrix. As scikit-learn's `confusion_matrix`.
 * Throws E_ARGUMENT for other labels or unequal lengths.
 */
export function confusionMatrix(predictions: Values, labels: Values, classes: number): ConfusionMatrix {
  expectClasses(classes, 1);
  expectLength(predictions, labels.length, 'predictions');
  expectLabels(labels, classes);
  expectLabels(predictions, classes, 'predictions', -1);
  const matrix = {
    classes,
    counts: new Float64Array(classes * classes),
    truth: new Float64Array(classes),
    predicted: new Float64Array(classes),
    samples: labels.length,
    undecided: 0,
  };
  for (let i = 0; i < labels.length; i++) {
    matrix.truth[labels[i]]++;
    if (predictions[i] < 0) {
      matrix.undecided++;
      continue;
    }
    matrix.predicted[predictions[i]]++;
    matrix.counts[labels[i] * classes + predictions[i]]++;
  }
  return matrix;
}

const rate = (matrix: ConfusionMatrix, part: number, whole: number): number => (matrix.undecided ? NaN : part / whole);
const hits = ({ counts, classes }: ConfusionMatrix, k: number): number => counts[k * classes + k];

/** Share of samples predicted rightly, Σ_k C_kk / N, in [0, 1]. No samples: NaN. A class that is absent changes nothing. */
export function accuracy(matrix: ConfusionMatrix): number {
  let right = 0;
  for (let k = 0; k < matrix.classes; k++) right += hits(matrix, k);
  return rate(matrix, right, matrix.samples);
}

/** TP / (TP + FN) of class k, the sensitivity, in [0, 1]. Class absent from the labels, or no samples: NaN. */
export function recall(matrix: ConfusionMatrix, k: number): number {
  return rate(matrix, hits(matrix, k), matrix.truth[k]);
}

/**
 * TP / (TP + FP) of class k, in [0, 1]. Never predicted, or no samples: NaN (scikit-learn with zero_division=nan). Predicted
 * but absent from the labels: 0.
 */
export function precision(matrix: ConfusionMatrix, k: number): number {
  return rate(matrix, hits(matrix, k), matrix.predicted[k]);
}

/** TN / (TN + FP) of class k against the rest, in [0, 1]. Every sample of class k, or no samples: NaN. */
export function specificity(matrix: ConfusionMatrix, k: number): number {
  const negatives = matrix.samples - matrix.truth[k];
  return rate(matrix, negatives - (matrix.predicted[k] - hits(matrix, k)), negatives);
}

/**
 * F1 of class k: 2 TP / (2 TP + FP + FN), in [0, 1]; the harmonic mean of precision and recall where both exist. Neither in
 * the labels nor predicted, or no samples: NaN. In one of the two only: 0.
 */
export function f1Score(matrix: ConfusionMatrix, k: number): number {
  return rate(matrix, 2 * hits(matrix, k), matrix.truth[k] + matrix.predicted[k]);
}

/**
 * Mean over classes of a per-class metric, e.g. `macroMean(matrix, f1Score)`. Classes for which it is NaN are left out (a class
 * that was never predicted has no precision, yet its F1 is 0: prefer F1 to compare models). All NaN: NaN.
 */
export function macroMean(matrix: ConfusionMatrix, metric: (matrix: ConfusionMatrix, k: number) => number): number {
  return meanDefined(Array.from({ length: matrix.classes }, (_, k) => metric(matrix, k)));
}

/** Mean recall over the classes in the labels, in [0, 1]; one class only: its recall; no samples: NaN. */
export function balancedAccuracy(matrix: ConfusionMatrix): number {
  return macroMean(matrix, recall);
}

/** Cost of taking class i for class j: 1, |i − j| or (i − j)². The last two are for ordered classes (grades). */
export type KappaWeights = 'none' | 'linear' | 'quadratic';

/**
 * Cohen's kappa: 1 − Σ w_ij C_ij / Σ w_ij E_ij with E_ij = truth_i · predicted_j / N, in [−1, 1]; 0 is chance agreement
 * (Cohen, 1960; weighted: Cohen, 1968). No expected disagreement (one class only, in labels and predictions; no samples):
 * NaN.
 */
export function cohenKappa(matrix: ConfusionMatrix, weights: KappaWeights = 'none'): number {
  const { classes, counts, truth, predicted, samples } = matrix;
  let observed = 0;
  let expected = 0;
  for (let i = 0; i < classes; i++) {
    for (let j = 0; j < classes; j++) {
      const distance = Math.abs(i - j);
      const cost = weights === 'none' ? Number(distance > 0) : weights === 'linear' ? distance : distance ** 2;
      observed += cost * counts[i * classes + j];
      expected += (cost * truth[i] * predicted[j]) / samples;
    }
  }
  return expected === 0 ? NaN : 1 - rate(matrix, observed, expected);
}

/**
 * Accuracy of several labels per sample, predictions and labels 0 or 1, [N,K] (−1 in predictions: NaN).
 *   perLabel    right decisions / (N·K), in [0, 1] (1 − the Hamming loss)
 *   exactMatch  samples with every label right / N, in [0, 1] (scikit-learn's accuracy_score)
 * No samples: NaN. A label that is absent changes nothing.
 */
export function multiLabelAccuracy(
  predictions: Values,
  labels: Values,
  classes: number,
): { perLabel: number; exactMatch: number } {
  expectClasses(classes, 1);
  const samples = Math.ceil(labels.length / classes);
  expectLength(labels, samples * classes, 'labels');
  expectLength(predictions, labels.length, 'predictions');
  expectLabels(labels, 2);
  expectLabels(predictions, 2, 'predictions', -1);
  if (Array.from(predictions).includes(-1)) return { perLabel: NaN, exactMatch: NaN };
  let right = 0;
  let exact = 0;
  for (let n = 0; n < samples; n++) {
    let rightHere = 0;
    for (let k = n * classes; k < (n + 1) * classes; k++) rightHere += Number(predictions[k] === labels[k]);
    right += rightHere;
    exact += Number(rightHere === classes);
  }
  return { perLabel: right / labels.length, exactMatch: exact / samples };
}
