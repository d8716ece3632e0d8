import { describe, expect, it } from 'vitest';
import {
  areaUnderBudget,
  curveBand,
  labelSpeedUp,
  labelsToReach,
  meanCurve,
  sharedRange,
  valueAt,
  valuesAt,
  valuesAtShares,
} from 'sightline';

const curve = { labelled: [10, 20, 40], values: [0.5, 0.75, 0.875] };
const empty = { labelled: [], values: [] };
const single = { labelled: [10], values: [0.5] };

describe('values along the budget', () => {
  it('are linear between points and nothing outside', () => {
    expect([...valuesAt(curve, [5, 10, 15, 20, 36, 40, 41])]).toEqual([NaN, 0.5, 0.625, 0.75, 0.85, 0.875, NaN]);
    expect(valueAt(single, 10)).toBe(0.5);
    expect(valueAt(empty, 10)).toBeNaN();
  });

  it('at shares of the training data', () => {
    expect([...valuesAtShares(curve, 100)]).toEqual([0.5, 0.75, 0.8125, 0.875, NaN, NaN, NaN, NaN, NaN, NaN]);
    // 3 × 0.1 is not 0.3: the last point counts all the same.
    expect(valuesAtShares({ labelled: [0.1, 0.3], values: [1, 2] }, 1, [3 * 0.1])[0]).toBe(2);
    expect(() => valuesAtShares(curve, 0)).toThrow(/trainingSize/);
  });

  it('go over undefined points', () => {
    expect(valueAt({ labelled: [10, 20, 30], values: [0.5, NaN, 0.75] }, 20)).toBe(0.625);
    expect(valueAt({ labelled: [10, 20], values: [0.5, NaN] }, 15)).toBeNaN();
  });

  it('refuses what is no curve', () => {
    expect(() => valueAt({ labelled: [10, 10], values: [1, 2] }, 10)).toThrow(
      /labelled\[1\]: expected a finite number above 10/,
    );
    expect(() => valueAt({ labelled: [-1], values: [1] }, 10)).toThrow(/labelled\[0\]/);
    expect(() => valueAt({ labelled: [NaN], values: [1] }, 10)).toThrow(/labelled\[0\]/);
    expect(() => valueAt({ labelled: [1], values: [] }, 10)).toThrow(/values: expected 1 values/);
  });
});

describe('area under the budget curve', () => {
  it('is the mean height', () => {
    // (10 × 0.625 + 20 × 0.8125) / 30
    expect(areaUnderBudget(curve)).toBeCloseTo(0.75, 15);
    // 15 … 30: (5 × 0.6875 + 10 × 0.78125) / 15
    expect(areaUnderBudget(curve, { from: 15, to: 30 })).toBeCloseTo(0.75, 15);
    expect(areaUnderBudget({ labelled: [1, 7], values: [0.8, 0.8] })).toBeCloseTo(0.8, 15);
  });

  it('is the value itself without width, and undefined outside the curve', () => {
    expect(areaUnderBudget(single)).toBe(0.5);
    expect(areaUnderBudget(curve, { from: 15, to: 15 })).toBe(0.625);
    expect(areaUnderBudget(empty)).toBeNaN();
    expect(areaUnderBudget(curve, { from: 5 })).toBeNaN();
    expect(areaUnderBudget(curve, { to: 50 })).toBeNaN();
    expect(() => areaUnderBudget(curve, { from: 30, to: 20 })).toThrow(/range: expected from at most to/);
  });
});

describe('range that all curves cover', () => {
  it('is the overlap', () => {
    expect(sharedRange([curve, { labelled: [15, 60], values: [0, 1] }])).toEqual({ from: 15, to: 40 });
    expect(sharedRange([curve, { labelled: [50, 60], values: [0, 1] }])).toBeUndefined();
    expect(sharedRange([curve, empty])).toBeUndefined();
    expect(sharedRange([])).toBeUndefined();
  });
});

describe('labels to reach a level', () => {
  it('are linear between points', () => {
    expect(labelsToReach(curve, 0.625)).toBe(15);
    expect(labelsToReach(curve, 0.8125)).toBe(30);
    expect(labelsToReach(curve, 0.875)).toBe(40);
    expect(labelsToReach(curve, 0.75)).toBe(20);
  });

  it('are those of the first point above, and null where the curve stays below', () => {
    expect(labelsToReach(curve, 0.4)).toBe(10);
    expect(labelsToReach(curve, 0.9)).toBeNull();
    expect(labelsToReach(empty, 0.1)).toBeNull();
    expect(labelsToReach(empty, 0.1, { sustained: true })).toBeNull();
    expect(labelsToReach(curve, NaN, { sustained: true })).toBeNull();
  });

  it('take one lucky round, unless it must last', () => {
    const lucky = { labelled: [10, 20, 30, 40, 50], values: [0.5, 1, 0.5, 0.75, 1] };
    expect(labelsToReach(lucky, 0.875)).toBe(17.5);
    expect(labelsToReach(lucky, 0.875, { sustained: true })).toBe(45);
    expect(labelsToReach({ labelled: [10, 20, 30], values: [0.5, 1, 0.5] }, 0.875, { sustained: true })).toBeNull();
    expect(labelsToReach(lucky, 0.25, { sustained: true })).toBe(10);
  });
});

