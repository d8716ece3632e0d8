import { expect, it } from 'vitest';
import { otsuThreshold } from '../../src/features/otsu.js';

it('separates two modes in the middle of the gap', () => {
  const counts = new Uint32Array(256);
  counts[50] = 100;
  counts[200] = 40;
  expect(otsuThreshold(counts)).toBeCloseTo(125.5 / 256, 12); // ties from 50 to 199
});

it('agrees with the exhaustive definition', () => {
  const counts = Array.from(
    { length: 64 },
    (_, i) => Math.round(50 * Math.exp(-((i - 12) ** 2) / 40) + 30 * Math.exp(-((i - 45) ** 2) / 90)) + 1,
  );
  const between = (t: number) => {
    const sum = (from: number, to: number, f: (i: number) => number) =>
      counts.slice(from, to).reduce((s, c, j) => s + c * f(from + j), 0);
    const [w0, w1] = [sum(0, t, () => 1), sum(t, 64, () => 1)];
    return w0 * w1 * (sum(0, t, (i) => i) / w0 - sum(t, 64, (i) => i) / w1) ** 2;
  };
  const best = Math.max(...Array.from({ length: 63 }, (_, i) => between(i + 1)));
  expect(between(Math.round(otsuThreshold(counts) * 64))).toBeCloseTo(best, 6);
});

it.each([[new Array<number>(256).fill(0)], [[0, 9, 0, 0]]])(
  'has nothing to split in fewer than two occupied bins',
  (counts) => {
    expect(otsuThreshold(counts)).toBe(1);
  },
);
