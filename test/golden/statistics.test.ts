import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { areaUnderBudget, ndcg, pairedTTest, valueAt, wilcoxonSignedRank } from 'sightline';
import { midRanks } from '../../src/statistics/mid_ranks.js';
import { incompleteBeta, studentQuantile, studentUpperTail } from '../../src/statistics/student_t.js';

/** A number as statistics.py writes it: null is NaN. */
type Written = number | null | 'inf' | '-inf';

/** What statistics.py writes. */
interface Golden {
  distribution: { degrees: number; t: number; tail: number }[];
  quantiles: { degrees: number; p: number; quantile: number }[];
  betas: { a: number; b: number; x: number; value: number }[];
  pairs: (Record<'t' | 'p' | 'low' | 'high' | 'statistic' | 'wilcoxon', Written> &
    Record<'first' | 'second' | 'ranks', number[]> & { name: string })[];
  curves: (Record<'area' | 'from' | 'to' | 'partial', number> &
    Record<'labelled' | 'values' | 'at' | 'interpolated', number[]> & { name: string })[];
  rankings: { size: number; p: number; order: number[]; linear: number; exponential: number }[];
}

const golden = JSON.parse(readFileSync(new URL('statistics.json', import.meta.url), 'utf8')) as Golden;

const number = (value: Written): number =>
  value === null ? NaN : value === 'inf' ? Infinity : value === '-inf' ? -Infinity : value;

function expectNear(actual: number, written: Written, relative = 1e-12): void {
  const expected = number(written);
  if (!Number.isFinite(expected) || expected === 0) expect(actual).toBe(expected);
  else expect(Math.abs(actual - expected) / Math.abs(expected)).toBeLessThan(relative);
}

describe("Student's t distribution equals SciPy's", () => {
  it.each(golden.distribution)('P(T > $t), $degrees degrees', ({ t, degrees, tail }) => {
    expectNear(studentUpperTail(t, degrees), tail, 1e-11);
  });

  it.each(golden.quantiles)('quantile $p, $degrees degrees', ({ p, degrees, quantile }) => {
    expect(Math.abs(studentQuantile(p, degrees) - quantile)).toBeLessThan(1e-10 * Math.max(1, Math.abs(quantile)));
  });

  it.each(golden.betas)('incomplete beta of $a, $b at $x', ({ a, b, x, value }) => {
    expectNear(incompleteBeta(a, b, x), value, 1e-11);
  });
});

describe.each(golden.pairs)("paired tests equal SciPy's: $name", (pair) => {
  it('t-test', () => {
    const test = pairedTTest(pair.first, pair.second, 0.9);
    expectNear(test.t, pair.t);
    expectNear(test.pValue, pair.p, 1e-10);
    if (!Number.isFinite(number(pair.t))) return; // a spread of 0: SciPy has no interval
    expect(test.low).toBeCloseTo(number(pair.low), 12);
    expect(test.high).toBeCloseTo(number(pair.high), 12);
  });

  it('Wilcoxon', () => {
    const test = wilcoxonSignedRank(pair.first, pair.second);
    expect(test.statistic).toBe(number(pair.statistic));
    expectNear(test.pValue, pair.wilcoxon, 1e-11);
  });

  it('ranks', () => {
    const differences = pair.first.map((value, i) => Math.abs(value - pair.second[i]));
    expect([...midRanks(differences)]).toEqual(pair.ranks);
  });
});

describe.each(golden.curves)('learning curves: $name', (curve) => {
  it('areas equal scikit-learn’s auc divided by the width', () => {
    expectNear(areaUnderBudget(curve), curve.area);
    expectNear(areaUnderBudget(curve, { from: curve.from, to: curve.to }), curve.partial);
  });

  it('values between points equal numpy’s interp', () => {
    curve.at.forEach((at, i) => expectNear(valueAt(curve, at), curve.interpolated[i]));
  });
});

describe("nDCG equals scikit-learn's", () => {
  it.each(golden.rankings)('$size samples, first $p', ({ size, p, order, linear, exponential }) => {
    const reference = Array.from({ length: size }, (_, i) => `s${i}`);
    const ranking = order.map((i) => reference[i]);
    expectNear(ndcg(ranking, reference, { p }).value, linear);
    expectNear(ndcg(ranking, reference, { p, gain: 'exponential' }).value, exponential);
  });
});
