import { describe, expect, it } from 'vitest';
import {
  accuracy,
  averagePrecision,
  balancedAccuracy,
  bootstrapIntervals,
  binaryBrierScore,
  binaryLogLoss,
  brierScore,
  cohenKappa,
  compareAucs,
  confusionMatrix,
  delongAuc,
  f1Score,
  logLoss,
  macroMean,
  maskOverlap,
  meanDefined,
  multiLabelAccuracy,
  multiLabelAuc,
  oneVsOneAuc,
  oneVsRestAuc,
  precision,
  precisionRecallCurve,
  predictedClasses,
  recall,
  reliability,
  rocAuc,
  rocCurve,
  specificity,
  thresholdedClasses,
  topLabelReliability,
} from 'sightline';

const argumentError = expect.objectContaining({ code: 'E_ARGUMENT' });

describe('metrics that the data do not define are NaN', () => {
  it('no samples', () => {
    const empty = confusionMatrix([], [], 3);
    for (const metric of [accuracy, balancedAccuracy, cohenKappa]) expect(metric(empty)).toBeNaN();
    for (const metric of [precision, recall, specificity, f1Score]) expect(metric(empty, 0)).toBeNaN();
    expect(multiLabelAccuracy([], [], 3)).toEqual({ perLabel: NaN, exactMatch: NaN });
    for (const metric of [rocAuc, averagePrecision, binaryLogLoss, binaryBrierScore]) expect(metric([], [])).toBeNaN();
    for (const metric of [logLoss, brierScore, oneVsOneAuc]) expect(metric([], [], 2)).toBeNaN();
    expect([...oneVsRestAuc([], [], 2), ...multiLabelAuc([], [], 1)]).toEqual([NaN, NaN, NaN]);
    expect(rocCurve([], [])).toEqual({
      thresholds: Float64Array.of(Infinity),
      falsePositiveRate: Float64Array.of(NaN),
      truePositiveRate: Float64Array.of(NaN),
    });
    expect(reliability([], [], { bins: 2 })).toEqual({
      bins: [
        { low: 0, high: 0.5, count: 0, confidence: NaN, frequency: NaN },
        { low: 0.5, high: 1, count: 0, confidence: NaN, frequency: NaN },
      ],
      expectedError: NaN,
      maximumError: NaN,
    });
    expect(reliability([], [], { binning: 'mass' }).expectedError).toBeNaN();
    expect(delongAuc([], [])).toEqual({ auc: NaN, variance: NaN, low: NaN, high: NaN });
    expect(meanDefined([])).toBeNaN();
  });

  it('one class only', () => {
    expect(rocAuc([0.2, 0.7], [1, 1])).toBeNaN();
    expect(rocAuc([0.2, 0.7], [0, 0])).toBeNaN();
    expect(averagePrecision([0.2, 0.7], [0, 0])).toBeNaN();
    expect(averagePrecision([0.2, 0.7], [1, 1])).toBe(1);
    expect(oneVsOneAuc([0.2, 0.8, 0.4, 0.6], [1, 1], 2)).toBeNaN();
    expect(delongAuc([0.2, 0.7], [0, 0])).toEqual({ auc: NaN, variance: NaN, low: NaN, high: NaN });
    expect(cohenKappa(confusionMatrix([1, 1], [1, 1], 2))).toBeNaN();
    expect([...rocCurve([0.2, 0.7], [1, 1]).falsePositiveRate]).toEqual([NaN, NaN, NaN]);
  });

  it('absent classes leave means over classes', () => {
    const scores = [0.6, 0.3, 0.1, 0.2, 0.7, 0.1, 0.5, 0.4, 0.1];
    expect([...oneVsRestAuc(scores, [0, 1, 1], 3)]).toEqual([1, 1, NaN]);
    expect(oneVsOneAuc(scores, [0, 1, 1], 3)).toBe(1);
    expect(macroMean(confusionMatrix([0, 1, 0], [0, 1, 1], 3), recall)).toBe(0.75);
  });

  it('one positive: an AUC without variance', () => {
    expect(delongAuc([0.1, 0.2, 0.9], [0, 0, 1])).toEqual({ auc: 1, variance: NaN, low: NaN, high: NaN });
  });
});

