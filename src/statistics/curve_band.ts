import { expectArgument } from '../core/errors.js';
import { Rng } from '../core/rng.js';
import type { Values } from '../metrics/inputs.js';
import { quantileOfSorted } from '../metrics/quantile.js';
import { curvePoints, sharedRange, valuesAt, type CurvePoints, type LearningCurve } from './learning_curve.js';

export interface CurveBandOptions {
  /** Where the band is wanted, labels; default: every point of any run in the range that all runs cover. */
  labelled?: Values;
  /** Default 2000. */
  resamples?: number;
  /** Default 0.95. */
  confidence?: number;
  /** Default 0. */
  seed?: number;
}

/** The mean of several runs' curves with a band, all [points]. */
export interface CurveBand {
  labelled: Float64Array;
  mean: Float64Array;
  /** Bounds at (1 ∓ confidence)/2; NaN for fewer than two runs. */
  low: Float64Array;
  high: Float64Array;
  runs: number;
}

/**
 * Mean learning curve of a strategy over its seeds, with a percentile bootstrap band: each resample draws as many whole runs,
 * with replacement, so that points of one run stay together. Pointwise: each point's interval is meant to hold the true mean
 * with the given confidence, the whole band with less. With few runs bands are too narrow (3 runs: the range of the runs at
 * most); say the number of runs beside them. A point that a run does not cover is NaN. No runs: no points.
 * @throws SightlineError E_ARGUMENT for fewer than one resample or a confidence outside (0, 1)
 */
export function curveBand(curves: readonly LearningCurve[], options: CurveBandOptions = {}): CurveBand {
  const { resamples = 2000, confidence = 0.95, seed = 0 } = options;
  expectArgument(Number.isInteger(resamples) && resamples >= 1, 'resamples', 'an integer of 1 or more', resamples);
  expectArgument(confidence > 0 && confidence < 1, 'confidence', 'a number between 0 and 1', confidence);
  const labelled = Float64Array.from(options.labelled ?? sharedPoints(curves));
  const values = sampled(curves, labelled);
  const runs = curves.length;
  const [low, high] = [new Float64Array(labelled.length).fill(NaN), new Float64Array(labelled.length).fill(NaN)];
  if (runs >= 2) {
    const draws = Array.from({ length: resamples }, (_, r) => {
      const rng = new Rng(seed, 'curve-band', r);
      return meanOf(
        values.map(() => values[rng.int(runs)]),
        labelled.length,
      );
    });
    for (let point = 0; point < labelled.length; point++) {
      if (values.some((row) => Number.isNaN(row[point]))) continue;
      const sorted = Float64Array.from(draws, (draw) => draw[point]).sort();
      low[point] = quantileOfSorted(sorted, (1 - confidence) / 2, 1);
      high[point] = quantileOfSorted(sorted, (1 + confidence) / 2, 1);
    }
  }
  return { labelled, mean: meanOf(values, labelled.length), low, high, runs };
}

/** Mean of several runs' curves, at every point of any run in the range that all runs cover. No runs: no points. */
export function meanCurve(curves: readonly LearningCurve[]): CurvePoints {
  const labelled = Float64Array.from(sharedPoints(curves));
  return { labelled, values: meanOf(sampled(curves, labelled), labelled.length) };
}

const sampled = (curves: readonly LearningCurve[], labelled: Float64Array): Float64Array[] =>
  curves.map((curve) => valuesAt(curve, labelled));

const meanOf = (rows: readonly Float64Array[], points: number): Float64Array =>
  Float64Array.from({ length: points }, (_, point) => rows.reduce((sum, row) => sum + row[point], 0) / rows.length);

function sharedPoints(curves: readonly LearningCurve[]): number[] {
  const range = sharedRange(curves);
  if (!range) return [];
  const all = new Set(curves.flatMap((curve) => [...curvePoints(curve).labelled]));
  return [...all].filter((x) => x >= range.from && x <= range.to).sort((a, b) => a - b);
}
