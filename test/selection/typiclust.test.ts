import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend, type Backend } from '../../src/backend/index.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { kMeans } from '../../src/selection/k_means.js';
import { meanNeighbourDistance } from '../../src/selection/neighbours.js';
import { unitRows } from '../../src/selection/rows.js';
import { typiClust } from '../../src/selection/typiclust.js';
import { euclidean, indices, points, randomPoints } from './points.js';

let backend: Backend;
beforeAll(async () => void (backend = await openBackend({ prefer: 'native' })));
afterAll(() => backend.close());

/** The rule over given clusters and whole distances: round after round through the clusters that are large enough. */
function naive(x: Tensor<'f32'>, labels: Uint32Array, labelled: number[], count: number, k: number): number[] {
  const all = [...labels.keys()];
  const clusters = [...new Set(labels)].sort((a, b) => a - b).map((c) => all.filter((i) => labels[i] === c));
  const covered = (members: number[]) => members.filter((i) => labelled.includes(i)).length;
  const order = clusters
    .filter((members) => members.length > 5)
    .sort((a, b) => covered(a) - covered(b) || b.length - a.length);
  const chosen: number[] = [];
  for (let turn = 0; chosen.length < count; turn++) {
    const left = order[turn % order.length].filter((i) => !labelled.includes(i) && !chosen.includes(i));
    const within = Math.min(k, Math.floor(left.length / 2));
    const spread = left.map((i) => {
      const distances = left.filter((j) => j !== i).map((j) => euclidean(x, i, j));
      const near = distances.sort((a, b) => a - b).slice(0, within);
      return near.reduce((a, b) => a + b, 0) / within;
    });
    chosen.push(left[spread.indexOf(Math.min(...spread))]);
  }
  return chosen;
}

describe('TypiClust', () => {
  it('by hand: the middle of the larger group, then of the group without labels', async () => {
    // Groups around 0 (five samples) and around 100 (three).
    const x = points([0], [1], [2], [4], [9], [100], [101], [103]);
    const options = { minimumSize: 1, unitLength: false, neighbours: 2 };
    // Mean distance to the 2 nearest: 0: 1.5, 1: 1, 2: 1.5, 4: 2.5, 9: 6. Of the three, k = 1: 100 and 101 tie.
    expect([...(await typiClust(backend, x, 2, indices(), options))]).toEqual([1, 5]);
    // With 1 labelled there are two clusters for one sample: that without a label.
    expect([...(await typiClust(backend, x, 1, indices(1), options))]).toEqual([5]);
  });

  it.each([1, 2, 3])('is the rule over the same clusters, %i', async (seed) => {
    const x = randomPoints(200, 10, seed, 7);
    for (const labelled of [[], [0, 1, 2, 7, 9]]) {
      const settings = { kMeans: { seed }, neighbours: 5 };
      const chosen = await typiClust(backend, x, 6, Uint32Array.from(labelled), settings);
      const { labels } = await kMeans(backend, unitRows(x), labelled.length + 6, { seed });
      expect([...chosen]).toEqual(naive(unitRows(x), labels, labelled, 6, 5));
    }
  });

  it('with fewer clusters than samples it comes back to them, and leaves small ones for the end', async () => {
    const x = points([0], [1], [2], [3], [5], [8], [100], [101]);
    const chosen = await typiClust(backend, x, 8, indices(), { maximumClusters: 2, unitLength: false });
    expect([...chosen.subarray(0, 6)].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...chosen.subarray(6)]).toEqual([6, 7]);
    expect(chosen[0]).toBe(1);
  });

  it('small pools, copies, nothing left', async () => {
    expect([...(await typiClust(backend, points([1, 0], [2, 0], [0, 3]), 5)).sort()]).toEqual([0, 1, 2]);
    const copies = tensor('f32', [6, 2], new Float32Array(12).fill(2));
    expect([...(await typiClust(backend, copies, 3, indices(1)))].sort()).toEqual([0, 2, 3]);
    expect([...(await typiClust(backend, copies, 3, indices(0, 1, 2, 3, 4, 5)))]).toEqual([]);
    await expect(typiClust(backend, copies, -1)).rejects.toThrow('count');
    await expect(typiClust(backend, copies, 1, indices(9))).rejects.toThrow('labelled[0]');
  });
});

describe('mean distance to neighbours', () => {
  it('is the definition, over several blocks of rows', async () => {
    // 3,000 rows: blocks of 1,398.
    const x = randomPoints(3000, 3, 1);
    const found = await meanNeighbourDistance(backend, x, 4);
    for (const i of [0, 1, 1397, 1398, 2999]) {
      const distances = [...Array(3000).keys()].filter((j) => j !== i).map((j) => euclidean(x, i, j));
      const near = distances.sort((a, b) => a - b).slice(0, 4);
      expect(found[i]).toBeCloseTo(near.reduce((a, b) => a + b, 0) / 4, 4);
    }
  });

  it('counts copies of a sample, but not itself', async () => {
    const found = await meanNeighbourDistance(backend, points([0], [0], [5]), 1);
    expect([...found]).toEqual([0, 0, 5]);
    await expect(meanNeighbourDistance(backend, points([0], [1]), 2)).rejects.toThrow('below the 2 samples');
  });
});
