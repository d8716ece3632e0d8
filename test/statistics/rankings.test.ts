import { describe, expect, it } from 'vitest';
import { meanOverlapByRound, ndcg, overlapByRound, setOverlap } from 'sightline';
import { Rng } from '../../src/core/rng.js';

const ids = (n: number) => Array.from({ length: n }, (_, i) => `s${i}`);

describe('nDCG', () => {
  it('has the value worked out by hand', () => {
    // Relevances a 2, b 1.5, c 1. c, a, b: 1 + 2/log2 3 + 1.5/2; at best 2 + 1.5/log2 3 + 1/2.
    const log3 = Math.log2(3);
    const { value, p } = ndcg(['c', 'a', 'b'], ['a', 'b', 'c']);
    expect(value).toBeCloseTo((1.75 + 2 / log3) / (2.5 + 1.5 / log3), 14);
    expect(p).toBe(3);
    expect(ndcg(['c', 'a', 'b'], ['a', 'b', 'c'], { p: 1 }).value).toBe(0.5);
    // 2^1 − 1 over 2^2 − 1.
    expect(ndcg(['c', 'a', 'b'], ['a', 'b', 'c'], { p: 1, gain: 'exponential' }).value).toBeCloseTo(1 / 3, 15);
  });

  it('is 1 for the same order, and least for the opposite one', () => {
    const reference = ids(6);
    expect(ndcg(reference, reference).value).toBe(1);
    const worst = ndcg(reference.toReversed(), reference).value;
    for (let k = 0; k < 50; k++) {
      const { value } = ndcg(new Rng(k, 'order').shuffle(reference), reference);
      expect(value).toBeLessThanOrEqual(1);
      expect(value).toBeGreaterThanOrEqual(worst);
    }
  });

  it.each(['linear', 'exponential'] as const)('states what chance gives, %s gain', (gain) => {
    const reference = ids(8);
    const { chance } = ndcg(reference, reference, { p: 5, gain });
    let sum = 0;
    for (let k = 0; k < 4000; k++) sum += ndcg(new Rng(k, 'order').shuffle(reference), reference, { p: 5, gain }).value;
    expect(Math.abs(sum / 4000 - chance)).toBeLessThan(0.01);
  });

  it('gives nothing for samples that the reference lacks, nor for missing ones', () => {
    expect(ndcg(['x', 'y'], ['a', 'b']).value).toBe(0);
    expect(ndcg(['a'], ['a', 'b']).value).toBeCloseTo(1.5 / (1.5 + 1 / Math.log2(3)), 14);
  });

  it('does not overflow', () => {
    const reference = ids(5000);
    expect(ndcg(reference, reference, { gain: 'exponential' }).value).toBe(1);
    const { value } = ndcg(reference.toReversed(), reference, { gain: 'exponential' });
    expect(value).toBeGreaterThan(0);
    expect(value).toBeLessThan(0.5);
  });

  it('has edges', () => {
    expect(ndcg([], [])).toEqual({ value: NaN, chance: NaN, p: 0 });
    expect(ndcg(['a'], ['a'])).toEqual({ value: 1, chance: 1, p: 1 });
    expect(() => ndcg(['a', 'a'], ['a', 'b'])).toThrow(/ranking: sample "a" occurs twice/);
    expect(() => ndcg(['a'], ['b', 'b'])).toThrow(/reference: sample "b" occurs twice/);
    expect(() => ndcg(['a'], ['a'], { p: 2 })).toThrow(/p: expected an integer from 1 to 1/);
  });
});

describe('overlap of selections', () => {
  it('of two sets', () => {
    expect(setOverlap(['a', 'b', 'c', 'd'], ['c', 'd', 'e'])).toEqual({ shared: 2, jaccard: 0.4, share: 0.5 });
    expect(setOverlap(['a'], ['a'])).toEqual({ shared: 1, jaccard: 1, share: 1 });
    expect(setOverlap([], [])).toEqual({ shared: 0, jaccard: NaN, share: NaN });
    expect(setOverlap([], ['a'])).toEqual({ shared: 0, jaccard: 0, share: NaN });
  });

  it('by round and in total', () => {
    const first = [['a', 'b'], ['c', 'd'], ['e']];
    const second = [
      ['b', 'c'],
      ['d', 'a'],
    ];
    const rounds = overlapByRound(first, second, 8);
    expect(rounds).toHaveLength(2);
    expect(rounds[0]).toEqual({
      round: 0,
      batch: { shared: 1, jaccard: 1 / 3, share: 0.5 },
      total: { shared: 1, jaccard: 1 / 3, share: 0.5, chance: 0.25 },
    });
    // Both chose all four in the end, in another order.
    expect(rounds[1].batch).toEqual({ shared: 1, jaccard: 1 / 3, share: 0.5 });
    expect(rounds[1].total).toEqual({ shared: 4, jaccard: 1, share: 1, chance: 0.5 });
    expect(overlapByRound(first, second)[0].total.chance).toBeNaN();
    expect(overlapByRound([], second)).toEqual([]);
  });

  it('of random selections is what chance says', () => {
    const pool = ids(40);
    let sum = 0;
    for (let k = 0; k < 2000; k++) {
      const draw = (name: string, count: number) => [new Rng(k, name).shuffle(pool).slice(0, count)];
      const [{ total }] = overlapByRound(draw('a', 10), draw('b', 20), 40);
      expect(total.chance).toBe(0.5);
      sum += total.share;
    }
    expect(Math.abs(sum / 2000 - 0.5)).toBeLessThan(0.015);
  });

  it('averages over pairs, round by round', () => {
    const pairs = [
      overlapByRound([['a', 'b'], ['c']], [['a', 'b'], ['d']], 8),
      overlapByRound([['a', 'b']], [['b', 'c']], 8),
      overlapByRound([[]], [[]]),
    ];
    expect(meanOverlapByRound(pairs)).toEqual([
      {
        round: 0,
        pairs: 3,
        batch: { jaccard: 2 / 3, share: 0.75 },
        total: { jaccard: 2 / 3, share: 0.75, chance: 0.25 },
      },
      { round: 1, pairs: 1, batch: { jaccard: 0, share: 0 }, total: { jaccard: 0.5, share: 2 / 3, chance: 0.375 } },
    ]);
    expect(meanOverlapByRound([])).toEqual([]);
  });

  it('refuses what no run chooses', () => {
    expect(() => overlapByRound([['a'], ['a']], [['b'], ['c']])).toThrow(/first\[1\]: sample "a" was chosen before/);
    expect(() => overlapByRound([['a']], [['b', 'b']])).toThrow(/second\[0\]/);
    expect(() => overlapByRound([['a', 'b']], [['b']], 1)).toThrow(/poolSize: expected at least the 2 samples chosen/);
  });
});