describe('speed-up in labels', () => {
  const slow = { labelled: [10, 40, 80], values: [0.5, 0.625, 0.75] };

  it('is the ratio of labels', () => {
    expect(labelSpeedUp(curve, slow, 0.75)).toEqual({ factor: 4, bound: 'exact' });
    expect(labelSpeedUp(slow, curve, 0.75)).toEqual({ factor: 0.25, bound: 'exact' });
    expect(labelSpeedUp(curve, curve, 0.6)).toEqual({ factor: 1, bound: 'exact' });
  });

  it('is a bound where one of the two does not get there', () => {
    expect(labelSpeedUp(curve, slow, 0.875)).toEqual({ factor: 2, bound: 'at-least' });
    expect(labelSpeedUp(slow, curve, 0.875)).toEqual({ factor: 0.5, bound: 'at-most' });
    expect(labelSpeedUp(curve, slow, 0.99)).toEqual({ factor: NaN, bound: 'unknown' });
    expect(labelSpeedUp(curve, empty, 0.6)).toEqual({ factor: NaN, bound: 'unknown' });
  });
});

describe('bands over seeds', () => {
  const first = { labelled: [10, 20, 30], values: [0.5, 0.5, 0.75] };
  const second = { labelled: [10, 30], values: [0.75, 0.25] };

  it('of two runs are the runs: each is drawn twice in a quarter of the resamples', () => {
    const band = curveBand([first, second]);
    expect(band.runs).toBe(2);
    expect([...band.labelled]).toEqual([10, 20, 30]);
    expect([...band.mean]).toEqual([0.625, 0.5, 0.5]);
    expect([...band.low]).toEqual([0.5, 0.5, 0.25]);
    expect([...band.high]).toEqual([0.75, 0.5, 0.75]);
  });

  it('narrow with the confidence to the middle', () => {
    // Half of the resamples draw one run each: the middle 40 % are their mean.
    const band = curveBand([first, second], { confidence: 0.4 });
    expect([...band.low]).toEqual([...band.mean]);
    expect([...band.high]).toEqual([...band.mean]);
  });

  it('keep the points of a run together', () => {
    // Mirrored runs: every resample of whole runs has the mean 0.5 between 10 and 30.
    const mirrored = [
      { labelled: [10, 30], values: [0.25, 0.75] },
      { labelled: [10, 30], values: [0.75, 0.25] },
    ];
    const band = curveBand(mirrored, { labelled: [10, 20, 30] });
    expect([band.low[1], band.high[1]]).toEqual([0.5, 0.5]);
    expect([band.low[0], band.high[0]]).toEqual([0.25, 0.75]);
  });

  it('depend on the seed alone', () => {
    const runs = [first, second, { labelled: [10, 30], values: [0.3, 0.9] }, { labelled: [5, 30], values: [0.1, 0.6] }];
    expect(curveBand(runs, { seed: 3 })).toEqual(curveBand(runs, { seed: 3 }));
    expect(curveBand(runs, { resamples: 40, seed: 4 }).low).not.toEqual(
      curveBand(runs, { resamples: 40, seed: 3 }).low,
    );
  });

  it('do not exist for one run, nor outside a run', () => {
    const one = curveBand([first]);
    expect([...one.mean]).toEqual([0.5, 0.5, 0.75]);
    expect([...one.low, ...one.high].every(Number.isNaN)).toBe(true);
    expect(curveBand([])).toMatchObject({ runs: 0, labelled: new Float64Array(0) });
    const outside = curveBand([first, second], { labelled: [5, 10] });
    expect([...outside.mean]).toEqual([NaN, 0.625]);
    expect([outside.low[0], outside.low[1]]).toEqual([NaN, 0.5]);
    expect(curveBand([first, first]).high).toEqual(Float64Array.from(first.values));
    expect(() => curveBand([first], { resamples: 0 })).toThrow(/resamples/);
    expect(() => curveBand([first], { confidence: 0 })).toThrow(/confidence/);
  });

  it('mean curves are curves', () => {
    expect(meanCurve([first, second])).toEqual({
      labelled: Float64Array.of(10, 20, 30),
      values: Float64Array.of(0.625, 0.5, 0.5),
    });
    expect(meanCurve([]).labelled).toHaveLength(0);
  });
});
