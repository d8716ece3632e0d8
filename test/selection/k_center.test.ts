import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend, type Backend } from '../../src/backend/index.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { kCenterGreedy } from '../../src/selection/k_center.js';
import { embeddingSpace, type SelectionSpace } from '../../src/selection/space.js';
import { euclidean, indices, points, randomPoints } from './points.js';

/** The definition, over the whole matrix. */
function naive(x: Tensor<'f32'>, count: number, labelled: number[]): number[] {
  const [centres, chosen] = [[...labelled], [] as number[]];
  while (chosen.length < count) {
    const free = [...Array(x.dims[0]).keys()].filter((i) => !centres.includes(i));
    const distance = free.map((i) => Math.min(...centres.map((c) => euclidean(x, i, c))));
    const next = free[distance.indexOf(Math.max(...distance))];
    centres.push(next);
    chosen.push(next);
  }
  return chosen;
}

describe('k-center greedy', () => {
  let backend: Backend;
  beforeAll(async () => void (backend = await openBackend({ prefer: 'native' })));
  afterAll(() => backend.close());
  const choose = (x: Tensor<'f32'>, count: number, labelled?: Uint32Array) =>
    kCenterGreedy(embeddingSpace(backend, x), count, labelled);

  it('goes for the farthest from what is labelled and chosen: 0, 1, 4, 10 on a line', async () => {
    const line = points([0], [1], [4], [10]);
    // From 1: 10 is 9 away; then 4 is 3 away; then 0.
    expect(await choose(line, 3, indices(1))).toEqual({
      rows: indices(3, 2, 0),
      distances: Float64Array.of(9, 3, 1),
    });
    expect((await choose(line, 1, indices(0, 3))).rows).toEqual(indices(2));
  });

  it('begins with the first sample when nothing is labelled; ties go to the first', async () => {
    const square = points([0, 0], [0, 1], [1, 0], [1, 1]);
    const { rows, distances } = await choose(square, 4);
    expect([...rows]).toEqual([0, 3, 1, 2]);
    expect([...distances]).toEqual([Infinity, expect.closeTo(Math.SQRT2, 6), 1, 1]);
  });

  it.each([1, 2, 3, 4, 5, 6])('is the definition on random points, %i', async (seed) => {
    const x = randomPoints(150 + seed, 1 + seed * 7, seed, seed);
    for (const labelled of [[], [5], [80, 3, 41, 7, 100, 9]]) {
      const start = labelled.length ? labelled : [0];
      const { rows } = await choose(x, 20, Uint32Array.from(labelled));
      expect([...rows]).toEqual(labelled.length ? naive(x, 20, start) : [0, ...naive(x, 19, start)]);
    }
  });

  it.each([
    ['groups', randomPoints(3000, 6, 1, 40)],
    ['one group', randomPoints(2500, 40, 2)],
    ['a grid, whose distances tie', tensor('f32', [2500, 2], Float32Array.from({ length: 5000 }, (_, i) => (i % 2 ? i % 50 : Math.floor(i / 100))))], // prettier-ignore
    [
      'copies',
      tensor(
        'f32',
        [2000, 1],
        Float32Array.from({ length: 2000 }, (_, i) => i % 7),
      ),
    ],
  ] as const)('is the definition where the frontier is a part of the samples: %s', async (name, x) => {
    for (const labelled of [[], [11, 900, 1999]]) {
      const expected: number[] = [];
      const distance = Array.from({ length: x.dims[0] }, (_v, i) => Math.min(Infinity, ...labelled.map((c) => euclidean(x, i, c)))); // prettier-ignore
      for (const c of labelled) distance[c] = -1;
      while (expected.length < 60) {
        const next = distance.reduce((best, d, i) => (d > distance[best] ? i : best), 0);
        expected.push(next);
        distance.forEach((d, i) => (distance[i] = Math.min(d, euclidean(x, i, next))));
        distance[next] = -1;
      }
      let passes = 0;
      const space = embeddingSpace(backend, x);
      const counted = { ...space, squaredToNearest: (rows: Uint32Array) => (passes++, space.squaredToNearest(rows)) };
      expect([...(await kCenterGreedy(counted, 60, Uint32Array.from(labelled))).rows]).toEqual(expected);
      // In one group of many dimensions the frontier may last for the whole batch.
      if (name !== 'one group') expect(passes).toBeGreaterThan(1);
      expect(passes).toBeLessThan(61);
    }
  });

  it('a sample outside the frontier that comes to tie with one inside goes by the order of samples', async () => {
    // The frontier: 1025 and 1024 at 3, then 0 … 1021 at 2. Outside, at 2 too: 1022 and 1023. Once 1025 is a centre, 1024 is
    // at 2 and 0 … 1021 are at 1: now 1022 is the first of those at 2.
    const first = (i: number) => (i >= 1024 ? 9 : 4);
    const after = (i: number) => (i === 1025 ? 0 : i < 1022 ? 1 : 4);
    const fake = (members: number[]): SelectionSpace => ({
      size: members.length,
      squaredTo: async () => Float32Array.from(members, after),
      squaredToNearest: async (rows) =>
        Float64Array.from(members, rows.length ? after : (i) => first(i) + Number(i === 1025)),
      squaredLengths: () => new Float64Array(members.length),
      subset: (rows) => fake([...rows].map((row) => members[row])),
    });
    expect([...(await kCenterGreedy(fake([...Array(1026).keys()]), 2)).rows]).toEqual([1025, 1022]);
  });

  it('takes copies last, each once, and ends with the samples', async () => {
    const x = points([3], [3], [3], [8]);
    expect([...(await choose(x, 9)).rows]).toEqual([0, 3, 1, 2]);
    expect([...(await choose(x, 9, indices(0, 1, 2))).rows]).toEqual([3]);
    expect([...(await choose(x, 2, indices(0, 1, 2, 3))).rows]).toEqual([]);
    expect([...(await choose(x, 0)).rows]).toEqual([]);
    expect([...(await choose(tensor('f32', [0, 4]), 3)).rows]).toEqual([]);
  });

  it('chooses the same on one thread, on more, and by the reference', async () => {
    const x = randomPoints(600, 33, 3, 4);
    const others = [await openBackend({ prefer: 'native', threads: 1 }), await openBackend({ prefer: 'reference' })];
    const expected = await choose(x, 40, indices(1, 2, 300));
    for (const other of others) {
      const { rows } = await kCenterGreedy(embeddingSpace(other, x), 40, indices(1, 2, 300));
      expect(rows).toEqual(expected.rows);
    }
  });

  it('refuses what it cannot measure', async () => {
    expect(() => embeddingSpace(backend, points([1, 2], [3, NaN]))).toThrow(
      'embeddings, row 1, column 1: expected a finite',
    );
    expect(() => embeddingSpace(backend, tensor('f32', [4]))).toThrow('expected [N,D], received [4]');
    const x = points([1], [2]);
    await expect(choose(x, 1, indices(2))).rejects.toThrow('labelled[0]: expected a row below 2, received 2');
    await expect(choose(x, 1, indices(1, 1))).rejects.toThrow('labelled[1]: row 1 comes twice');
    await expect(choose(x, -1)).rejects.toThrow('count: expected a whole number from 0, received -1');
  });
});
