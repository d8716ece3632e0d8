import { expectArgument } from '../core/errors.js';
import { predictedClasses } from './confusion.js';
import { expectClasses, expectLabels, expectLength, hasNaN, readProbabilities, type Values } from './inputs.js';
import { quantileOfSorted } from './quantile.js';

/** How probabilities are binned. */
export interface CalibrationOptions {
  /** Default 15 (Guo et al., ICML 2017). */
  bins?: number;
  /** 'width' (default): edges i/bins. 'mass': edges at the quantiles i/bins of the probabilities. */
  binning?: 'width' | 'mass';
}

/** One line of a reliability table: probabilities in (low, high], the first bin with its lower edge. */
export interface ReliabilityBin {
  low: number;
  high: number;
  count: number;
  /** Mean probability; NaN in an empty bin. */
  confidence: number;
  /** Share of outcomes that came true; NaN in an empty bin. */
  frequency: number;
}

/** A reliability table and what follows from it. */
export interface Reliability {
  bins: ReliabilityBin[];
  /** Expected calibration error Σ_b (n_b / N) |frequency_b − confidence_b|, in [0, 1]. */
  expectedError: number;
  /** Largest |frequency_b − confidence_b| of a bin that is not empty, in [0, 1]. */
  maximumError: number;
}

/**
 * Reliability table of probabilities [N] that something holds against whether it did (outcomes 0 or 1), and its calibration
 * errors. A probability on an edge belongs to the bin below it, as in Guo et al. and scikit-learn's calibration_curve. Equal
 * probabilities are never split: with ties, bins of equal mass are only nearly so, and may be empty.
 * Outcomes that are all 0 or all 1 are fine. No samples or a NaN: errors NaN, every bin empty (edges NaN with 'mass').
 * Throws E_ARGUMENT for bins below 1, unequal lengths, other outcomes, or values that are no probabilities.
 */
export function reliability(probabilities: Values, outcomes: Values, options: CalibrationOptions = {}): Reliability {
  const { bins: count = 15, binning = 'width' } = options;
  expectArgument(Number.isInteger(count) && count >= 1, 'bins', 'an integer of 1 or more', count);
  expectLength(probabilities, outcomes.length, 'probabilities');
  expectLabels(outcomes, 2, 'outcomes');
  const p = readProbabilities(probabilities, 1, false);
  const undefinedInput = p.length === 0 || hasNaN(p);
  const edges = binning === 'width' ? widthEdges(count) : massEdges(undefinedInput ? new Float64Array() : p, count);
  const sums = new Float64Array(count);
  const trueCounts = new Float64Array(count);
  const counts = new Float64Array(count);
  if (!undefinedInput) {
    for (let i = 0; i < p.length; i++) {
      const bin = binOf(p[i], edges);
      sums[bin] += p[i];
      trueCounts[bin] += outcomes[i];
      counts[bin]++;
    }
  }
  const bins = Array.from({ length: count }, (_, b) => ({
    low: edges[b],
    high: edges[b + 1],
    count: counts[b],
    confidence: sums[b] / counts[b],
    frequency: trueCounts[b] / counts[b],
  }));
  if (undefinedInput) return { bins, expectedError: NaN, maximumError: NaN };
  const gaps = bins.map((bin) => (bin.count ? Math.abs(bin.frequency - bin.confidence) : 0));
  return {
    bins,
    expectedError: gaps.reduce((sum, gap, b) => sum + gap * counts[b], 0) / p.length,
    maximumError: gaps.reduce((most, gap) => Math.max(most, gap), 0),
  };
}

/**
 * Calibration of a classifier's highest probability (Guo et al.): `reliability` of max_k p_nk against "that class is right",
 * from probabilities [N,K] and labels 0 … K − 1. Absent classes change nothing. Throws E_ARGUMENT as reliability.
 */
export function topLabelReliability(
  probabilities: Values,
  labels: Values,
  classes: number,
  options: CalibrationOptions = {},
): Reliability {
  expectClasses(classes, 2);
  expectLength(probabilities, labels.length * classes, 'probabilities');
  expectLabels(labels, classes);
  const p = readProbabilities(probabilities, classes, true);
  const predicted = predictedClasses(p, classes);
  const confidences = Float64Array.from(predicted, (k, n) => (k < 0 ? NaN : p[n * classes + k]));
  return reliability(
    confidences,
    predicted.map((k, n) => Number(k === labels[n])),
    options,
  );
}

function widthEdges(bins: number): Float64Array {
  return Float64Array.from({ length: bins + 1 }, (_, i) => i / bins);
}

function massEdges(p: Float64Array, bins: number): Float64Array {
  const sorted = p.slice().sort();
  return Float64Array.from({ length: bins + 1 }, (_, i) => quantileOfSorted(sorted, i, bins));
}

/** Number of inner edges below `value`. */
function binOf(value: number, edges: Float64Array): number {
  let low = 1;
  let high = edges.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (edges[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
