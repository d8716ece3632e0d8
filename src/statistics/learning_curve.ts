import { expectArgument } from '../core/errors.js';
import { expectLength, type Values } from '../metrics/inputs.js';

/** What one run of active learning reached, round by round. Between its points a curve is taken as straight. */
export interface LearningCurve {
  /** Labelled samples of each round (or shares of the training data), 0 or more, ascending. */
  labelled: Values;
  /** The metric (AUC, accuracy, Dice …; higher is better) after training on them. NaN where undefined: the point is left out. */
  values: Values;
}

/** A curve's points that are defined. */
export interface CurvePoints {
  labelled: Float64Array;
  values: Float64Array;
}

/** How far apart positions that mean the same may lie: 0.1 × 3 is not 0.3. */
const slack = 1e-9;

const same = (a: number, b: number): boolean => Math.abs(a - b) <= slack * Math.max(Math.abs(a), Math.abs(b));

/**
 * The points with a value.
 * @throws SightlineError E_ARGUMENT for unequal lengths or label counts that are negative or do not ascend
 */
export function curvePoints({ labelled, values }: LearningCurve): CurvePoints {
  expectLength(values, labelled.length, 'values');
  for (let i = 0; i < labelled.length; i++) {
    const least = i === 0 ? 0 : labelled[i - 1];
    const ascending = i === 0 ? labelled[i] >= least : labelled[i] > least;
    expectArgument(
      ascending && labelled[i] < Infinity,
      `labelled[${i}]`,
      `a finite number ${i === 0 ? 'of 0 or more' : `above ${least}`}`,
      labelled[i],
    );
  }
  const defined = Array.from({ length: labelled.length }, (_, i) => i).filter((i) => !Number.isNaN(values[i]));
  return {
    labelled: Float64Array.from(defined, (i) => labelled[i]),
    values: Float64Array.from(defined, (i) => values[i]),
  };
}

/** The metric at a number of labels, linear between points; NaN before the first point and after the last. */
export function valueAt(curve: LearningCurve, labelled: number): number {
  return interpolate(curvePoints(curve), labelled);
}

/** `valueAt` at several numbers of labels, f64[positions]. */
export function valuesAt(curve: LearningCurve, positions: Values): Float64Array {
  const points = curvePoints(curve);
  return Float64Array.from(positions, (at) => interpolate(points, at));
}

function interpolate({ labelled, values }: CurvePoints, at: number): number {
  let after = 0;
  let end = labelled.length;
  while (after < end) {
    const middle = (after + end) >> 1;
    if (labelled[middle] < at) after = middle + 1;
    else end = middle;
  }
  if (after < labelled.length && same(labelled[after], at)) return values[after];
  if (after > 0 && same(labelled[after - 1], at)) return values[after - 1];
  if (after === 0 || after === labelled.length) return NaN;
  const share = (at - labelled[after - 1]) / (labelled[after] - labelled[after - 1]);
  return values[after - 1] + share * (values[after] - values[after - 1]);
}

/**
 * The metric at shares of the training data (10 %, 20 % … 100 % by default), f64[shares]; NaN outside the curve.
 * @param trainingSize labels that are 100 %
 */
export function valuesAtShares(
  curve: LearningCurve,
  trainingSize: number,
  shares: Values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1],
): Float64Array {
  expectArgument(trainingSize > 0, 'trainingSize', 'a number above 0', trainingSize);
  return valuesAt(
    curve,
    Array.from(shares, (share) => share * trainingSize),
  );
}

/**
 * Area under the budget curve by the trapezoidal rule, divided by the width: the mean value of the metric from `from` to `to`
 * labels (default: the whole curve), in units of the metric. A width of 0: the value there. NaN where the curve does not
 * cover the range, and for an empty curve. Compare curves over the same range only (`sharedRange`).
 */
export function areaUnderBudget(curve: LearningCurve, range: { from?: number; to?: number } = {}): number {
  const points = curvePoints(curve);
  const { from = points.labelled[0] ?? NaN, to = points.labelled.at(-1) ?? NaN } = range;
  expectArgument(!(from > to), 'range', 'from at most to', [from, to]);
  const ends = [interpolate(points, from), interpolate(points, to)];
  if (same(from, to) || ends.some(Number.isNaN)) return ends.some(Number.isNaN) ? NaN : ends[0];
  const inside = [...points.labelled.keys()].filter((i) => points.labelled[i] > from && points.labelled[i] < to);
  const xs = [from, ...inside.map((i) => points.labelled[i]), to];
  const ys = [ends[0], ...inside.map((i) => points.values[i]), ends[1]];
  let area = 0;
  for (let i = 1; i < xs.length; i++) area += ((xs[i] - xs[i - 1]) * (ys[i] + ys[i - 1])) / 2;
  return area / (to - from);
}

/** The range of labels that all curves cover; undefined where there is none. */
export function sharedRange(curves: readonly LearningCurve[]): { from: number; to: number } | undefined {
  const ends = curves.map(curvePoints).map(({ labelled }) => [labelled[0], labelled.at(-1)] as const);
  if (ends.length === 0 || ends.some(([first]) => first === undefined)) return undefined;
  const from = Math.max(...ends.map(([first]) => first));
  const to = Math.min(...ends.map(([, last]) => last!));
  return from <= to ? { from, to } : undefined;
}

/**
 * Labels at which a curve first reaches `level`, linear between points; null where it never does. A curve that starts at the
 * level or above gives its first point, an upper bound. One lucky round is enough: with `sustained` the curve must stay
 * at the level from there to its end.
 */
export function labelsToReach(
  curve: LearningCurve,
  level: number,
  { sustained = false }: { sustained?: boolean } = {},
): number | null {
  const { labelled, values } = curvePoints(curve);
  const lastBelow = values.findLastIndex((value) => value < level);
  const reached = sustained ? lastBelow + 1 : values.findIndex((value) => value >= level);
  if (reached < 0 || reached >= values.length || Number.isNaN(level)) return null;
  if (reached === 0) return labelled[0];
  const share = (level - values[reached - 1]) / (values[reached] - values[reached - 1]);
  return labelled[reached - 1] + share * (labelled[reached] - labelled[reached - 1]);
}
