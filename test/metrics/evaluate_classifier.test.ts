import { describe, expect, it } from 'vitest';
import {
  brierScore,
  confusionMatrix,
  delongAuc,
  evaluateClassifier,
  f1Score,
  labelMapOverlap,
  logLoss,
  macroMean,
  maskOverlap,
  meanDefined,
  oneVsOneAuc,
  oneVsRestAuc,
  reliability,
  topLabelReliability,
  type EmptyMaskRule,
} from 'sightline';
import { Rng } from '../../src/core/rng.js';

const argumentError = expect.objectContaining({ code: 'E_ARGUMENT' });

/** Softmax outputs of a classifier that is often right. */
function simulate(size: number, classes: number): { p: Float32Array; labels: Uint8Array } {
  const rng = new Rng(2, 'classifier', classes);
  const labels = Uint8Array.from({ length: size }, () => rng.int(classes));
  const p = new Float32Array(size * classes);
  for (let n = 0; n < size; n++) {
    const odds = Array.from({ length: classes }, (_, k) => Math.exp(rng.normal() + 1.5 * Number(labels[n] === k)));
    const sum = odds.reduce((total, odd) => total + odd, 0);
    odds.forEach((odd, k) => (p[n * classes + k] = odd / sum));
  }
  return { p, labels };
}

