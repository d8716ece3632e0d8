import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend, type Backend } from '../../src/backend/index.js';
import { Rng } from '../../src/core/rng.js';
import { tensor } from '../../src/core/tensor.js';
import { clusterGains, propagateRanks, rankClusters } from '../../src/selection/deep_features/cluster_ranks.js';
import { clusterLatents } from '../../src/selection/deep_features/latent_clusters.js';
import { mapVectors } from '../../src/selection/deep_features/map_vectors.js';
import { learnRanks, rankScores, updateRanks } from '../../src/selection/deep_features/rank_forest.js';
import { OnlineForest } from '../../src/forest/online_forest.js';
import { euclidean, indices, points, randomPoints } from './points.js';

let backend: Backend;
beforeAll(async () => void (backend = await openBackend({ prefer: 'native' })));
afterAll(() => backend.close());

describe('maps as vectors', () => {
  it('averages and flattens, map by map', async () => {
    const maps = tensor(
      'f32',
      [2, 4, 4],
      Float32Array.from({ length: 32 }, (_, i) => (i < 16 ? i / 16 : 0.25)),
    );
    const { dims, data } = await mapVectors(backend, maps, 2);
    expect(dims).toEqual([2, 4]);
    // The first map rises to the right and downwards; the second is constant.
    expect(data[1] - data[0]).toBeCloseTo(data[3] - data[2], 6);
    expect(data[2] - data[0]).toBeCloseTo(4 * (data[1] - data[0]), 6);
    expect(data[0] + data[1] + data[2] + data[3]).toBeCloseTo(4 * (7.5 / 16), 6);
    expect([...data.subarray(4)]).toEqual(Array(4).fill(expect.closeTo(0.25, 6)));
    expect((await mapVectors(backend, maps, 4)).data).toEqual(maps.data);
    expect((await mapVectors(backend, tensor('f32', [0, 4, 4]))).dims).toEqual([0, 4096]);
  });

  it('refuses what is no map', async () => {
    await expect(mapVectors(backend, points([1]))).rejects.toThrow('expected [N,H,W], received [1,1]');
    await expect(mapVectors(backend, tensor('f32', [1, 2, 2]), 0)).rejects.toThrow('size');
  });
});

describe('latent clusters', () => {
  it('by hand: two groups, each with the sample nearest to its mean', async () => {
    // Means 3 and 61: 2 and 61 are nearest.
    const found = await clusterLatents(backend, points([0], [2], [7], [60], [61], [62]), { clusters: 2 });
    expect([...found.sizes]).toEqual([3, 3]);
    expect([...found.representatives].sort()).toEqual([1, 4]);
    expect(found.labels[found.representatives[0]]).toBe(0);
    expect([...found.centres.data].sort()).toEqual([3, 61]);
  });

  it('every cluster has samples, and its representative is one of them, nearer than any other', async () => {
    const latents = randomPoints(400, 32, 3, 10);
    const found = await clusterLatents(backend, latents, { seed: 5 });
    expect(found.sizes.length).toBe(10);
    expect(found.sizes.reduce((a, b) => a + b)).toBe(400);
    const withCentres = tensor('f32', [410, 32], Float32Array.of(...latents.data, ...found.centres.data));
    found.representatives.forEach((row, c) => {
      expect(found.labels[row]).toBe(c);
      const own = euclidean(withCentres, row, 400 + c);
      found.labels.forEach((label, i) => {
        if (label === c) expect(euclidean(withCentres, i, 400 + c)).toBeGreaterThanOrEqual(own - 1e-6);
      });
    });
    expect(await clusterLatents(backend, latents, { seed: 5 })).toEqual(found);
  });

  it('copies of fewer codes give fewer clusters', async () => {
    const found = await clusterLatents(backend, points([1], [1], [4], [4], [4]), { clusters: 3 });
    expect([...found.sizes].sort()).toEqual([2, 3]);
    expect([...found.representatives].sort()).toEqual([0, 2]);
    expect(found.centres.dims).toEqual([2, 1]);
    await expect(clusterLatents(backend, points([1]), {})).rejects.toThrow('clusters');
  });
});

