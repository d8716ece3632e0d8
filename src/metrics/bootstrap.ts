import { expectArgument } from '../core/errors.js';
import { Rng } from '../core/rng.js';
import { expectLength, type Values } from './inputs.js';
import { quantileOfSorted } from './quantile.js';

/** How a bootstrap draws. */
export interface BootstrapOptions {
  /** Patient of each sample, [N]; default: every sample is a patient of its own. */
  patients?: ArrayLike<string | number>;
  /** Default 1000. */
  resamples?: number;
  /** Default 0.95. */
  confidence?: number;
  /** Default 0. */
  seed?: number;
}

/** A metric with its bootstrap interval. */
export interface BootstrapInterval {
  /** The metric on the samples as they are. */
  estimate: number;
  /** Percentile bounds at (1 ∓ confidence)/2; NaN where no resample defines the metric. */
  low: number;
  high: number;
  /** Standard deviation (÷ n − 1) of the metric between resamples; NaN for fewer than two defined ones. */
  standardError: number;
  /** Resamples for which the metric is NaN; they are left out. */
  undefinedResamples: number;
}

/**
 * Percentile intervals of any metrics by a stratified bootstrap over patients (Efron and Tibshirani, 1993): each resample
 * draws, within each stratum, as many patients as it has, with replacement, and takes all samples of a patient as often as the
 * patient was drawn. A patient's stratum is the set of labels of the patient’s samples, so that no class disappears from a resample.
 * `labels` [N] (one per sample; for several labels per sample any code of them), `metrics(rows)` gives the metrics of
 * the samples in `rows` (indices, with repeats), always under the same names.
 * Depends on the seed and the order of samples alone; resample r does not depend on how many there are.
 * No samples: the metrics of no rows, bounds NaN. A stratum of one patient is drawn as it is, and one sample in all gives an
 * interval of one point. Throws E_ARGUMENT for unequal lengths, fewer than one resample, or a confidence outside (0, 1).
 */
export function bootstrapIntervals<Name extends string>(
  labels: Values,
  metrics: (rows: Uint32Array) => Record<Name, number>,
  options: BootstrapOptions = {},
): Record<Name, BootstrapInterval> {
  const { patients, resamples = 1000, confidence = 0.95, seed = 0 } = options;
  if (patients) expectLength(patients, labels.length, 'patients');
  expectArgument(Number.isInteger(resamples) && resamples >= 1, 'resamples', 'an integer of 1 or more', resamples);
  expectArgument(confidence > 0 && confidence < 1, 'confidence', 'a number between 0 and 1', confidence);
  const strata = strataOf(labels, patients);
  const estimates = metrics(Uint32Array.from({ length: labels.length }, (_, i) => i));
  const draws = labels.length ? resamples : 0;
  const names = Object.keys(estimates) as Name[];
  const values = new Map(names.map((name) => [name, new Float64Array(draws)]));
  for (let r = 0; r < draws; r++) {
    const drawn = metrics(drawRows(strata, new Rng(seed, 'bootstrap', r)));
    for (const name of names) values.get(name)![r] = drawn[name];
  }
  const summarise = (name: Name): BootstrapInterval => summary(estimates[name], values.get(name)!, confidence);
  return Object.fromEntries(names.map((name) => [name, summarise(name)])) as Record<Name, BootstrapInterval>;
}

/** Patients (as lists of rows) that have the same set of labels. */
type Stratum = number[][];

function strataOf(labels: Values, patients: ArrayLike<string | number> | undefined): Stratum[] {
  const rowsOf = new Map<string | number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const patient = patients ? patients[i] : i;
    const rows = rowsOf.get(patient);
    if (rows) rows.push(i);
    else rowsOf.set(patient, [i]);
  }
  const strata = new Map<string, Stratum>();
  for (const rows of rowsOf.values()) {
    const key = [...new Set(rows.map((i) => labels[i]))].sort((a, b) => a - b).join();
    const stratum = strata.get(key);
    if (stratum) stratum.push(rows);
    else strata.set(key, [rows]);
  }
  return [...strata.values()];
}

function drawRows(strata: readonly Stratum[], rng: Rng): Uint32Array {
  const rows: number[] = [];
  for (const stratum of strata) {
    for (let i = 0; i < stratum.length; i++) for (const row of stratum[rng.int(stratum.length)]) rows.push(row);
  }
  return Uint32Array.from(rows);
}

function summary(estimate: number, values: Float64Array, confidence: number): BootstrapInterval {
  const defined = values.filter((value) => !Number.isNaN(value)).sort();
  const mean = defined.reduce((sum, v) => sum + v, 0) / defined.length;
  const squares = defined.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  return {
    estimate,
    low: quantileOfSorted(defined, (1 - confidence) / 2, 1),
    high: quantileOfSorted(defined, (1 + confidence) / 2, 1),
    standardError: defined.length < 2 ? NaN : Math.sqrt(squares / (defined.length - 1)),
    undefinedResamples: values.length - defined.length,
  };
}
