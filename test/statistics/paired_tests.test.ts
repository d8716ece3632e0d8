import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holmCorrection, pairedTTest, wilcoxonSignedRank } from 'sightline';
import { Rng } from '../../src/core/rng.js';
import { studentQuantile, studentUpperTail } from '../../src/statistics/student_t.js';

describe("Student's t distribution", () => {
  it('is Cauchy’s for one degree of freedom, down to the smallest t', () => {
    for (const t of [1e-12, 1e-8, 1e-3, 0.7]) {
      expect(studentUpperTail(t, 1)).toBeCloseTo(0.5 - Math.atan(t) / Math.PI, 15);
    }
    expect(studentUpperTail(1e9, 1) * 1e9 * Math.PI).toBeCloseTo(1, 12);
  });

  it('has the closed form of two degrees of freedom', () => {
    for (const t of [-5, -0.2, 0, 1, 30]) {
      expect(studentUpperTail(t, 2)).toBeCloseTo(0.5 - t / (2 * Math.sqrt(2 + t * t)), 14);
    }
  });

  it('has ends', () => {
    expect(studentUpperTail(Infinity, 4)).toBe(0);
    expect(studentUpperTail(-Infinity, 4)).toBe(1);
    expect(studentUpperTail(NaN, 4)).toBeNaN();
    expect(studentQuantile(0, 4)).toBe(-Infinity);
    expect(studentQuantile(1, 4)).toBe(Infinity);
    expect(studentQuantile(1.1, 4)).toBeNaN();
    expect(() => studentUpperTail(1, 0)).toThrow(/degrees: expected a number above 0/);
  });
});

describe('paired t-test', () => {
  it('has the numbers worked out by hand', () => {
    // Differences 1, 2, 3: mean 2, s = 1, t = 2√3 with 2 degrees: p = 1 − t/√(2 + t²) = 1 − √(12/14).
    const test = pairedTTest([2, 4, 6], [1, 2, 3]);
    expect(test.meanDifference).toBe(2);
    expect(test.t).toBeCloseTo(2 * Math.sqrt(3), 14);
    expect(test.degrees).toBe(2);
    expect(test.pValue).toBeCloseTo(1 - Math.sqrt(12 / 14), 14);
    // The 97.5 % quantile of 2 degrees is 4.302653.
    expect(test.low).toBeCloseTo(2 - 4.302652729696142 / Math.sqrt(3), 10);
    expect(test.high).toBeCloseTo(2 + 4.302652729696142 / Math.sqrt(3), 10);
  });

  it('says nothing about one seed or none', () => {
    const one = pairedTTest([0.9], [0.8]);
    expect(one.meanDifference).toBeCloseTo(0.1, 15);
    expect([one.t, one.pValue, one.low, one.high]).toEqual([NaN, NaN, NaN, NaN]);
    expect(pairedTTest([], [])).toMatchObject({ count: 0, meanDifference: NaN, pValue: NaN });
  });

  it('is undefined for equal values and certain for a constant difference', () => {
    expect(pairedTTest([1, 2, 3], [1, 2, 3])).toMatchObject({
      meanDifference: 0,
      t: NaN,
      pValue: NaN,
      low: 0,
      high: 0,
    });
    expect(pairedTTest([0.5, 0.75], [0.25, 0.5])).toMatchObject({ t: Infinity, pValue: 0, low: 0.25, high: 0.25 });
    // 0.1 thrice has a rounded mean: the spread is 0 all the same.
    expect(pairedTTest([0.1, 0.1, 0.1], [0, 0, 0])).toMatchObject({ t: Infinity, pValue: 0 });
  });

  it('passes NaN on and refuses unequal lengths', () => {
    expect(pairedTTest([1, NaN, 3], [1, 2, 4]).pValue).toBeNaN();
    expect(() => pairedTTest([1, 2], [1])).toThrow(/second: expected 2 values/);
    expect(() => pairedTTest([1, 2], [1, 3], 1)).toThrow(/confidence/);
  });

  it('rejects equal strategies as often as it says', () => {
    const rejected = Array.from({ length: 4000 }, (_, k) => {
      const rng = new Rng(3, 't-test', k);
      const draw = () => Float64Array.from({ length: 5 }, () => rng.normal());
      return Number(pairedTTest(draw(), draw()).pValue < 0.05);
    });
    const rate = rejected.reduce((sum, v) => sum + v, 0) / rejected.length;
    // Standard error 0.0034.
    expect(Math.abs(rate - 0.05)).toBeLessThan(0.012);
  });
});

