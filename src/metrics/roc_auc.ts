import { countsByThreshold } from './curves.js';
import {
  columnOf,
  expectClasses,
  expectLabels,
  expectLength,
  hasNaN,
  isClass,
  meanDefined,
  type Values,
} from './inputs.js';

/**
 * Area under the ROC curve: P(score of a positive > score of a negative) + ½ P(equal), in [0, 1]; ½ is chance and what
 * constant scores give. Scores are any real numbers (probabilities or logits: only their order counts), labels 0 or 1.
 * One class only, empty input or a NaN score: NaN. Throws E_ARGUMENT for other labels or unequal lengths.
 * (Hanley and McNeil, Radiology 1982.)
 */
export function rocAuc(scores: Values, labels: Values): number {
  if (hasNaN(scores)) return NaN;
  const { truePositives, falsePositives, positives, negatives } = countsByThreshold(scores, labels);
  let doubled = 0;
  for (let i = 0; i < truePositives.length; i++) {
    const newNegatives = falsePositives[i] - (i ? falsePositives[i - 1] : 0);
    doubled += newNegatives * (truePositives[i] + (i ? truePositives[i - 1] : 0));
  }
  return doubled / 2 / (positives * negatives);
}

/**
 * AUC of each class against the rest, [K], from scores [N,K] and labels 0 … K − 1. NaN for a class that is absent or that every
 * sample has; the macro average is `meanDefined` of it, over the classes that are there (scikit-learn's
 * roc_auc_score(multi_class='ovr') refuses absent classes). A NaN score: all NaN. Throws E_ARGUMENT for labels or lengths that do not fit.
 */
export function oneVsRestAuc(scores: Values, labels: Values, classes: number): Float64Array {
  expectScores(scores, labels, classes);
  if (hasNaN(scores)) return new Float64Array(classes).fill(NaN);
  return Float64Array.from({ length: classes }, (_, k) => rocAuc(columnOf(scores, classes, k), isClass(labels, k)));
}

/**
 * Mean over pairs of classes (a, b) of ½ (AUC of score a, a against b + AUC of score b, b against a), in [0, 1], from scores
 * [N,K] and labels 0 … K − 1. Insensitive to how frequent the classes are (Hand and Till, Machine Learning 2001;
 * scikit-learn's multi_class='ovo'). Pairs with an absent class are left out; fewer than two classes in the labels, empty
 * input: NaN; a NaN score: NaN. Throws E_ARGUMENT for labels or lengths that do not fit.
 */
export function oneVsOneAuc(scores: Values, labels: Values, classes: number): number {
  expectScores(scores, labels, classes);
  if (hasNaN(scores)) return NaN;
  const rows = Array.from({ length: classes }, () => [] as number[]);
  for (let i = 0; i < labels.length; i++) rows[labels[i]].push(i);
  const pairs: number[] = [];
  for (let a = 0; a < classes; a++) {
    for (let b = a + 1; b < classes; b++) {
      const both = [...rows[a], ...rows[b]];
      const auc = (k: number): number =>
        rocAuc(
          both.map((i) => scores[i * classes + k]),
          both.map((i) => Number(labels[i] === k)),
        );
      pairs.push((auc(a) + auc(b)) / 2);
    }
  }
  return meanDefined(pairs);
}

/**
 * AUC of each label, [K], from scores [N,K] and labels [N,K] of 0 or 1 (a sample may have several, or none). NaN for a label
 * that no sample or every sample has, and for a label with a NaN score. Throws E_ARGUMENT as rocAuc.
 */
export function multiLabelAuc(scores: Values, labels: Values, classes: number): Float64Array {
  expectClasses(classes, 1);
  expectLength(scores, labels.length, 'scores');
  expectLength(labels, Math.ceil(labels.length / classes) * classes, 'labels');
  return Float64Array.from({ length: classes }, (_, k) =>
    rocAuc(columnOf(scores, classes, k), columnOf(labels, classes, k)),
  );
}

function expectScores(scores: Values, labels: Values, classes: number): void {
  expectClasses(classes, 2);
  expectLength(scores, labels.length * classes, 'scores');
  expectLabels(labels, classes);
}
