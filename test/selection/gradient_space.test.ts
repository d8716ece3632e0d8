import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend, type Backend } from '../../src/backend/index.js';
import { Rng } from '../../src/core/rng.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { drawByDistance, sampleByDistance } from '../../src/selection/distance_sampling.js';
import { gradientSpace } from '../../src/selection/gradient_space.js';
import { kCenterGreedy } from '../../src/selection/k_center.js';
import { embeddingSpace } from '../../src/selection/space.js';
import { euclidean, indices, points, randomPoints } from './points.js';

function softmaxRows(rows: number, classes: number, seed: number): Tensor<'f64'> {
  const rng = new Rng(seed, 'probabilities');
  const p = new Float64Array(rows * classes).map(() => Math.exp(2 * rng.normal()));
  for (let i = 0; i < rows; i++) {
    const row = p.subarray(i * classes, (i + 1) * classes);
    const sum = row.reduce((a, b) => a + b, 0);
    row.forEach((v, k) => (row[k] = v / sum));
  }
  return tensor('f64', [rows, classes], p);
}

/** The N × K·D gradients themselves. */
function outer(p: Tensor<'f64'>, h: Tensor<'f32'>, sigmoid = false): Tensor<'f32'> {
  const [[rows, classes], width] = [p.dims, h.dims[1]];
  const out = tensor('f32', [rows, classes * width]);
  for (let i = 0; i < rows; i++) {
    const row = [...p.data.subarray(i * classes, (i + 1) * classes)];
    const likeliest = row.indexOf(Math.max(...row));
    for (let c = 0; c < classes; c++) {
      const q = row[c] - Number(sigmoid ? row[c] >= 0.5 : c === likeliest);
      for (let d = 0; d < width; d++) out.data[(i * classes + c) * width + d] = q * h.data[i * width + d];
    }
  }
  return out;
}

describe("BADGE's gradients", () => {
  let backend: Backend;
  beforeAll(async () => void (backend = await openBackend({ prefer: 'native' })));
  afterAll(() => backend.close());

  it('two samples by hand', async () => {
    // q = (−0.25, 0.25) and (−0.5, 0.5), the first class being taken on a tie; h = (2, 0) and (0, 1).
    const p = tensor('f64', [2, 2], Float64Array.of(0.75, 0.25, 0.5, 0.5));
    const space = gradientSpace(backend, p, points([2, 0], [0, 1]));
    // g = (−0.5, 0, 0.5, 0) and (0, −0.5, 0, 0.5): |g|² = 0.5 each, distance² = 1.
    expect([...space.squaredLengths()]).toEqual([expect.closeTo(0.5, 6), expect.closeTo(0.5, 6)]);
    expect([...(await space.squaredTo(indices(1)))]).toEqual([expect.closeTo(1, 6), 0]);
  });

  it.each([
    [2, 40, 7, 'softmax'],
    [5, 130, 33, 'softmax'],
    [1, 50, 9, 'sigmoid'],
    [4, 90, 16, 'sigmoid'],
  ] as const)(
    'distances are those of the outer products: %i classes, %i samples, %i features, %s',
    async (k, n, d, head) => {
      const [p, h] = [softmaxRows(n, k, n), randomPoints(n, d, k)];
      if (head === 'sigmoid') p.data.forEach((v, i) => (p.data[i] = k === 1 ? 0.9 * (i / n) : v));
      const [space, g] = [gradientSpace(backend, p, h, head), outer(p, h, head === 'sigmoid')];
      const chosen = indices(3, 17, 0, 8, 21);
      const squared = await space.squaredTo(chosen);
      const longest = Math.max(...space.squaredLengths());
      for (let i = 0; i < n; i++) {
        chosen.forEach((c, j) => {
          expect(Math.abs(squared[i * chosen.length + j] - euclidean(g, i, c) ** 2)).toBeLessThan(1e-5 * longest);
        });
      }
      const nearest = await space.squaredToNearest(chosen);
      nearest.forEach((v, i) => {
        const expected = Math.min(...[...chosen].map((c) => euclidean(g, i, c) ** 2));
        expect(Math.abs(v - expected)).toBeLessThan(1e-5 * longest);
      });
    },
  );

  it('BADGE and k-center choose as they do among the outer products', async () => {
    const [p, h] = [softmaxRows(300, 6, 4), randomPoints(300, 20, 5)];
    const [space, whole] = [gradientSpace(backend, p, h), embeddingSpace(backend, outer(p, h))];
    for (let seed = 0; seed < 5; seed++) {
      const badge = await sampleByDistance(space, 25, { seed, first: 'longest' });
      expect(badge).toEqual(await sampleByDistance(whole, 25, { seed, first: 'longest' }));
      expect(new Set(badge).size).toBe(25);
    }
    expect((await kCenterGreedy(space, 25)).rows).toEqual((await kCenterGreedy(whole, 25)).rows);
  });

  it('copies, certain samples and empty features are at distance 0, never below', async () => {
    const p = tensor('f64', [4, 2], Float64Array.of(0.7, 0.3, 0.7, 0.3, 1, 0, 0.2, 0.8));
    const space = gradientSpace(backend, p, points([1, 2], [1, 2], [9, 9], [0, 0]));
    // The last two have no gradient: one is certain, the other has no features.
    expect([...(await space.squaredTo(indices(0)))].slice(0, 2)).toEqual([0, 0]);
    expect([...(await space.squaredTo(indices(3)))].slice(2)).toEqual([0, 0]);
    expect([...space.squaredLengths()].slice(2)).toEqual([0, 0]);
  });

  it('refuses what is no probability, and rows that do not fit', () => {
    const h = points([1], [2]);
    expect(() => gradientSpace(backend, tensor('f64', [2, 1], Float64Array.of(0.5, 1.5)), h)).toThrow(
      'probabilities, row 1: expected values in [0, 1], received 1.5',
    );
    expect(() => gradientSpace(backend, tensor('f64', [3, 1]), h)).toThrow('expected as many rows, received 3 and 2');
  });
});

