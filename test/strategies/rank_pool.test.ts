import { describe, expect, it } from 'vitest';
import { defaultContext, findStrategy, rankPool, vectorsOf, type StrategyContext } from '../../src/strategies/index.js';
import { toyPool, type ToyPool } from './pools.js';
import { referenceBackend as backend } from './reference.js';

const rank = async (
  name: string,
  toy: ToyPool,
  count: number,
  context: Partial<StrategyContext> = {},
  reverse = false,
) => {
  const ranked = await rankPool(
    findStrategy(name),
    toyPool(toy),
    { ...defaultContext, ...context },
    { backend, count, reverse },
  );
  return { order: [...ranked.order].map((row) => toy.ids[row]).join(''), scores: [...ranked.scores] };
};

// On a line; by kurtosis a, b, c, d, e, f.
const line: ToyPool = {
  ids: 'abcdef',
  columns: { kurtosis: [6, 5, 4, 3, 2, 1] },
  embeddings: [[0], [1], [2], [50], [51], [100]],
};
const kCenter = { method: 'k-center', factor: 2 } as const;
const kMeans = { method: 'k-means', factor: 2 } as const;

describe('strategies that score', () => {
  it('by score, ties by id, none last; the other way round only the scores are', async () => {
    const toy: ToyPool = { ids: 'dcba', columns: { kurtosis: [1, NaN, 2, 1] } };
    expect(await rank('kurtosis', toy, 2)).toEqual({ order: 'badc', scores: [1, NaN, 2, 1] });
    expect((await rank('kurtosis', toy, 2, {}, true)).order).toBe('adbc');
  });
});

describe('strategies that choose', () => {
  const toy: ToyPool = { ids: 'dcba', embeddings: [[10], [4], [1], [0]], labelled: [[1]] };

  it('the chosen ones first, with count, count − 1 …; the others by id', async () => {
    expect(await rank('core-set', toy, 2)).toEqual({ order: 'dcab', scores: [2, 1, NaN, NaN] });
    expect(await rank('core-set', toy, 0)).toEqual({ order: 'abcd', scores: [NaN, NaN, NaN, NaN] });
  });

  it('a count above the pool chooses all', async () => {
    expect(await rank('core-set', toy, 9)).toEqual({ order: 'dcab', scores: [9, 8, 6, 7] });
  });
});

describe('diversity step', () => {
  it('k-center: of the top four a, b, c and d, a and what is farthest from it; then the ranking', async () => {
    expect(await rank('kurtosis', line, 2, { diversity: kCenter })).toEqual({
      order: 'adbcef',
      scores: [6, 5, 4, 3, 2, 1],
    });
  });

  it('k-center: from the label at −1, d is farthest, then c at 3', async () => {
    expect((await rank('kurtosis', { ...line, labelled: [[-1]] }, 2, { diversity: kCenter })).order).toBe('dcabef');
  });

  it('k-means: {a, b, c} and {d}: the middle of each, in the order of the ranking; labels play no part', async () => {
    for (let seed = 0; seed < 5; seed++) {
      expect((await rank('kurtosis', line, 2, { diversity: kMeans, seed })).order).toBe('bdacef');
      const labelled = [[-1]];
      expect((await rank('kurtosis', { ...line, labelled }, 2, { diversity: kMeans, seed })).order).toBe('bdacef');
    }
  });

  it('samples without a score or an embedding are no candidates', async () => {
    const kurtosis = [NaN, 5, 4, 3, 2, 1];
    const embeddings = [[0], [1], [NaN], [50], [51], [100]];
    // Candidates b, d, e, f: b, then f.
    const { order } = await rank('kurtosis', { ...line, columns: { kurtosis }, embeddings }, 2, { diversity: kCenter });
    expect(order).toBe('bfcdea');
  });

  it('a count above the pool is the ranking', async () => {
    expect((await rank('kurtosis', line, 9, { diversity: kCenter })).order).toBe('abcdef');
  });

  it('after a strategy that chooses: three for one, of d, c and a at 10, 4 and 0 the nearest to their mean', async () => {
    const toy: ToyPool = { ids: 'abcd', embeddings: [[0], [1], [4], [10]], labelled: [[1]] };
    const diversity = { method: 'k-means', factor: 3 } as const;
    expect(await rank('core-set', toy, 1, { diversity })).toEqual({ order: 'cabd', scores: [NaN, NaN, 1, NaN] });
  });

  it('names the vectors that the pass has to compute', () => {
    const vectors = (name: string, diversity: StrategyContext['diversity']) =>
      [...vectorsOf(findStrategy(name), { ...defaultContext, diversity })].sort();
    expect(vectors('kurtosis', null)).toEqual([]);
    expect(vectors('kurtosis', kMeans)).toEqual(['embeddings']);
    expect(vectors('kurtosis', kCenter)).toEqual(['embeddings', 'labelled']);
    expect(vectors('core-set', null)).toEqual(['embeddings', 'labelled']);
    expect(vectors('badge', null)).toEqual(['embeddings']);
  });
});

describe('what is refused', () => {
  it('a reversed choice, and a reversed diverse batch', async () => {
    await expect(rank('core-set', line, 2, {}, true)).rejects.toMatchObject({ code: 'E_ARGUMENT', where: 'reverse' });
    const diverse = rank('kurtosis', line, 2, { diversity: kCenter }, true);
    await expect(diverse).rejects.toMatchObject({ code: 'E_ARGUMENT', where: 'reverse' });
  });

  it('counts, factors and methods that are none', async () => {
    await expect(rank('kurtosis', line, -1)).rejects.toThrow('count');
    await expect(rank('kurtosis', line, 2, { diversity: { ...kCenter, factor: 0.5 } })).rejects.toThrow('factor');
    const method = 'k-medoids' as 'k-means';
    await expect(rank('kurtosis', line, 2, { diversity: { method, factor: 2 } })).rejects.toThrow('method');
  });

  it('a diversity step without embeddings', async () => {
    const { embeddings: _, ...without } = line;
    await expect(rank('kurtosis', without, 2, { diversity: kCenter })).rejects.toThrow('embeddings');
  });
});
