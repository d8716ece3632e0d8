import { describe, expect, it } from 'vitest';
import { bootstrapIntervals, compareAucs, delongAuc, rocAuc } from 'sightline';
import { Rng } from '../../src/core/rng.js';

/** Scores of `size` samples, 40 % positive, about 0.76 AUC; a second classifier that shares half its noise. */
function simulate(size: number, key: number): { labels: Uint8Array; first: Float64Array; second: Float64Array } {
  const rng = new Rng(11, 'scores', key);
  const labels = Uint8Array.from({ length: size }, (_, i) => Number(i % 5 < 2));
  const shared = Float64Array.from(labels, (label) => label + rng.normal());
  return {
    labels,
    first: shared.map((v) => v + 0.3 * rng.normal()),
    second: shared.map((v) => v + 0.8 * rng.normal()),
  };
}

const take = <T>(values: ArrayLike<T>, rows: Uint32Array): T[] => Array.from(rows, (row) => values[row]);

describe('DeLong', () => {
  // Positives 0.8, 0.6, 0.4 against negatives 0.5, 0.4: placements V10 = 1, 1, ¼ and V01 = ⅔, ⅚, both of mean ¾.
  // S10 = (1/16 + 1/16 + 1/4)/2 = 3/16, S01 = 2/144 = 1/72; variance = (3/16)/3 + (1/72)/2 = 10/144.
  const scores = [0.5, 0.8, 0.4, 0.6, 0.4];
  const labels = [0, 1, 0, 1, 1];

  it('has the variance worked out by hand', () => {
    const { auc, variance, low, high } = delongAuc(scores, labels);
    expect(auc).toBeCloseTo(0.75, 14);
    expect(variance).toBeCloseTo(10 / 144, 14);
    expect(low).toBeCloseTo(0.75 - 1.959963984540054 * Math.sqrt(10 / 144), 12);
    expect(high).toBe(1);
  });

  it('agrees with the spread of the AUC between data sets', () => {
    const draws = Array.from({ length: 1500 }, (_, key) => simulate(100, key));
    const aucs = draws.map(({ first, labels: truth }) => rocAuc(first, truth));
    const mean = aucs.reduce((sum, v) => sum + v, 0) / aucs.length;
    const spread = aucs.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (aucs.length - 1);
    const estimates = draws.map(({ first, labels: truth }) => delongAuc(first, truth));
    const variance = estimates.reduce((sum, e) => sum + e.variance, 0) / draws.length;
    // A sample variance of 1500 draws has a standard error of 3.7 %.
    expect(Math.abs(variance / spread - 1)).toBeLessThan(0.12);
    const covered = estimates.filter((e) => e.low <= mean && mean <= e.high).length / draws.length;
    expect(covered).toBeGreaterThan(0.92);
    expect(covered).toBeLessThan(0.97);
  });

  it('agrees with the bootstrap', () => {
    const { first, second, labels: truth } = simulate(300, 0);
    const { auc, difference } = bootstrapIntervals(truth, (rows) => {
      const drawn = take(truth, rows);
      const [a, b] = [rocAuc(take(first, rows), drawn), rocAuc(take(second, rows), drawn)];
      return { auc: a, difference: a - b };
    });
    const delong = delongAuc(first, truth);
    expect(auc.estimate).toBeCloseTo(delong.auc, 14);
    expect(Math.abs(auc.standardError / Math.sqrt(delong.variance) - 1)).toBeLessThan(0.1);
    expect(Math.abs(auc.low - delong.low)).toBeLessThan(0.01);
    expect(Math.abs(auc.high - delong.high)).toBeLessThan(0.01);
    const test = compareAucs(first, second, truth);
    expect(test.difference).toBeCloseTo(difference.estimate, 14);
    expect(Math.abs(difference.standardError / Math.sqrt(test.variance) - 1)).toBeLessThan(0.1);
    expect(test.z).toBeCloseTo(test.difference / Math.sqrt(test.variance), 12);
  });

  it('compares: constant scores add no variance, the same scores leave none', () => {
    const against = compareAucs(scores, [0, 0, 0, 0, 0], labels);
    expect(against.difference).toBeCloseTo(0.25, 14);
    expect(against.variance).toBeCloseTo(10 / 144, 14);
    expect(compareAucs(scores, scores, labels)).toEqual({ difference: 0, variance: 0, z: NaN, pValue: NaN });
  });

  it('gives p values that are uniform when nothing differs', () => {
    const values = Array.from({ length: 600 }, (_, key) => {
      const { labels: truth, first } = simulate(120, key);
      const rng = new Rng(5, key);
      const noisy = () => first.map((v) => v + rng.normal());
      return compareAucs(noisy(), noisy(), truth).pValue;
    });
    // Standard error of a share of 600: 1.2 % at 0.1, 2 % at 0.5.
    expect(Math.abs(values.filter((p) => p < 0.1).length / 600 - 0.1)).toBeLessThan(0.045);
    expect(Math.abs(values.filter((p) => p < 0.5).length / 600 - 0.5)).toBeLessThan(0.08);
  });
});

