import { expectClasses, expectLabels, expectLength, type Values } from './inputs.js';

/**
 * What an empty mask means.
 *   'match' (default)      both empty: 1 (they agree); one empty: 0
 *   'ignore-both-empty'    both empty: NaN; one empty: 0 (torchmetrics DiceScore)
 *   'ignore-empty-truth'   true mask empty: NaN; predicted mask empty: 0 (MONAI DiceMetric)
 *   'ignore-either-empty'  any of them empty: NaN (CheXlocalize's IoU)
 * NaN is left out by `meanDefined`, so the "ignore" rules leave such images out of a mean.
 */
export type EmptyMaskRule = 'match' | 'ignore-both-empty' | 'ignore-empty-truth' | 'ignore-either-empty';

/** Overlap of two masks, each in [0, 1]; dice = 2 iou / (1 + iou). */
export interface MaskOverlap {
  /** 2|A ∩ B| / (|A| + |B|). */
  dice: number;
  /** |A ∩ B| / |A ∪ B| (the Jaccard index). */
  iou: number;
}

/**
 * Dice and IoU of a predicted and a true mask of equal length, non-zero = inside. No pixels: both masks are empty. A NaN in
 * either: NaN. Threshold probabilities first: every value but 0 is inside. (Soft Dice: the `dice` kernel.)
 * Throws E_ARGUMENT for unequal lengths.
 */
export function maskOverlap(predicted: Values, truth: Values, empty: EmptyMaskRule = 'match'): MaskOverlap {
  expectLength(predicted, truth.length, 'predicted');
  let inPredicted = 0;
  let inTruth = 0;
  let inBoth = 0;
  for (let i = 0; i < truth.length; i++) {
    const p = predicted[i];
    const t = truth[i];
    if (Number.isNaN(p) || Number.isNaN(t)) return { dice: NaN, iou: NaN };
    inPredicted += Number(p !== 0);
    inTruth += Number(t !== 0);
    inBoth += Number(p !== 0 && t !== 0);
  }
  return overlapOf(inPredicted, inTruth, inBoth, empty);
}

/**
 * Dice and IoU of each label of two label maps (integers 0 … classes − 1, background included), [K]. A label that is in
 * neither map, or in one of them only, follows `empty`. Throws E_ARGUMENT for other values or unequal lengths.
 */
export function labelMapOverlap(
  predicted: Values,
  truth: Values,
  classes: number,
  empty: EmptyMaskRule = 'match',
): MaskOverlap[] {
  expectClasses(classes, 1);
  expectLength(predicted, truth.length, 'predicted');
  expectLabels(predicted, classes, 'predicted');
  expectLabels(truth, classes, 'truth');
  const [inPredicted, inTruth, inBoth] = Array.from({ length: 3 }, () => new Float64Array(classes));
  for (let i = 0; i < truth.length; i++) {
    inPredicted[predicted[i]]++;
    inTruth[truth[i]]++;
    if (predicted[i] === truth[i]) inBoth[truth[i]]++;
  }
  return Array.from({ length: classes }, (_, k) => overlapOf(inPredicted[k], inTruth[k], inBoth[k], empty));
}

function overlapOf(inPredicted: number, inTruth: number, inBoth: number, empty: EmptyMaskRule): MaskOverlap {
  const ignored =
    (empty === 'ignore-both-empty' && inPredicted + inTruth === 0) ||
    (empty === 'ignore-empty-truth' && inTruth === 0) ||
    (empty === 'ignore-either-empty' && (inTruth === 0 || inPredicted === 0));
  if (ignored) return { dice: NaN, iou: NaN };
  if (inPredicted + inTruth === 0) return { dice: 1, iou: 1 };
  return { dice: (2 * inBoth) / (inPredicted + inTruth), iou: inBoth / (inPredicted + inTruth - inBoth) };
}