describe('a NaN score makes what depends on it NaN', () => {
  const scores = [0.1, NaN, 0.9];
  const labels = [0, 1, 1];
  const rows = [0.9, 0.1, NaN, 0.5, 0.1, 0.9];

  it('in scores of one class', () => {
    for (const metric of [rocAuc, averagePrecision, binaryLogLoss, binaryBrierScore]) {
      expect(metric(scores, labels), metric.name).toBeNaN();
    }
    expect([...precisionRecallCurve(scores, labels).precision]).toEqual([NaN]);
    expect([...rocCurve(scores, labels).thresholds]).toEqual([NaN]);
    expect(delongAuc(scores, labels).auc).toBeNaN();
    expect(compareAucs(scores, [1, 2, 3], labels).pValue).toBeNaN();
    expect(reliability(scores, labels).expectedError).toBeNaN();
    expect(reliability(scores, labels, { binning: 'mass' }).maximumError).toBeNaN();
  });

  it('in rows of probabilities', () => {
    for (const metric of [logLoss, brierScore, oneVsOneAuc]) expect(metric(rows, labels, 2), metric.name).toBeNaN();
    expect([...oneVsRestAuc(rows, labels, 2)]).toEqual([NaN, NaN]);
    expect(topLabelReliability(rows, labels, 2).expectedError).toBeNaN();
    expect([...multiLabelAuc(rows, [0, 1, 1, 0, 0, 1], 2)]).toEqual([NaN, 0.5]);
  });

  it('in decisions', () => {
    expect([...predictedClasses(rows, 2)]).toEqual([0, -1, 1]);
    expect([...thresholdedClasses(scores, 0.5)]).toEqual([0, -1, 1]);
    const matrix = confusionMatrix(predictedClasses(rows, 2), labels, 2);
    expect(matrix).toMatchObject({ undecided: 1, samples: 3, truth: Float64Array.of(1, 2) });
    for (const metric of [accuracy, balancedAccuracy, cohenKappa]) expect(metric(matrix)).toBeNaN();
    for (const metric of [precision, recall, specificity, f1Score]) expect(metric(matrix, 1)).toBeNaN();
    expect(multiLabelAccuracy([1, -1], [1, 0], 2)).toEqual({ perLabel: NaN, exactMatch: NaN });
  });

  it('in masks', () => {
    expect(maskOverlap([0, NaN], [0, 1])).toEqual({ dice: NaN, iou: NaN });
  });
});

describe('arguments that can only be mistakes throw', () => {
  it.each<[string, () => unknown]>([
    ['labels outside the classes', () => confusionMatrix([0], [2], 2)],
    ['fractional labels', () => rocAuc([0.1], [0.5])],
    ['a missing label', () => rocAuc([0.1], [NaN])],
    ['predictions outside the classes', () => confusionMatrix([5], [0], 2)],
    ['lengths that differ', () => rocAuc([0.1, 0.2], [1])],
    ['scores that are not rows of K', () => predictedClasses([0.1, 0.2, 0.3], 2)],
    ['no classes', () => confusionMatrix([], [], 0)],
    ['logits in the log loss', () => logLoss([2.5, -1], [0], 2)],
    ['rows that do not sum to 1', () => brierScore([0.9, 0.9], [0], 2)],
    ['percentages', () => binaryLogLoss([55], [1])],
    ['an infinite probability', () => binaryBrierScore([Infinity], [1])],
    ['no bins', () => reliability([0.5], [1], { bins: 0 })],
    ['a confidence of 95', () => delongAuc([0.1, 0.2], [0, 1], 95)],
    ['masks of unequal size', () => maskOverlap([1, 0], [1])],
    ['no resamples', () => bootstrapIntervals([0, 1], () => ({ one: 1 }), { resamples: 0 })],
    ['patients of another length', () => bootstrapIntervals([0, 1], () => ({ one: 1 }), { patients: ['a'] })],
  ])('%s', (_, call) => {
    expect(call).toThrow(argumentError);
  });

  it('names the place', () => {
    expect(() => confusionMatrix([0, 0], [0, 7], 2)).toThrow(
      /labels\[1\]: expected an integer from 0 to 1, received 7/,
    );
  });

  it('but rounding is none', () => {
    expect(logLoss(Float32Array.of(1.0000001, -1e-8), [0], 2)).toBe(0);
  });
});