describe('evaluateClassifier', () => {
  it('gathers the metrics of several classes', () => {
    const { p, labels } = simulate(80, 3);
    const record = evaluateClassifier(p, labels, { classes: 3 });
    const predictions = Array.from(labels, (_, n) => {
      const row = [...p.subarray(3 * n, 3 * n + 3)];
      return row.indexOf(Math.max(...row));
    });
    const matrix = confusionMatrix(predictions, labels, 3);
    expect(record).toMatchObject({
      task: 'single-label',
      samples: 80,
      classes: 3,
      accuracy: predictions.filter((k, n) => k === labels[n]).length / 80,
      f1: macroMean(matrix, f1Score),
      auc: meanDefined(oneVsRestAuc(p, labels, 3)),
      aucOneVsOne: oneVsOneAuc(p, labels, 3),
      logLoss: logLoss(p, labels, 3),
      brier: brierScore(p, labels, 3),
      delong: null,
      intervals: null,
    });
    expect(record.exactMatch).toBe(record.accuracy);
    expect(record.confusion!.flat()).toEqual([...matrix.counts]);
    expect(record.reliability).toEqual(topLabelReliability(p, labels, 3));
    expect(record.calibrationError).toBe(record.reliability.expectedError);
    expect(record.perClass.map((one) => one.support)).toEqual([...matrix.truth]);
    expect(record.auc).toBeGreaterThan(0.75);
  });

  it('takes class 1 of two as positive, from two outputs or one', () => {
    const { p, labels } = simulate(60, 2);
    const two = evaluateClassifier(p, labels, { classes: 2 });
    for (const name of ['precision', 'recall', 'specificity', 'f1', 'auc', 'averagePrecision'] as const) {
      expect(two[name]).toBe(two.perClass[1][name]);
    }
    const positive = p.filter((_, i) => i % 2 === 1);
    expect(two.delong).toEqual(delongAuc(positive, labels));
    const one = evaluateClassifier(positive, labels, { classes: 1 });
    expect(one.classes).toBe(2);
    expect(one.confusion).toEqual(two.confusion);
    expect(one.logLoss).toBeCloseTo(two.logLoss, 6);
    expect(one.auc).toBe(two.auc);
  });

  it('decides at the threshold', () => {
    const labels = [0, 0, 1, 1];
    const p = [0.2, 0.5, 0.5, 0.7];
    const confusion = (options: object, values = p) =>
      evaluateClassifier(values, labels, { classes: 1, ...options }).confusion;
    expect(confusion({})).toEqual([
      [1, 1],
      [0, 2],
    ]);
    expect(confusion({ threshold: 0.6 })).toEqual([
      [2, 0],
      [1, 1],
    ]);
    const both = p.flatMap((v) => [1 - v, v]);
    // The likelier class; in a tie the first.
    expect(confusion({ classes: 2 }, both)).toEqual([
      [2, 0],
      [1, 1],
    ]);
    expect(confusion({ classes: 2, threshold: 0.1 }, both)).toEqual([
      [0, 2],
      [0, 2],
    ]);
  });

  it('has intervals around its metrics, over patients', () => {
    const { p, labels } = simulate(120, 3);
    const patients = Array.from(labels, (_, n) => `patient ${n >> 1}`);
    const bootstrap = { patients, resamples: 200, seed: 9 };
    const record = evaluateClassifier(p, labels, { classes: 3, bootstrap });
    for (const [name, interval] of Object.entries(record.intervals!)) {
      expect(interval.estimate, name).toBe(record[name as keyof typeof record]);
      expect(interval.low, name).toBeLessThan(interval.estimate + 0.03);
      expect(interval.high, name).toBeGreaterThan(interval.estimate - 0.03);
      expect(interval.high - interval.low, name).toBeGreaterThan(0.01);
      expect(interval.undefinedResamples, name).toBe(0);
    }
    expect(record.intervals!.auc.low).toBeLessThan(record.auc);
    expect(evaluateClassifier(p, labels, { classes: 3, bootstrap }).intervals).toEqual(record.intervals);
  });

  it('measures several labels each by itself, with intervals', () => {
    const labels = [1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0];
    const p = [0.9, 0.1, 0.2, 0.4, 0.7, 0.1, 0.3, 0.8, 0.2, 0.1, 0.6, 0.3];
    const record = evaluateClassifier(p, labels, { classes: 3, task: 'multi-label', bootstrap: { resamples: 20 } });
    expect(record).toMatchObject({ samples: 4, accuracy: 10 / 12, exactMatch: 0.5, confusion: null, delong: null });
    // Label 0: 0.9, 0.3 against 0.4, 0.1; label 1: 0.7, 0.8 against 0.1, 0.6; label 2 has no positives.
    expect(record.perClass.map((one) => one.auc)).toEqual([0.75, 1, NaN]);
    expect(record.auc).toBe(0.875);
    expect(record.perClass.map((one) => one.support)).toEqual([2, 2, 0]);
    expect(record.balancedAccuracy).toBe((0.75 + 0.75 + 1) / 3);
    expect(record.kappa).toBe(0.5);
    expect(record.aucOneVsOne).toBeNaN();
    expect(record.reliability).toEqual(reliability(p, labels));
    // Four different sets of labels: each resample is the set itself.
    expect(record.intervals!.auc).toMatchObject({ estimate: 0.875, low: 0.875, high: 0.875, standardError: 0 });
  });

  it('is NaN where undefined: no samples, one class, a NaN, and is plain data', () => {
    const { p, labels } = simulate(20, 3);
    const empty = evaluateClassifier([], [], { classes: 3, bootstrap: {} });
    expect(empty.samples).toBe(0);
    expect([empty.accuracy, empty.auc, empty.logLoss, empty.calibrationError, empty.intervals!.auc.low]).toEqual(
      new Array(5).fill(NaN),
    );
    const one = evaluateClassifier([0.2, 0.9], [1, 1], { classes: 1 });
    expect(one).toMatchObject({ accuracy: 0.5, auc: NaN, recall: 0.5, specificity: NaN, f1: 2 / 3 });
    p[7] = NaN;
    const diverged = evaluateClassifier(p, labels, { classes: 3 });
    const multi = evaluateClassifier([0.1, NaN, 0.9, 0.3], [0, 1, 1, 0], { classes: 2, task: 'multi-label' });
    const names = Object.keys(empty.intervals!) as (keyof NonNullable<typeof empty.intervals>)[];
    expect(names).toHaveLength(12);
    for (const name of names) {
      expect(diverged[name], name).toBeNaN();
      expect(multi[name], `${name}, several labels`).toBeNaN();
    }
    expect(multi.perClass[0].auc).toBe(1);
    expect(JSON.parse(JSON.stringify(diverged))).toMatchObject({ samples: 20, accuracy: null });
  });

  it.each<[string, () => unknown]>([
    ['logits', () => evaluateClassifier([3, -2], [0], { classes: 2 })],
    ['sigmoids as if softmax', () => evaluateClassifier([0.9, 0.8], [0], { classes: 2 })],
    ['too few labels', () => evaluateClassifier([0.5, 0.5], [], { classes: 2 })],
    [
      'labels of one class as if several',
      () => evaluateClassifier([0.5, 0.5], [0], { classes: 2, task: 'multi-label' }),
    ],
    ['a label outside', () => evaluateClassifier([0.5, 0.5], [2], { classes: 2 })],
    ['a threshold for three classes', () => evaluateClassifier([], [], { classes: 3, threshold: 0.5 })],
    ['a threshold of 50', () => evaluateClassifier([], [], { classes: 1, threshold: 50 })],
  ])('refuses %s', (_, call) => {
    expect(call).toThrow(argumentError);
  });
});

