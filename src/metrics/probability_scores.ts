import { expectClasses, expectLabels, expectLength, hasNaN, readProbabilities, type Values } from './inputs.js';

/** Probabilities below this count as this, so that one confident mistake does not make the mean infinite. */
const floor = 2 ** -52;

/**
 * Log loss (cross-entropy) −(1/N) Σ_n ln p_n,label in nats, in [0, 36.04]; probabilities [N,K] rise to 2⁻⁵² first, as
 * in scikit-learn's log_loss for float64. Labels 0 … K − 1; absent classes change nothing. No samples or a NaN: NaN.
 * Throws E_ARGUMENT for labels or lengths that do not fit and for values that are no probabilities (rows must sum to 1).
 */
export function logLoss(probabilities: Values, labels: Values, classes: number): number {
  const p = expectDistribution(probabilities, labels, classes);
  if (hasNaN(p)) return NaN;
  let sum = 0;
  for (let n = 0; n < labels.length; n++) sum -= Math.log(Math.max(floor, p[n * classes + labels[n]]));
  return sum / labels.length;
}

/**
 * Brier score: mean squared error of the probabilities [N,K], (1/N) Σ_n Σ_k (p_nk − [label_n = k])², in [0, 2]; halved for two
 * classes, the usual binary form in [0, 1] (scikit-learn's scale_by_half='auto'). Absent classes count like others. No samples
 * or a NaN: NaN. Throws E_ARGUMENT as logLoss.
 */
export function brierScore(probabilities: Values, labels: Values, classes: number): number {
  const p = expectDistribution(probabilities, labels, classes);
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    const truth = Number(labels[Math.floor(i / classes)] === i % classes);
    sum += (p[i] - truth) ** 2;
  }
  return sum / (classes === 2 ? 2 : 1) / labels.length;
}

/**
 * Log loss of independent yes/no probabilities: −mean(y ln p + (1 − y) ln(1 − p)) in nats, in [0, 36.04], over every element
 * of p and of labels y (0 or 1), shapes alike ([N] or [N,K]). Both logarithms have the floor of logLoss. Empty or a NaN: NaN.
 */
export function binaryLogLoss(probabilities: Values, labels: Values): number {
  const p = expectIndependent(probabilities, labels);
  return p.reduce((sum, v, i) => sum - Math.log(Math.max(floor, labels[i] ? v : 1 - v)), 0) / p.length;
}

/** Brier score of independent yes/no probabilities: mean (p − y)², in [0, 1], y 0 or 1. Empty or a NaN: NaN. */
export function binaryBrierScore(probabilities: Values, labels: Values): number {
  const p = expectIndependent(probabilities, labels);
  return p.reduce((sum, v, i) => sum + (v - labels[i]) ** 2, 0) / p.length;
}

function expectDistribution(probabilities: Values, labels: Values, classes: number): Float64Array {
  expectClasses(classes, 2);
  expectLength(probabilities, labels.length * classes, 'probabilities');
  expectLabels(labels, classes);
  return readProbabilities(probabilities, classes, true);
}

function expectIndependent(probabilities: Values, labels: Values): Float64Array {
  expectLength(probabilities, labels.length, 'probabilities');
  expectLabels(labels, 2);
  return readProbabilities(probabilities, 1, false);
}