describe('D² sampling', () => {
  let backend: Backend;
  beforeAll(async () => void (backend = await openBackend({ prefer: 'native' })));
  afterAll(() => backend.close());

  it('draws the sample whose share of Σ D² the number falls into', async () => {
    // From 0: D² = 0, 1, 4, 9 (of 14); the shares end at 0, 1/14, 5/14, 1.
    const line = embeddingSpace(backend, points([0], [1], [2], [3]));
    for (const [u, row] of [
      [0, 1],
      [0.99 / 14, 1],
      [1.01 / 14, 2],
      [4.9 / 14, 2],
      [5.1 / 14, 3],
      [1 - 2 ** -53, 3],
    ]) {
      // prettier-ignore
      const given = [0, u];
      expect([...(await drawByDistance(line, 2, { uniform: () => given.shift()! }))]).toEqual([0, row]);
    }
    // Of two candidates, 1 leaves 0 + 0 + 1 + 4, 3 leaves 0 + 1 + 1 + 0.
    const given = [0, 0.01, 0.9];
    expect([...(await drawByDistance(line, 2, { uniform: () => given.shift()! }, { trials: 2 }))]).toEqual([0, 3]);
  });

  it('is drawn in proportion to D²', async () => {
    const line = embeddingSpace(backend, points([0], [1], [2], [5]));
    const counts = [0, 0, 0, 0];
    const seeds = 1500;
    // The longest is 5; from there D² = 25, 16, 9, 0.
    for (let seed = 0; seed < seeds; seed++) {
      const [first, second] = await sampleByDistance(line, 2, { seed, first: 'longest' });
      expect(first).toBe(3);
      counts[second]++;
    }
    [25, 16, 9, 0].forEach((share, i) => {
      const p = share / 50;
      expect(Math.abs(counts[i] - seeds * p)).toBeLessThanOrEqual(4 * Math.sqrt(seeds * p * (1 - p)));
    });
  });

  it('takes copies in sample order when nothing else is left, each once', async () => {
    const x = embeddingSpace(backend, points([1], [1], [1], [7]));
    for (let seed = 0; seed < 10; seed++) {
      const rows = await sampleByDistance(x, 9, { seed, trials: 3 });
      expect([...rows].sort()).toEqual([0, 1, 2, 3]);
      const [a, b] = [...rows].slice(2);
      expect(a).toBeLessThan(b);
      expect(rows.slice(0, 2)).toContain(3);
    }
    expect([...(await sampleByDistance(x, 0))]).toEqual([]);
    expect([...(await sampleByDistance(embeddingSpace(backend, tensor('f32', [0, 2])), 2))]).toEqual([]);
    await expect(sampleByDistance(x, 2, { trials: 0 })).rejects.toThrow('trials');
    await expect(sampleByDistance(x, 1.5)).rejects.toThrow('count');
  });
});
