import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  accuracy,
  averagePrecision,
  balancedAccuracy,
  binaryBrierScore,
  binaryLogLoss,
  brierScore,
  cohenKappa,
  confusionMatrix,
  evaluateClassifier,
  f1Score,
  labelMapOverlap,
  logLoss,
  macroMean,
  maskOverlap,
  meanDefined,
  multiLabelAuc,
  oneVsOneAuc,
  oneVsRestAuc,
  precision,
  precisionRecallCurve,
  recall,
  reliability,
  rocAuc,
  rocCurve,
  specificity,
  topLabelReliability,
  type ConfusionMatrix,
  type Reliability,
} from 'sightline';
import { normalQuantile, normalUpperTail } from '../../src/metrics/normal.js';

/** A number as metrics.py writes it: null is NaN. */
type Written = number | null | 'inf' | '-inf';

interface Binned {
  frequency: number[];
  confidence: number[];
  counts: number[];
  error: number;
}

/** What metrics.py writes. */
interface Golden {
  decisions: (Record<
    'accuracy' | 'balancedAccuracy' | 'macroF1' | 'macroPrecision',
    Written
  > &
    Record<'precision' | 'recall' | 'f1' | 'specificity', Written[]> & {
      name: string;
      classes: number;
      labels: number[];
      predictions: number[];
      confusion: number[][];
      kappa: Record<'none' | 'linear' | 'quadratic', Written>;
    })[];
  ranked: {
    name: string;
    labels: number[];
    scores: number[];
    auc?: number;
    averagePrecision?: number;
    roc?: Record<'falsePositiveRate' | 'truePositiveRate' | 'thresholds', Written[]>;
    precisionRecall?: Record<'precision' | 'recall' | 'thresholds', number[]>;
  }[];
  probable: {
    name: string;
    classes: number;
    labels: number[];
    probabilities: number[][];
    exact: number[][];
    logLoss: number;
    exactBrier: number;
    exactOneVsRest?: number;
    exactOneVsOne?: number;
    auc: Written[];
    width: Binned;
    mass: Binned;
  }[];
  labelled: Record<'exactMatch' | 'accuracy' | 'logLoss' | 'brier' | 'calibrationError', number> &
    Record<'auc' | 'f1' | 'precision' | 'recall', Written[]> & {
      classes: number;
      labels: number[][];
      probabilities: number[][];
    };
  masks: { name: string; predicted: number[]; truth: number[]; dice: number; iou: number }[];
  normal: Record<'points' | 'upperTail' | 'shares' | 'quantiles', number[]>;
}

const golden = JSON.parse(readFileSync(new URL('metrics.json', import.meta.url), 'utf8')) as Golden;
const read = (value: Written): number => (value === null ? NaN : Number(value === 'inf' ? Infinity : value === '-inf' ? -Infinity : value));

/** Equal within 1e-12, NaN and infinities included. */
function expectClose(actual: number, expected: Written, what = ''): void {
  const wanted = read(expected);
  const close = Object.is(actual, wanted) || Math.abs(actual - wanted) <= 1e-12 || actual === wanted;
  expect(close, `${what} is ${actual}, should be ${wanted}`).toBe(true);
}

function expectAllClose(actual: ArrayLike<number>, expected: Written[], what = ''): void {
  expect(actual.length, what).toBe(expected.length);
  expected.forEach((value, i) => expectClose(actual[i], value, `${what}[${i}]`));
}

describe.each(golden.decisions)('decisions: $name', (set) => {
  const matrix = confusionMatrix(set.predictions, set.labels, set.classes);
  const perClass = (metric: (matrix: ConfusionMatrix, k: number) => number) =>
    Array.from({ length: set.classes }, (_, k) => metric(matrix, k));

  it('has scikit-learn’s confusion matrix and rates', () => {
    expect([...matrix.counts]).toEqual(set.confusion.flat());
    expectClose(accuracy(matrix), set.accuracy, 'accuracy');
    expectClose(balancedAccuracy(matrix), set.balancedAccuracy, 'balanced accuracy');
    expectAllClose(perClass(precision), set.precision, 'precision');
    expectAllClose(perClass(recall), set.recall, 'recall');
    expectAllClose(perClass(specificity), set.specificity, 'specificity');
    expectAllClose(perClass(f1Score), set.f1, 'f1');
    expectClose(macroMean(matrix, f1Score), set.macroF1, 'macro f1');
    expectClose(macroMean(matrix, precision), set.macroPrecision, 'macro precision');
  });

  it.each(['none', 'linear', 'quadratic'] as const)('has its kappa, weights %s', (weights) => {
    expectClose(cohenKappa(matrix, weights), set.kappa[weights]);
  });

  it('has its Dice and IoU of label maps', () => {
    labelMapOverlap(set.predictions, set.labels, set.classes, 'ignore-both-empty').forEach(({ dice, iou }, k) => {
      expectClose(dice, set.f1[k], 'dice');
      expectClose(iou, Number.isNaN(dice) ? null : dice / (2 - dice), 'iou');
    });
  });
});

