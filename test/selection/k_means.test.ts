import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend, type Backend } from '../../src/backend/index.js';
import { tensor } from '../../src/core/tensor.js';
import { kMeans, kMeansFrom, nearestToCentres } from '../../src/selection/k_means.js';
import { points, randomPoints } from './points.js';

describe('k-means', () => {
  let backend: Backend;
  beforeAll(async () => void (backend = await openBackend({ prefer: 'native' })));
  afterAll(() => backend.close());

  it('by hand: 0, 2, 10, 12 from the centres 0 and 2', async () => {
    const x = points([0], [2], [10], [12]);
    // {0}, {2, 10, 12} → 0, 8; then {0, 2}, {10, 12} → 1, 11.
    const start = points([0], [2]);
    const found = await kMeansFrom(backend, x, start);
    expect([...found.labels]).toEqual([0, 0, 1, 1]);
    expect([...found.centres.data]).toEqual([1, 11]);
    expect([...found.squaredDistances]).toEqual([1, 1, 1, 1]);
    expect(found.inertia).toBe(4);
    expect([...start.data]).toEqual([0, 2]);
    expect([...nearestToCentres(found)]).toEqual([0, 2]);
    expect((await kMeansFrom(backend, x, start, { maxIterations: 1 })).centres.data).toEqual(Float32Array.of(0, 8));
  });

  it('gives a cluster that lost its samples the farthest one', async () => {
    const found = await kMeansFrom(backend, points([0], [1], [2], [50]), points([0], [1], [-900]));
    // 50 is farthest from its centre, 1.
    expect([...found.labels]).toEqual([0, 1, 1, 2]);
    expect([...found.centres.data]).toEqual([0, 1.5, 50]);
  });

  it('finds separate groups whatever the seed, the same ones for the same seed, on any thread count', async () => {
    const x = randomPoints(240, 12, 8, 6);
    const single = await openBackend({ prefer: 'native', threads: 1 });
    for (let seed = 0; seed < 4; seed++) {
      const found = await kMeans(backend, x, 6, { seed, restarts: 4 });
      for (let i = 6; i < 240; i++) expect(found.labels[i]).toBe(found.labels[i % 6]);
      expect(new Set(found.labels).size).toBe(6);
      expect(await kMeans(single, x, 6, { seed, restarts: 4 })).toEqual(found);
    }
  });

  it('never ends above where it started, and its centres are the means', async () => {
    const x = randomPoints(180, 5, 2);
    const found = await kMeans(backend, x, 9, { seed: 3, tolerance: 0 });
    const sums = new Float64Array(9 * 5);
    const sizes = new Float64Array(9);
    found.labels.forEach((c, i) => {
      sizes[c]++;
      for (let k = 0; k < 5; k++) sums[c * 5 + k] += x.data[i * 5 + k];
    });
    found.centres.data.forEach((v, i) => expect(v).toBe(Math.fround(sums[i] / sizes[Math.floor(i / 5)])));
    const few = await kMeans(backend, x, 9, { seed: 3, maxIterations: 1 });
    expect(found.inertia).toBeLessThan(few.inertia);
    expect((await kMeans(backend, x, 9, { seed: 3, tolerance: 0, restarts: 5 })).inertia).toBeLessThanOrEqual(
      found.inertia,
    );
  });

  it('as many clusters as samples, copies, one cluster, no columns', async () => {
    const x = randomPoints(7, 3, 1);
    const each = await kMeans(backend, x, 7);
    expect(each.inertia).toBe(0);
    expect(new Set(each.labels).size).toBe(7);
    const copies = await kMeans(backend, points([1, 1], [1, 1], [2, 2], [2, 2]), 3);
    expect(copies.inertia).toBe(0);
    expect([...nearestToCentres(copies)].filter((row) => row < 0).length).toBe(1);
    const one = await kMeans(backend, points([1], [3]), 1);
    expect([...one.centres.data]).toEqual([2]);
    expect((await kMeans(backend, tensor('f32', [3, 0]), 2)).inertia).toBe(0);
  });

  it('refuses more clusters than samples, and settings outside their domain', async () => {
    const x = points([1], [2]);
    await expect(kMeans(backend, x, 3)).rejects.toThrow(
      'clusters: expected a whole number from 1 to the number of samples, 2',
    );
    await expect(kMeans(backend, x, 1, { restarts: 0 })).rejects.toThrow('restarts');
    await expect(kMeans(backend, x, 1, { maxIterations: 0 })).rejects.toThrow('maxIterations');
    await expect(kMeans(backend, x, 1, { tolerance: -1 })).rejects.toThrow('tolerance');
    await expect(kMeansFrom(backend, x, points([1, 2]))).rejects.toThrow(
      'expected [K,1] with K from 1, received [1,2]',
    );
  });
});
