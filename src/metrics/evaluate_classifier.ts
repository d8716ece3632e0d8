import { expectArgument } from '../core/errors.js';
import { bootstrapIntervals } from './bootstrap.js';
import { reliability, topLabelReliability, type Reliability } from './calibration.js';
import {
  accuracy,
  balancedAccuracy,
  cohenKappa,
  confusionMatrix,
  f1Score,
  multiLabelAccuracy,
  precision,
  predictedClasses,
  recall,
  specificity,
  thresholdedClasses,
  type ConfusionMatrix,
} from './confusion.js';
import { averagePrecision } from './curves.js';
import { delongAuc } from './delong.js';
import type { ClassEvaluation, ClassifierEvaluation, EvaluationOptions, EvaluationSummary } from './evaluation.js';
import {
  columnOf,
  expectClasses,
  expectLabels,
  expectLength,
  hasNaN,
  isClass,
  meanDefined,
  readProbabilities,
  type Values,
} from './inputs.js';
import { binaryBrierScore, binaryLogLoss, brierScore, logLoss } from './probability_scores.js';
import { oneVsOneAuc, rocAuc } from './roc_auc.js';

/**
 * Everything that a training log or an `evaluate` table says of a classifier, from its probabilities [N,K] (after softmax or
 * sigmoid) and labels: integers 0 … K − 1, [N]; with task 'multi-label' 0 or 1, [N,K].
 * What the data do not define is NaN: AUC when one class only is there, everything when there are no samples. Absent
 * classes are left out of means over classes. A NaN probability makes every metric NaN (counts of the others stay).
 * Throws E_ARGUMENT for lengths or labels that do not fit, for logits in place of probabilities (outside [0, 1], or rows
 * that do not sum to 1 within 0.01), and for a threshold outside [0, 1] or with more than two classes.
 */
export function evaluateClassifier(
  probabilities: Values,
  labels: Values,
  options: EvaluationOptions,
): ClassifierEvaluation {
  const data = readDecisions(probabilities, labels, options);
  const { classes, samples, multiLabel } = data;
  const detail = measure(data, options);
  const { perClass, matrices } = detail;
  const matrix = multiLabel ? null : matrices[0];
  const accuracies = multiLabel ? multiLabelAccuracy(data.predictions, data.labels, classes) : null;
  const binary = !multiLabel && classes === 2;
  return {
    task: multiLabel ? 'multi-label' : 'single-label',
    samples,
    classes,
    ...detail.summary,
    exactMatch: accuracies ? accuracies.exactMatch : detail.summary.accuracy,
    aucOneVsOne: multiLabel ? NaN : oneVsOneAuc(data.p, data.labels, classes),
    perClass,
    confusion: matrix && Array.from({ length: classes }, (_, k) => rowOf(matrix, k)),
    reliability: detail.reliability,
    delong: binary ? delongAuc(columnOf(data.p, 2, 1), data.labels) : null,
    intervals: options.bootstrap
      ? bootstrapIntervals(
          multiLabel ? labelSets(data) : data.labels,
          (rows) => ({ ...measure(rowsOf(data, rows), options).summary }),
          options.bootstrap,
        )
      : null,
  };
}

/** Probabilities with the decisions that follow from them. */
interface Decisions {
  multiLabel: boolean;
  classes: number;
  samples: number;
  /** [N,K]. */
  p: Float64Array;
  /** [N], or [N,K] for several labels; so are the predictions. */
  labels: Int32Array;
  predictions: Int32Array;
}

function readDecisions(probabilities: Values, labels: Values, options: EvaluationOptions): Decisions {
  const { classes, task = 'single-label', threshold } = options;
  const multiLabel = task === 'multi-label';
  expectClasses(classes, 1);
  const samples = multiLabel ? Math.ceil(labels.length / classes) : labels.length;
  if (multiLabel) expectLength(labels, samples * classes, 'labels');
  expectLength(probabilities, samples * classes, 'probabilities');
  const within = threshold === undefined || (threshold >= 0 && threshold <= 1);
  expectArgument(within, 'threshold', 'a number in [0, 1]', threshold);
  const applies = threshold === undefined || multiLabel || classes <= 2;
  expectArgument(applies, 'threshold', 'none for more than two classes, of which the likeliest wins', threshold);

  if (multiLabel) {
    expectLabels(labels, 2);
    const p = readProbabilities(probabilities, 1, false);
    const predictions = thresholdedClasses(p, threshold ?? 0.5);
    return { multiLabel, classes, samples, p, labels: Int32Array.from(labels), predictions };
  }
  const width = Math.max(2, classes);
  expectLabels(labels, width);
  const p = classes === 1 ? bothClasses(probabilities) : readProbabilities(probabilities, classes, true);
  const limit = threshold ?? (classes === 1 ? 0.5 : undefined);
  const predictions = limit === undefined ? predictedClasses(p, width) : thresholdedClasses(columnOf(p, 2, 1), limit);
  return { multiLabel, classes: width, samples, p, labels: Int32Array.from(labels), predictions };
}

