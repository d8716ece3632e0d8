import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend, type Backend } from '../../src/backend/index.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { committeeDisagreement } from '../../src/features/committee.js';
import { meanCosine } from '../../src/selection/density.js';
import { drawByDistance } from '../../src/selection/distance_sampling.js';
import { kMeans, kMeansFrom } from '../../src/selection/k_means.js';
import { meanNeighbourDistance } from '../../src/selection/neighbours.js';
import { embeddingSpace } from '../../src/selection/space.js';

/** What selection.py writes. */
interface GoldenSet {
  dims: number[];
  samples: number[];
  seedings: { clusters: number; trials: number; uniform: number[]; rows: number[] }[];
  clustering: {
    runs: {
      start: number[][];
      options: { tol?: number; max_iter?: number };
      labels: number[];
      centres: number[][];
      inertia: number;
    }[];
    best: { clusters: number; lowest: number; highest: number };
    single: { mean: number; deviation: number; seeds: number };
  };
  neighbours: { count: number; means: number[] }[];
  meanCosine: number[];
}

const golden = JSON.parse(readFileSync(new URL('selection.json', import.meta.url), 'utf8')) as {
  sets: Record<string, GoldenSet>;
  committee: Record<'dims' | 'probabilities' | 'voteEntropy' | 'consensusEntropy' | 'meanDivergence', number[]>;
};

function expectClose(actual: ArrayLike<number>, expected: readonly number[], relative: number): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) {
    expect(Math.abs(actual[i] - value), `${i}: ${actual[i]}, not ${value}`).toBeLessThanOrEqual(
      relative * (1e-3 + Math.abs(value)),
    );
  }
}

describe.each(Object.entries(golden.sets))('%s against scikit-learn', (_, set) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await openBackend({ prefer: 'native' });
  });
  afterAll(() => backend.close());
  const samples = tensor('f32', set.dims, Float32Array.from(set.samples));

  it.each(set.seedings)('k-means++ draws the same $clusters samples, $trials trials', async (seeding) => {
    const given = [...seeding.uniform];
    const rng = { uniform: () => given.shift()! };
    const { clusters, trials } = seeding;
    const rows = await drawByDistance(embeddingSpace(backend, samples), clusters, rng, { trials });
    expect([...rows]).toEqual(seeding.rows);
    expect(given).toEqual([]);
  });

  it.each(set.clustering.runs.map((run, i) => [i, run] as const))('k-means from given centres, run %i', async (_i, run) => {
    const start = tensor('f32', [run.start.length, set.dims[1]], Float32Array.from(run.start.flat()));
    const { tol: tolerance, max_iter: maxIterations } = run.options;
    const found = await kMeansFrom(backend, samples, start, { tolerance, maxIterations });
    expect([...found.labels]).toEqual(run.labels);
    expectClose(found.centres.data, run.centres.flat(), 2e-6);
    expect(found.inertia / run.inertia).toBeCloseTo(1, 6);
  });

  it('k-means ends as low with restarts, and on average without', async () => {
    const { best, single } = set.clustering;
    const restarted = await kMeans(backend, samples, best.clusters, { restarts: 10, seed: 1 });
    expect(restarted.inertia).toBeGreaterThan(best.lowest * 0.999);
    expect(restarted.inertia).toBeLessThan(best.highest * 1.001);
    let mean = 0;
    const seeds = 60;
    for (let seed = 0; seed < seeds; seed++) {
      mean += (await kMeans(backend, samples, best.clusters, { seed })).inertia / seeds;
    }
    const error = single.deviation * Math.sqrt(1 / seeds + 1 / single.seeds);
    expect(Math.abs(mean - single.mean)).toBeLessThan(4 * error + 1e-9);
  });

  it.each(set.neighbours)('mean distance to $count neighbours', async ({ count, means }) => {
    expectClose(await meanNeighbourDistance(backend, samples, count), means, 1e-5);
  });

  it('mean cosine similarity', () => expectClose(meanCosine(samples), set.meanCosine, 1e-12));
});

it('query by committee against SciPy', () => {
  const { dims, probabilities, ...expected } = golden.committee;
  const p: Tensor<'f64'> = tensor('f64', dims, Float64Array.from(probabilities));
  const found = committeeDisagreement(p);
  for (const name of ['voteEntropy', 'consensusEntropy', 'meanDivergence'] as const) {
    for (const [n, value] of expected[name].entries()) expect(found[name][n]).toBeCloseTo(value, 12);
  }
});