describe('ranks of clusters', () => {
  it('means of ΔAUC over trials, with their standard errors', () => {
    const after = tensor('f64', [3, 3], Float64Array.of(0.75, 0.5, NaN, 0.875, 0.5, NaN, 0.75, NaN, NaN));
    const { means, standardErrors } = clusterGains(Float64Array.of(0.5, 0.5, 0.25), after);
    // Δ = 0.25, 0.375, 0.5; 0, 0; none. Standard deviations 0.125 and 0.
    expect([...means]).toEqual([0.375, 0, NaN]);
    expect([...standardErrors]).toEqual([expect.closeTo(0.125 / Math.sqrt(3), 12), 0, NaN]);
    expect([...clusterGains(Float64Array.of(0.5), tensor('f64', [1, 1])).standardErrors]).toEqual([NaN]);
    expect(() => clusterGains(Float64Array.of(1), after)).toThrow(
      'expected [1,K], as many trials as before, received [3,3]',
    );
  });

  it('largest gain first, also below 0; ties by size, then by cluster; NaN last', () => {
    const gains = Float64Array.of(0.01, -0.02, 0.01, NaN, 0.03, 0.01, NaN, -Infinity);
    expect([...rankClusters(gains, indices(5, 9, 7, 1, 2, 5, 4, 2))]).toEqual([3, 5, 2, 8, 1, 4, 6, 7]);
    expect(() => rankClusters(gains, indices(1))).toThrow('one for each of 8 gains, received 1');
  });

  it('members take the rank of their cluster', () => {
    expect([...propagateRanks(indices(2, 0, 0, 1), indices(3, 1, 2)).data]).toEqual([2, 3, 3, 1]);
  });
});

describe('the forest of ranks', () => {
  const forestOptions = { trees: 30, seed: 1 };

  it('scores are minus the expected rank', () => {
    const forest = {
      predictProbabilities: () => points([1, 0, 0], [0.5, 0.25, 0.25], [0, 0, 1]),
    } as unknown as OnlineForest;
    expect([...rankScores(forest, points([0], [0], [0]))]).toEqual([-1, -1.75, -3]);
  });

  it('Algorithm 2 from codes to scores: new samples come in the order of their groups’ worth', async () => {
    // Ten groups of latent codes; labelling one of group g is worth (9 − g) / 100, measured with noise.
    const latents = randomPoints(600, 32, 7, 10);
    const clusters = await clusterLatents(backend, latents, { seed: 1 });
    const rng = new Rng(1, 'noise');
    const worth = [...clusters.representatives].map((row) => (9 - (row % 10)) / 100);
    const after = Float64Array.from({ length: 50 }, (_, i) => 0.7 + worth[i % 10] + 0.002 * rng.normal());
    const { means } = clusterGains(new Float64Array(5).fill(0.7), tensor('f64', [5, 10], after));
    const ranks = rankClusters(means, clusters.sizes);
    const learnt = tensor('f32', [500, 32], latents.data.subarray(0, 500 * 32));
    const labels = propagateRanks(clusters.labels, ranks);
    labels.data.forEach((rank, i) => expect(rank).toBe((i % 10) + 1));
    const forest = learnRanks(learnt, tensor('u32', [500], labels.data.subarray(0, 500)), forestOptions);
    const fresh = tensor('f32', [100, 32], latents.data.subarray(500 * 32));
    const scores = rankScores(forest, fresh);
    const error = scores.reduce((sum, score, i) => sum + Math.abs(-score - ((i % 10) + 1)), 0) / 100;
    expect(error).toBeLessThan(0.5);
    // A later round turns the order round: the forest follows what it goes on learning.
    const turned = labels.data.map((rank) => 11 - rank);
    for (let pass = 0; pass < 8; pass++) updateRanks(forest, learnt, tensor('u32', [500], turned.subarray(0, 500)));
    const later = rankScores(forest, fresh);
    expect(later[0]).toBeLessThan(scores[0] - 1);
  });

  it('refuses rank 0 and a forest that has learnt nothing', () => {
    expect(() => learnRanks(points([1]), tensor('u32', [1]))).toThrow('ranks[0]: expected a rank from 1, received 0');
    expect(() => rankScores(new OnlineForest(1), points([1]))).toThrow('expected one that has learnt ranks');
  });
});