/** [N] probabilities of class 1 as [N,2]. */
function bothClasses(probabilities: Values): Float64Array {
  const positive = readProbabilities(probabilities, 1, false);
  return Float64Array.from({ length: 2 * positive.length }, (_, i) =>
    i % 2 ? positive[i >> 1] : 1 - positive[i >> 1],
  );
}

interface Measured {
  summary: EvaluationSummary;
  perClass: ClassEvaluation[];
  /** One [K,K], or a [2,2] for each label. */
  matrices: ConfusionMatrix[];
  reliability: Reliability;
}

function measure(data: Decisions, { calibration }: EvaluationOptions): Measured {
  const { multiLabel, classes, p, labels, predictions } = data;
  const matrices = multiLabel
    ? Array.from({ length: classes }, (_, k) =>
        confusionMatrix(columnOf(predictions, classes, k), columnOf(labels, classes, k), 2),
      )
    : [confusionMatrix(predictions, labels, classes)];
  const perClass = Array.from({ length: classes }, (_, k) => {
    const outcomes = multiLabel ? columnOf(labels, classes, k) : isClass(labels, k);
    const [matrix, index] = multiLabel ? [matrices[k], 1] : [matrices[0], k];
    return evaluateClass(matrix, index, columnOf(p, classes, k), outcomes);
  });

  // A label without NaNs is defined, but means that left the others out would hide that a model diverged.
  const undefinedInput = hasNaN(p);
  const mean = (values: number[]): number => (undefinedInput ? NaN : meanDefined(values));
  const overClasses = (name: keyof ClassEvaluation): number =>
    !multiLabel && classes === 2 ? perClass[1][name] : mean(perClass.map((one) => one[name]));
  const calibrated = multiLabel
    ? reliability(p, labels, calibration)
    : topLabelReliability(p, labels, classes, calibration);
  const summary: EvaluationSummary = {
    accuracy: multiLabel ? multiLabelAccuracy(predictions, labels, classes).perLabel : accuracy(matrices[0]),
    balancedAccuracy: mean(matrices.map(balancedAccuracy)),
    precision: overClasses('precision'),
    recall: overClasses('recall'),
    specificity: overClasses('specificity'),
    f1: overClasses('f1'),
    auc: overClasses('auc'),
    averagePrecision: overClasses('averagePrecision'),
    logLoss: multiLabel ? binaryLogLoss(p, labels) : logLoss(p, labels, classes),
    brier: multiLabel ? binaryBrierScore(p, labels) : brierScore(p, labels, classes),
    calibrationError: calibrated.expectedError,
    kappa: mean(matrices.map((matrix) => cohenKappa(matrix))),
  };
  return { summary, perClass, matrices, reliability: calibrated };
}

function evaluateClass(matrix: ConfusionMatrix, k: number, scores: Float64Array, outcomes: Values): ClassEvaluation {
  return {
    support: matrix.truth[k],
    precision: precision(matrix, k),
    recall: recall(matrix, k),
    specificity: specificity(matrix, k),
    f1: f1Score(matrix, k),
    auc: rocAuc(scores, outcomes),
    averagePrecision: averagePrecision(scores, outcomes),
  };
}

const rowOf = ({ counts, classes }: ConfusionMatrix, k: number): number[] =>
  Array.from(counts.subarray(k * classes, (k + 1) * classes));

/** The samples in `rows`, with repeats. */
function rowsOf(data: Decisions, rows: Uint32Array): Decisions {
  const { multiLabel, classes } = data;
  const take = <T extends Float64Array | Int32Array>(from: T, into: T, width: number): T => {
    rows.forEach((row, n) => into.set(from.subarray(row * width, (row + 1) * width), n * width));
    return into;
  };
  const width = multiLabel ? classes : 1;
  return {
    multiLabel,
    classes,
    samples: rows.length,
    p: take(data.p, new Float64Array(rows.length * classes), classes),
    labels: take(data.labels, new Int32Array(rows.length * width), width),
    predictions: take(data.predictions, new Int32Array(rows.length * width), width),
  };
}

/** A number for each sample's set of labels, [N], equal for equal sets. */
function labelSets({ labels, classes, samples }: Decisions): Int32Array {
  const codes = new Map<string, number>();
  return Int32Array.from({ length: samples }, (_, n) => {
    const key = labels.subarray(n * classes, (n + 1) * classes).join('');
    if (!codes.has(key)) codes.set(key, codes.size);
    return codes.get(key)!;
  });
}
