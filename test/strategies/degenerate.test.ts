import { describe, expect, it } from 'vitest';
import { criteria } from '../../src/core/criteria.js';
import { Rng } from '../../src/core/rng.js';
import { defaultContext, loopColumns, rankPool, strategies, type StrategyContext } from '../../src/strategies/index.js';
import { reordered, toyPool, type ToyPool } from './pools.js';
import { referenceBackend as backend } from './reference.js';

const context: StrategyContext = { ...defaultContext, borda: [{ feature: 'saliency_firstorder_Mean', first: 'high' }] };
const names = [...strategies.keys()];
const featureNames = [
  ...Object.keys(loopColumns),
  ...new Set([...strategies.values()].flatMap((strategy) => strategy.features?.(context) ?? [])),
];

/** A pool that has all that any strategy reads; `value` gives the numbers, in [0, 1]. */
function fullPool(ids: string, value: (name: string, row: number) => number): ToyPool {
  const column = (name: string) => [...ids].map((_, row) => value(name, row));
  const table = (of: readonly string[]) => Object.fromEntries(of.map((name) => [name, column(name)]));
  return {
    ids,
    columns: table(criteria),
    features: table(featureNames),
    predicted: column('predicted').map((v) => Math.floor((v || 0) * 3)),
    probabilities: column('p').map((p) => [p, 1 - p]),
    embeddings: [...ids].map((_, row) => [value('x', row), value('y', row), value('z', row)]),
    labelled: [[0.5, 0.5, 0.5]],
  };
}

const same = () => 0.5;
const none = () => NaN;
const drawn = (name: string, row: number) => new Rng(7, name, row).uniform();

async function rank(name: string, toy: ToyPool, count: number, more: Partial<StrategyContext> = {}) {
  const ranking = await rankPool(strategies.get(name)!, toyPool(toy), { ...context, ...more }, { backend, count });
  expect(ranking.scores).toHaveLength(toy.ids.length);
  const order = [...ranking.order].map((row) => toy.ids[row]).join('');
  expect([...order].sort()).toEqual([...toy.ids].sort());
  return order;
}

describe.each(names)('%s', (name) => {
  const toy = fullPool('hgfedcbaonmlkji', drawn);
  const chooses = Boolean(strategies.get(name)!.choose);
  const drawing = name.startsWith('random');

  it('gives the same batch whatever the order of the pool', async () => {
    const shuffled = reordered(toy, new Rng(1, 'order').shuffle([...Array(15).keys()]));
    for (const diversity of [null, { method: 'k-center', factor: 2 }, { method: 'k-means', factor: 2 }] as const) {
      const first = await rank(name, toy, 4, { diversity });
      expect(await rank(name, shuffled, 4, { diversity })).toBe(first);
      expect(await rank(name, toy, 4, { diversity })).toBe(first);
    }
  });

  it('ranks an empty pool, a single sample, and a pool smaller than the batch', async () => {
    expect(await rank(name, fullPool('', drawn), 3)).toBe('');
    expect(await rank(name, fullPool('a', drawn), 1)).toBe('a');
    await rank(name, fullPool('abc', drawn), 50);
    await rank(name, fullPool('abc', drawn), 50, { diversity: { method: 'k-center', factor: 10 } });
  });

  it('needs no labelled samples', async () => {
    await rank(name, { ...toy, labelled: undefined }, 5);
    await rank(name, { ...toy, labelled: [] }, 5);
  });

  it('equal samples: by id, unless they are drawn or clustered', async () => {
    const order = await rank(name, fullPool('dbcae', same), 5);
    if (!drawing && name !== 'typiclust') expect(order).toBe('abcde');
  });

  it('numbers that do not exist put a sample last, and stop nothing', async () => {
    const broken = fullPool('abcde', (column, row) => (row === 1 ? NaN : drawn(column, row)));
    const at = (await rank(name, broken, 3)).indexOf('b');
    // A choice of three leaves two, by id.
    if (!['random', 'random-stratified'].includes(name)) expect(at).toBeGreaterThanOrEqual(chooses ? 3 : 4);
    await rank(name, fullPool('abcde', none), 3);
  });
});