describe.each(golden.ranked)('scores: $name', (set) => {
  it('have scikit-learn’s areas, or NaN where it has none', () => {
    expectClose(rocAuc(set.scores, set.labels), set.auc ?? null, 'auc');
    // Without negatives scikit-learn's value stands; without positives it warns and gives 0, and we NaN.
    expectClose(averagePrecision(set.scores, set.labels), set.averagePrecision ?? null, 'average precision');
  });
});

describe.each(golden.ranked.filter((set) => set.roc))('ROC curve: $name', ({ scores, labels, roc }) => {
  it('is scikit-learn’s', () => {
    const curve = rocCurve(scores, labels);
    for (const name of ['thresholds', 'falsePositiveRate', 'truePositiveRate'] as const) {
      expectAllClose(curve[name], roc![name], name);
    }
  });
});

const withPrecision = golden.ranked.filter((set) => set.precisionRecall);

describe.each(withPrecision)('precision-recall curve: $name', ({ scores, labels, precisionRecall }) => {
  it('is scikit-learn’s, in the opposite order', () => {
    const curve = precisionRecallCurve(scores, labels);
    expectAllClose(curve.precision.toReversed(), precisionRecall!.precision, 'precision');
    expectAllClose(curve.recall.toReversed(), precisionRecall!.recall, 'recall');
    expectAllClose(curve.thresholds.subarray(1).toReversed(), precisionRecall!.thresholds, 'thresholds');
  });
});

describe.each(golden.probable)('probabilities: $name', (set) => {
  const { labels, classes } = set;
  const p = Float32Array.from(set.probabilities.flat());
  const exact = Float64Array.from(set.exact.flat());

  function expectBins(ours: Reliability, theirs: Binned): void {
    const bins = ours.bins.filter((bin) => bin.count > 0);
    expectAllClose(bins.map((bin) => bin.count), theirs.counts, 'count');
    expectAllClose(bins.map((bin) => bin.frequency), theirs.frequency, 'frequency');
    expectAllClose(bins.map((bin) => bin.confidence), theirs.confidence, 'confidence');
    expectClose(ours.expectedError, theirs.error, 'calibration error');
  }

  it('have scikit-learn’s log loss and Brier score', () => {
    expectClose(logLoss(p, labels, classes), set.logLoss, 'log loss');
    expectClose(brierScore(exact, labels, classes), set.exactBrier, 'brier');
  });

  it('have its AUCs', () => {
    expectAllClose(oneVsRestAuc(p, labels, classes), set.auc, 'auc');
    if (set.exactOneVsRest !== undefined) {
      expectClose(meanDefined(oneVsRestAuc(exact, labels, classes)), set.exactOneVsRest, 'one against rest');
      expectClose(oneVsOneAuc(exact, labels, classes), set.exactOneVsOne!, 'one against one');
    }
  });

  it('have its reliability table', () => {
    expectBins(topLabelReliability(p, labels, classes, { bins: 10 }), set.width);
    expectBins(topLabelReliability(p, labels, classes, { bins: 7, binning: 'mass' }), set.mass);
  });
});

describe('several labels per sample', () => {
  const { labelled: set } = golden;
  const p = Float32Array.from(set.probabilities.flat());
  const labels = Uint8Array.from(set.labels.flat());
  const record = evaluateClassifier(p, labels, { classes: set.classes, task: 'multi-label' });

  it('have scikit-learn’s numbers per label', () => {
    expectAllClose(multiLabelAuc(p, labels, set.classes), set.auc, 'auc');
    for (const name of ['auc', 'f1', 'precision', 'recall'] as const) {
      expectAllClose(record.perClass.map((one) => one[name]), set[name], name);
      expectClose(record[name], meanDefined(set[name].map(read)), `mean ${name}`);
    }
  });

  it('have its overall numbers', () => {
    for (const name of ['accuracy', 'exactMatch', 'logLoss', 'brier', 'calibrationError'] as const) {
      expectClose(record[name], set[name], name);
    }
    expectClose(binaryLogLoss(p, labels), set.logLoss);
    expectClose(binaryBrierScore(p, labels), set.brier);
    expectClose(reliability(p, labels).expectedError, set.calibrationError);
  });
});

describe.each(golden.masks)('masks: $name', ({ predicted, truth, dice, iou }) => {
  it('have scikit-learn’s F1 and Jaccard index', () => {
    const overlap = maskOverlap(Uint8Array.from(predicted, (v) => 255 * v), truth);
    expectClose(overlap.dice, dice);
    expectClose(overlap.iou, iou);
  });
});

it('the normal distribution is SciPy’s', () => {
  const { points, upperTail, shares, quantiles } = golden.normal;
  points.forEach((x, i) => expect(Math.abs(normalUpperTail(x) / upperTail[i] - 1), `tail ${x}`).toBeLessThan(1e-11));
  shares.forEach((p, i) => expectClose(normalQuantile(p), quantiles[i], `quantile ${p}`));
});