describe('Wilcoxon', () => {
  it('cannot go below 2^(1 − n)', () => {
    const better = wilcoxonSignedRank([1.5, 2.75, 3.25, 4.625, 5.875], [1, 2, 3, 4, 5]);
    expect(better).toMatchObject({ count: 5, positive: 15, negative: 0, statistic: 0, method: 'exact' });
    expect(better.pValue).toBe(2 / 32);
  });

  it('counts the patterns of signs, ties included', () => {
    // |d| = 1, 1, 2: ranks 1.5, 1.5, 3; sums over the 8 patterns: 0, 1.5, 1.5, 3, 3, 4.5, 4.5, 6. Negative sum 1.5: 2 × 3/8.
    const test = wilcoxonSignedRank([1, -1, 2], [0, 0, 0]);
    expect(test).toMatchObject({ positive: 4.5, negative: 1.5, pValue: 0.75, method: 'exact' });
  });

  it('equals counting by brute force', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 1, maxLength: 9 }), (differences) => {
        const zeros = differences.map(() => 0);
        const { pValue, positive, negative } = wilcoxonSignedRank(differences, zeros);
        const left = differences.filter((d) => d !== 0);
        const size = left.map(Math.abs);
        const rank = size.map((a) => size.filter((b) => b < a).length + (size.filter((b) => b === a).length + 1) / 2);
        let extreme = 0;
        for (let pattern = 0; pattern < 2 ** left.length; pattern++) {
          const sum = rank.reduce((total, r, i) => (pattern & (1 << i) ? total + r : total), 0);
          if (sum <= Math.min(positive, negative)) extreme++;
        }
        expect(pValue).toBeCloseTo(Math.min(1, (2 * extreme) / 2 ** left.length), 14);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('takes the normal approximation beyond, and with ties above 13 pairs', () => {
    const rising = Array.from({ length: 51 }, (_, i) => i + 1);
    const zeros = rising.map(() => 0);
    expect(wilcoxonSignedRank(rising, zeros).method).toBe('normal');
    expect(wilcoxonSignedRank(rising.slice(1), zeros.slice(1)).method).toBe('exact');
    const tied = rising.slice(0, 14).map((v) => v >> 1);
    expect(
      wilcoxonSignedRank(
        tied,
        tied.map(() => 0),
      ).method,
    ).toBe('normal');
    expect(
      wilcoxonSignedRank(
        tied.slice(1),
        tied.slice(1).map(() => 0),
      ).method,
    ).toBe('exact');
  });

  it('gives 1 for pairs that are all equal, NaN for none and for NaN', () => {
    for (const n of [1, 5, 60]) {
      const values = Array.from({ length: n }, () => 0.5);
      expect(wilcoxonSignedRank(values, values)).toMatchObject({ count: 0, statistic: 0, pValue: 1 });
    }
    expect(wilcoxonSignedRank([], []).pValue).toBeNaN();
    expect(wilcoxonSignedRank([1, NaN], [0, 0]).pValue).toBeNaN();
    expect(() => wilcoxonSignedRank([1], [])).toThrow(/second: expected 1 values/);
  });

  it('does not change with the order of the two, nor of the pairs', () => {
    const [a, b] = [
      [0.5, 0.25, 0.75, 1, 0.125],
      [0.25, 0.5, 0.5, 0.5, 0.5],
    ];
    expect(wilcoxonSignedRank(a, b).pValue).toBe(wilcoxonSignedRank(b, a).pValue);
    expect(wilcoxonSignedRank(a.toReversed(), b.toReversed()).pValue).toBe(wilcoxonSignedRank(a, b).pValue);
  });
});

describe('Holm', () => {
  it('has the numbers worked out by hand', () => {
    // Ascending 0.01 × 4, 0.02 × 3, 0.03 × 2 = 0.06 again, 0.5 × 1.
    expect([...holmCorrection([0.03, 0.01, 0.5, 0.02])]).toEqual([0.06, 0.04, 0.5, 0.06]);
    expect([...holmCorrection([0.6, 0.9])]).toEqual([1, 1]);
  });

  it('leaves one test as it is, and undefined ones out', () => {
    expect([...holmCorrection([0.04])]).toEqual([0.04]);
    expect([...holmCorrection([0.02, NaN, 0.25])]).toEqual([0.04, NaN, 0.25]);
    expect([...holmCorrection([])]).toEqual([]);
    expect(() => holmCorrection([0.5, 1.5])).toThrow(/pValues\[1\]: expected a probability/);
  });
});
