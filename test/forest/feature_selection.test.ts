import { describe, expect, it } from 'vitest';
import { openBackend } from '../../src/backend/index.js';
import { Rng } from '../../src/core/rng.js';
import { tensor } from '../../src/core/tensor.js';
import { selectFeatures, type LabelledSamples } from '../../src/forest/feature_selection.js';
import { RandomForest } from '../../src/forest/random_forest.js';
import { foldsOf } from '../../src/forest/subset_score.js';
import { allSubsets, exhaustiveCount, searchSubsets, type SubsetScorer } from '../../src/forest/subset_search.js';

/** Accuracy as a made-up function of the subset. */
const scorer =
  (of: (features: readonly number[]) => number): SubsetScorer =>
  (subsets) =>
    Promise.resolve(subsets.map(of));

/** Worth of five features; 1 and 3 help only together. */
const worth = (features: readonly number[]) =>
  features.reduce((sum, f) => sum + [0.1, 0.02, 0.3, 0.02, 0.1][f], 0) +
  (features.includes(1) && features.includes(3) ? 0.5 : 0) -
  0.05 * features.length;

describe('the search', () => {
  it('visits every subset of up to a size once, smaller ones first', () => {
    expect([...allSubsets(4, 2)]).toEqual([[0], [1], [2], [3], [0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]);
    const subsets = [...allSubsets(19, 4)];
    expect(subsets).toHaveLength(19 + 171 + 969 + 3876);
    expect(exhaustiveCount(19, 4)).toBe(5035);
    expect(new Set(subsets.map((s) => s.join())).size).toBe(5035);
    expect([...allSubsets(3, 3)].at(-1)).toEqual([0, 1, 2]);
  });

  it('exhaustive: finds what helps only together', async () => {
    const result = await searchSubsets(5, scorer(worth), { method: 'exhaustive', maxSize: 3, top: 3 });
    expect(result.bySize.map(({ features }) => features)).toEqual([[2], [1, 3], [1, 2, 3]]);
    expect(result.top.map(({ features }) => features)).toEqual([
      [1, 2, 3],
      [0, 1, 3],
      [1, 3, 4],
    ]);
    expect(result).toMatchObject({ scored: 25, total: 25, fits: 25, ended: 'complete', history: [] });
  });

  it('greedy: one feature more per round, with its history', async () => {
    const result = await searchSubsets(5, scorer(worth), { method: 'greedy', maxSize: 3 });
    expect(result.history.map(({ added }) => added)).toEqual([2, 0, 4]);
    expect(result.history.at(-1)).toMatchObject({ features: [0, 2, 4], accuracy: expect.closeTo(0.35, 10) as number });
    expect(result).toMatchObject({ scored: 5 + 4 + 3, total: 12, ended: 'complete' });
  });

  it('ties: fewer features, then the earlier columns; NaN comes last', async () => {
    const { top } = await searchSubsets(
      4,
      scorer((features) => (features.includes(0) ? NaN : 0.5)),
      { method: 'exhaustive', maxSize: 2, top: 7 },
    );
    expect(top.map(({ features }) => features.join())).toEqual(['1', '2', '3', '1,2', '1,3', '2,3', '0']);
  });

  it.each(['exhaustive', 'greedy'] as const)('%s: the same whichever chunk is ready first', async (method) => {
    const noisy: SubsetScorer = async (subsets) => {
      await new Promise((done) => setTimeout(done, new Rng(1, ...subsets[0]).int(5)));
      return subsets.map((features) => Math.round(10 * new Rng(2, ...features).uniform()) / 10);
    };
    const alone = await searchSubsets(9, noisy, { method, maxSize: 3 });
    expect(await searchSubsets(9, noisy, { method, maxSize: 3, parallel: 7 })).toEqual(alone);
  });

  it.each(['exhaustive', 'greedy'] as const)(
    '%s: ends with the number of fits, the best so far in hand',
    async (method) => {
      const options = { method, maxSize: 3, fitsPerSubset: 5, budget: { fits: 40 } };
      const result = await searchSubsets(5, scorer(worth), options);
      expect(result).toMatchObject({ scored: 8, fits: 40, ended: 'fits' });
      expect(result.bySize.map(({ features }) => features)).toEqual(
        method === 'greedy' ? [[2], [0, 2]] : [[2], [0, 2]],
      );
      expect(await searchSubsets(5, scorer(worth), { ...options, parallel: 4 })).toEqual(result);
    },
  );

  it('ends with the time, after one chunk at least; just enough is complete', async () => {
    let now = 0;
    const slow: SubsetScorer = (subsets) => {
      now += 10;
      return scorer(worth)(subsets);
    };
    const options = { method: 'exhaustive', maxSize: 3, clock: () => now } as const;
    const cut = await searchSubsets(5, slow, { ...options, budget: { seconds: 15 } });
    expect(cut).toMatchObject({ scored: 16, total: 25, ended: 'seconds' });
    expect(await searchSubsets(5, slow, { ...options, budget: { seconds: 1e-9 } })).toMatchObject({ scored: 8 });
    const enough = { ...options, budget: { fits: 25, seconds: 1000 } };
    expect(await searchSubsets(5, slow, enough)).toMatchObject({ scored: 25, ended: 'complete' });
  });
});

/** Two classes; of six features 1 and 4 tell them apart, and only together. */
function exclusiveOr(rows: number): LabelledSamples {
  const samples = tensor('f32', [rows, 6]);
  const labels = tensor('u32', [rows]);
  for (let row = 0; row < rows; row++) {
    const rng = new Rng(11, row);
    for (let d = 0; d < 6; d++) samples.data[row * 6 + d] = 2 * rng.uniform() - 1;
    labels.data[row] = Number(samples.data[row * 6 + 1] * samples.data[row * 6 + 4] > 0);
  }
  return { samples, labels, classes: 2 };
}

describe('feature selection with forests', () => {
  const data = exclusiveOr(150);
  const options = { trees: 20, maxSize: 3, seed: 3 };

  it('finds the pair, whatever the number of threads; another seed gives other accuracies', async () => {
    const events: { done: number; total: number; unit?: string }[] = [];
    const onProgress = (event: { done: number; total: number; unit?: string }) => void events.push(event);
    const one = await selectFeatures(data, { ...options, workers: 1, onProgress });
    expect(one.bySize[1].features).toEqual([1, 4]);
    expect(one.bySize[1].accuracy).toBeGreaterThan(0.9);
    expect(one.bySize[0].accuracy).toBeLessThan(0.7);
    expect(events.at(-1)).toMatchObject({ done: 41, total: 41, unit: 'subsets' });
    expect(await selectFeatures(data, { ...options, workers: 3 })).toEqual(one);
    const other = await selectFeatures(data, { ...options, workers: 2, seed: 4 });
    expect(other.top).not.toEqual(one.top);
  });

  it('scores by the out-of-bag accuracy of the forest that the subset names', async () => {
    const { bySize } = await selectFeatures(data, { ...options, maxSize: 1, workers: 1 });
    const backend = await openBackend({ prefer: 'reference' });
    const [feature] = bySize[0].features;
    const column = Float32Array.from({ length: 150 }, (_, row) => data.samples.data[row * 6 + feature]);
    const seed = new Rng(3, 'subset', 0, feature).uint32();
    const forest = await RandomForest.fit(backend, tensor('f32', [150, 1], column), data.labels, 2, {
      trees: 20,
      seed,
    });
    expect(bySize[0].accuracy).toBe(forest.outOfBagAccuracy);
  });

  it('by cross-validation, averaged over seeds, greedily', async () => {
    const result = await selectFeatures(data, { ...options, method: 'greedy', folds: 3, repeats: 2, workers: 2 });
    expect(result).toMatchObject({ scored: 15, fits: 90 });
    const { accuracy } = result.bySize[0];
    expect((accuracy * 300) % 1).toBeCloseTo(0, 6);
    expect(accuracy).toBeLessThan(0.75);
  });

  it('folds are stratified and of equal size', () => {
    const labels = Uint32Array.from({ length: 53 }, (_, i) => (i < 31 ? 0 : i < 45 ? 1 : 2));
    const fold = foldsOf({ ...data, labels: tensor('u32', [53], labels), classes: 3 }, 5, 1, 0);
    for (const c of [0, 1, 2, undefined]) {
      const counts = [0, 1, 2, 3, 4].map(
        (k) => fold.filter((f, i) => f === k && (c === undefined || labels[i] === c)).length,
      );
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }
  });

  it.each([
    ['one class', { ...data, labels: tensor('u32', [150]) }, {}, 'at least two classes'],
    ['more folds than the rarest class has samples', data, { folds: 140 }, 'folds: expected 0, or from 2 to'],
    ['no budget at all', data, { budget: { fits: 0 } }, 'budget.fits: expected a number above 0'],
    ['half a feature', data, { maxSize: 0.5 }, 'maxSize: expected a whole number from 1'],
  ])('refuses %s', async (_, bad, given, message) => {
    await expect(selectFeatures(bad, given)).rejects.toThrow(message);
  });
});
