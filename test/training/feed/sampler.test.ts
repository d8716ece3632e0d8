import { describe, expect, it } from 'vitest';
import { Sampler } from '../../../src/training/feed/sampler.js';

const all = () => true;

describe('the order of an epoch', () => {
  it('is a permutation that depends on seed and epoch alone', () => {
    const order = (seed: number, epoch: number) =>
      new Sampler({ count: 50, batch: 8, seed }).order(epoch).map(({ sample }) => sample);
    expect(order(1, 2)).toEqual(order(1, 2));
    expect([...order(1, 2)].sort((a, b) => a - b)).toEqual([...Array(50).keys()]);
    expect(order(1, 2)).not.toEqual(order(1, 3));
    expect(order(1, 2)).not.toEqual(order(2, 2));
  });

  it('puts every sample everywhere', () => {
    // Mean position of sample 0 over 400 epochs of 9: 4 ± 5 standard errors (2.58 / 20 each).
    const sampler = new Sampler({ count: 9, batch: 3, seed: 0 });
    let sum = 0;
    for (let e = 0; e < 400; e++) sum += sampler.order(e).findIndex(({ sample }) => sample === 0);
    expect(Math.abs(sum / 400 - 4)).toBeLessThan(5 * 0.13);
  });

  it('gives every class its share when balanced, its samples equally often', () => {
    // 17 of class 0, 3 of class 5, 1 of class 9: 21 draws, 7 each.
    const balanceBy = [...Array<number>(17).fill(0), 5, 5, 5, 9];
    const sampler = new Sampler({ count: 21, batch: 4, seed: 0, balanceBy });
    const used = new Array<number>(21).fill(0);
    for (let e = 0; e < 34; e++) {
      const order = sampler.order(e);
      const shares = [0, 5, 9].map((k) => order.filter(({ sample }) => balanceBy[sample] === k).length);
      expect(shares).toEqual([7, 7, 7]);
      expect(
        order
          .filter(({ sample }) => sample === 20)
          .map(({ repeat }) => repeat)
          .sort(),
      ).toEqual([0, 1, 2, 3, 4, 5, 6]);
      const ofThree = [17, 18, 19].map((s) => order.filter(({ sample }) => sample === s).length);
      expect(ofThree.sort()).toEqual([2, 2, 3]);
      for (const { sample } of order) used[sample]++;
    }
    expect(Math.min(...used.slice(0, 17))).toBeGreaterThan(3);
    // What does not divide evenly goes to classes by turns.
    const uneven = new Sampler({ count: 5, batch: 5, seed: 0, balanceBy: [0, 0, 0, 1, 1] });
    const zeros = Array.from({ length: 40 }, (_, e) => uneven.order(e).filter(({ sample }) => sample < 3).length);
    expect(new Set(zeros)).toEqual(new Set([2, 3]));
  });
});

describe('batches', () => {
  it('leave out what does not fill one, unless that were everything', () => {
    expect(new Sampler({ count: 50, batch: 8, seed: 0 })).toMatchObject({ batch: 8, iterations: 6 });
    expect(new Sampler({ count: 8, batch: 8, seed: 0 })).toMatchObject({ batch: 8, iterations: 1 });
    expect(new Sampler({ count: 3, batch: 8, seed: 0 })).toMatchObject({ batch: 3, iterations: 1 });
  });

  it('replace what cannot be used by the next of the order and change no other row', () => {
    const sampler = new Sampler({ count: 12, batch: 4, seed: 3 });
    const order = sampler.order(0);
    const ids = (iteration: number, bad: number[]) =>
      sampler.batchOf(order, iteration, (s) => !bad.includes(s)).map(({ sample }) => sample);
    const [a, b, c] = [0, 1, 2].map((i) => ids(i, []));
    expect([a, b, c].flat()).toEqual(order.map(({ sample }) => sample));
    expect(ids(0, [a[1], a[3]])).toEqual([a[0], b[0], a[2], b[1]]);
    expect(ids(0, [a[1], a[3], b[0]])).toEqual([a[0], b[1], a[2], b[2]]);
    expect(ids(1, [a[1], a[3]])).toEqual(b);
    // After the last batch comes the first.
    expect(ids(2, [c[0], a[0]])).toEqual([a[1], c[1], c[2], c[3]]);
  });

  it('find a usable sample even where the order has none, and say when there is none', () => {
    const balanceBy = [0, 0, 0, 0, 0, 0, 1, 1];
    const sampler = new Sampler({ count: 8, batch: 8, seed: 0, balanceBy });
    const order = sampler.order(0);
    const missing = [...Array(6).keys()].find((s) => !order.some(({ sample }) => sample === s))!;
    const batch = sampler.batchOf(order, 0, (s) => s === missing);
    expect(batch).toEqual(order.map(() => ({ sample: missing, repeat: 0 })));
    expect(() => sampler.batchOf(order, 0, () => false)).toThrow(/samples/);
    expect(sampler.batchOf(order, 0, all)).toEqual(order);
  });

  it('refuse numbers that make none', () => {
    for (const options of [{ batch: 0 }, { batch: 1.5 }, { count: 0 }]) {
      expect(() => new Sampler({ count: 4, batch: 2, seed: 0, ...options })).toThrow(/expected/);
    }
  });
});