describe('masks', () => {
  const rules: EmptyMaskRule[] = ['match', 'ignore-both-empty', 'ignore-empty-truth', 'ignore-either-empty'];
  it.each<[string, number[], number[], number[]]>([
    ['both empty', [0, 0], [0, 0], [1, NaN, NaN, NaN]],
    ['no pixels', [], [], [1, NaN, NaN, NaN]],
    ['empty truth', [1, 0], [0, 0], [0, 0, NaN, NaN]],
    ['empty prediction', [0, 0], [0, 1], [0, 0, 0, NaN]],
    ['apart', [1, 0], [0, 1], [0, 0, 0, 0]],
    ['equal', [1, 255], [7, 1], [1, 1, 1, 1]],
  ])('%s follow the rule', (_, predicted, truth, expected) => {
    const overlaps = rules.map((rule) => maskOverlap(predicted, truth, rule));
    expect(overlaps.map((overlap) => overlap.dice)).toEqual(expected);
    expect(overlaps.map((overlap) => overlap.iou)).toEqual(expected);
  });

  it('label maps give each label its own overlap', () => {
    expect(labelMapOverlap([0, 1, 1, 2], [0, 1, 2, 2], 4)).toEqual([
      { dice: 1, iou: 1 },
      { dice: 2 / 3, iou: 1 / 2 },
      { dice: 2 / 3, iou: 1 / 2 },
      { dice: 1, iou: 1 },
    ]);
    expect(() => labelMapOverlap([4], [0], 4)).toThrow(argumentError);
  });
});

describe('reliability', () => {
  it('has the table worked out by hand; an edge belongs to the bin below', () => {
    const table = reliability([0, 0.25, 0.5, 0.6, 1], [0, 1, 0, 1, 1], { bins: 2 });
    expect(table.bins).toEqual([
      { low: 0, high: 0.5, count: 3, confidence: 0.25, frequency: 1 / 3 },
      { low: 0.5, high: 1, count: 2, confidence: 0.8, frequency: 1 },
    ]);
    expect(table.expectedError).toBeCloseTo((3 * (1 / 12) + 2 * 0.2) / 5, 14);
    expect(table.maximumError).toBeCloseTo(0.2, 14);
  });

  it('keeps equal probabilities together in bins of equal mass', () => {
    const counts = (p: number[]) => reliability(p, [0, 0, 1, 1], { bins: 2, binning: 'mass' }).bins.map((b) => b.count);
    expect(counts([0.1, 0.2, 0.3, 0.4])).toEqual([2, 2]);
    expect(counts([0.1, 0.3, 0.3, 0.3])).toEqual([4, 0]);
    expect(counts([0.3, 0.3, 0.3, 0.3])).toEqual([4, 0]);
  });
});
