import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend, type Backend } from '../../src/backend/index.js';
import { diverseBatch } from '../../src/selection/diversity.js';
import { indices, points, randomPoints } from './points.js';

describe('diverse batches', () => {
  let backend: Backend;
  beforeAll(async () => void (backend = await openBackend({ prefer: 'native' })));
  afterAll(() => backend.close());
  // Two groups, two samples far out.
  const x = points([0], [1], [2], [50], [51], [900], [-900]);
  const ranking = indices(1, 0, 2, 4, 3, 5, 6);

  it('k-center: the top of the ranking, then what is farthest from it among the candidates', async () => {
    expect([...(await diverseBatch(backend, x, ranking, 2, { factor: 2 }))]).toEqual([1, 4]);
    expect([...(await diverseBatch(backend, x, ranking, 2, { factor: 3.5 }))]).toEqual([1, 6]);
    // From the labelled ones, at 50 and 51, 0 is farthest.
    const labelled = indices(3, 4);
    expect([...(await diverseBatch(backend, x, indices(1, 0, 2), 1, { factor: 3, labelled }))]).toEqual([0]);
  });

  it('k-means: the middle of each group, in the order of the ranking', async () => {
    const options = { method: 'k-means', factor: 2.5 } as const;
    // {0, 1, 2} and {50, 51}, whose mean is as far from both: the first in the ranking.
    for (let seed = 0; seed < 5; seed++) {
      expect([...(await diverseBatch(backend, x, ranking, 2, { ...options, seed }))]).toEqual([1, 4]);
    }
  });

  it('factor 1 is the ranking itself; so is a short one', async () => {
    for (const method of ['k-center', 'k-means'] as const) {
      expect(await diverseBatch(backend, x, ranking, 3, { factor: 1, method })).toEqual(indices(1, 0, 2));
      expect(await diverseBatch(backend, x, indices(2, 0), 3, { method })).toEqual(indices(2, 0));
      expect(await diverseBatch(backend, x, ranking, 0, { method })).toEqual(indices());
    }
  });

  it('copies: the ranking fills the batch', async () => {
    const copies = points([1], [1], [1], [4], [4]);
    const rows = await diverseBatch(backend, copies, indices(2, 4, 0, 1, 3), 3, { method: 'k-means' });
    expect([...rows]).toEqual([2, 4, 0]);
  });

  it('never looks at rows outside the candidates, which may hold NaN', async () => {
    const rows = randomPoints(50, 4, 1);
    rows.data[49 * 4] = NaN;
    for (const method of ['k-center', 'k-means'] as const) {
      const batch = await diverseBatch(
        backend,
        rows,
        Uint32Array.from({ length: 49 }, (_, i) => i),
        5,
        { method },
      );
      expect(new Set(batch).size).toBe(5);
    }
    await expect(diverseBatch(backend, rows, indices(49, 1, 2), 2)).rejects.toThrow('expected a finite number');
  });

  it('refuses settings outside their domain', async () => {
    await expect(diverseBatch(backend, x, ranking, 2, { factor: 0.5 })).rejects.toThrow('factor');
    await expect(diverseBatch(backend, x, indices(1, 1), 1)).rejects.toThrow('ranking[1]: row 1 comes twice');
    await expect(diverseBatch(backend, x, ranking, 1, { method: 'other' as 'k-center' })).rejects.toThrow('method');
    await expect(diverseBatch(backend, x, ranking, 1, { labelled: indices(1) })).rejects.toThrow(
      'labelled[0]: row 1 is in the ranking too',
    );
  });
});
