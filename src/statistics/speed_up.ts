import { curvePoints, labelsToReach, type LearningCurve } from './learning_curve.js';

/** How many times fewer labels a strategy needs than its reference. */
export interface SpeedUp {
  /** Labels of the reference ÷ labels of the strategy: above 1, the strategy saves labels. NaN where `bound` is 'unknown'. */
  factor: number;
  /**
   * `exact`: both reach the level. `at-least`: the reference does not, `factor` has its last budget in place of what it would
   * need. `at-most`: the strategy does not, and its last budget stands in. `unknown`: neither does.
   */
  bound: 'exact' | 'at-least' | 'at-most' | 'unknown';
}

/**
 * Speed-up in labels at a level of the metric (e.g. the fully supervised one, or what the reference reaches in the end).
 * Labels are counted from 0, initial set included. Curves that start above the level give the ratio of their first points.
 * @param reference usually random selection with the same seed, or the mean curve of both
 */
export function labelSpeedUp(curve: LearningCurve, reference: LearningCurve, level: number): SpeedUp {
  const [own, other] = [labelsToReach(curve, level), labelsToReach(reference, level)];
  if (own !== null && other !== null) return { factor: other / own, bound: 'exact' };
  const last = (of: LearningCurve): number => curvePoints(of).labelled.at(-1) ?? NaN;
  const factor = own !== null ? last(reference) / own : other !== null ? other / last(curve) : NaN;
  if (Number.isNaN(factor)) return { factor: NaN, bound: 'unknown' };
  return { factor, bound: own !== null ? 'at-least' : 'at-most' };
}