describe('bootstrap', () => {
  const labels = [0, 0, 0, 0, 1, 1, 1, 0];
  const patients = ['a', 'a', 'b', 'c', 'd', 'e', 'e', 'e'];

  it('draws whole patients, and as many of each kind as there are', () => {
    const seen: number[][] = [];
    bootstrapIntervals(
      labels,
      (rows) => {
        seen.push([...rows]);
        return { size: rows.length };
      },
      { patients, resamples: 200 },
    );
    expect(seen[0]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    const counts = (rows: number[], row: number): number => rows.filter((other) => other === row).length;
    for (const rows of seen) {
      expect(counts(rows, 0)).toBe(counts(rows, 1));
      // Patients a, b, c have label 0 alone; d label 1 alone; e both.
      expect(counts(rows, 0) + counts(rows, 2) + counts(rows, 3)).toBe(3);
      expect([4, 5, 6, 7].map((row) => counts(rows, row))).toEqual([1, 1, 1, 1]);
    }
    expect(new Set(seen.map((rows) => rows.join())).size).toBeGreaterThan(9);
  });

  it('has the standard error of a mean, wider when images come in pairs', () => {
    const rng = new Rng(3);
    const values = Array.from({ length: 200 }, () => rng.normal());
    const paired = values.map((_, i) => values[i >> 1]);
    const zeros = new Uint8Array(200);
    const mean = (from: number[]) => (rows: Uint32Array) => ({
      mean: take(from, rows).reduce((sum, v) => sum + v, 0) / rows.length,
    });
    const deviation = (from: number[]): number => {
      const centre = from.reduce((sum, v) => sum + v, 0) / from.length;
      return Math.sqrt(from.reduce((sum, v) => sum + (v - centre) ** 2, 0) / from.length);
    };
    const apart = bootstrapIntervals(zeros, mean(values)).mean;
    expect(Math.abs(apart.standardError / (deviation(values) / Math.sqrt(200)) - 1)).toBeLessThan(0.1);
    expect(apart.high - apart.low).toBeCloseTo(2 * 1.96 * apart.standardError, 1);
    const pairs = bootstrapIntervals(zeros, mean(paired), { patients: paired.map((_, i) => i >> 1) }).mean;
    expect(Math.abs(pairs.standardError / (deviation(paired) / Math.sqrt(100)) - 1)).toBeLessThan(0.1);
  });

  it('repeats itself by seed, and narrows with the confidence', () => {
    const metric = (rows: Uint32Array) => ({ mean: rows.reduce((sum, row) => sum + row, 0) / rows.length });
    const run = (options: object) => bootstrapIntervals(labels, metric, { resamples: 300, ...options }).mean;
    expect(run({ seed: 4 })).toEqual(run({ seed: 4 }));
    expect(run({ seed: 4 })).not.toEqual(run({ seed: 5 }));
    expect(run({ confidence: 0.5 }).low).toBeGreaterThan(run({ confidence: 0.95 }).low);
    expect(run({ confidence: 0.5 }).high).toBeLessThan(run({ confidence: 0.95 }).high);
  });

  it('counts resamples without a value, and has none for no samples', () => {
    const odd = bootstrapIntervals([0, 0], (rows) => ({ metric: rows[0] === rows[1] ? NaN : 2 }), { resamples: 400 });
    expect(odd.metric).toMatchObject({ estimate: 2, low: 2, high: 2, standardError: 0 });
    expect(Math.abs(odd.metric.undefinedResamples - 200)).toBeLessThan(50);
    const none = bootstrapIntervals([], (rows) => ({ metric: rows.length ? 1 : NaN }));
    expect(none.metric).toEqual({ estimate: NaN, low: NaN, high: NaN, standardError: NaN, undefinedResamples: 0 });
    const single = bootstrapIntervals([1], () => ({ metric: 0.5 }), { resamples: 5 });
    expect(single.metric).toMatchObject({ estimate: 0.5, low: 0.5, high: 0.5 });
  });
});
