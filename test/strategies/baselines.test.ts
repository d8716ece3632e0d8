import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { referenceBackend } from './reference.js';
import { batchOf, reordered, scoresOf, type ToyPool } from './pools.js';

const nan = NaN;
const batch = (...args: Parameters<typeof batchOf> extends [unknown, ...infer Rest] ? Rest : never) =>
  batchOf(referenceBackend, ...args);

describe('roi-area', () => {
  it('largest region first, an empty one after, samples without one last, by id', async () => {
    const toy: ToyPool = { ids: 'dcba', columns: { roi_area: [nan, 0.1, 0.4, nan] } };
    expect(await batch('roi-area', toy, 4)).toBe('bcad');
    expect(await batch('roi-area', { ids: 'abc', columns: { roi_area: [nan, 0, 0.2] } }, 3)).toBe('cba');
  });
});

describe('random-roi', () => {
  const toy: ToyPool = { ids: 'abcdef', columns: { roi_area: [nan, 0.3, 0, 0.1, nan, 0.2] } };

  it('b, d and f have a region and come first; within each part the order is that of random', async () => {
    for (let seed = 0; seed < 8; seed++) {
      const random = await batch('random', toy, 6, { seed });
      const expected = [...random].sort((a, b) => Number('bdf'.includes(b)) - Number('bdf'.includes(a)));
      expect(await batch('random-roi', toy, 6, { seed })).toBe(expected.join(''));
    }
  });
});

describe('random-stratified', () => {
  // Class 0: a–e, class 1: f, g, class 2: h.
  const toy: ToyPool = { ids: 'abcdefgh', predicted: [0, 0, 0, 0, 0, 1, 1, 2] };
  const classes = (ids: string) => [...ids].map((id) => toy.predicted!['abcdefgh'.indexOf(id)]);

  it('classes take turns: one of each in the first three, then 0 and 1, then what is left of 0', async () => {
    for (let seed = 0; seed < 8; seed++) {
      const all = classes(await batch('random-stratified', toy, 8, { seed }));
      expect(all.slice(0, 3).sort()).toEqual([0, 1, 2]);
      expect(all.slice(3, 5).sort()).toEqual([0, 1]);
      expect(all.slice(5)).toEqual([0, 0, 0]);
    }
  });

  it('the order within a class is that of random; the class that begins is drawn', async () => {
    const begins = new Set<number>();
    for (let seed = 0; seed < 16; seed++) {
      const [own, random] = [
        await batch('random-stratified', toy, 8, { seed }),
        await batch('random', toy, 8, { seed }),
      ];
      const ofClass0 = (ids: string) => [...ids].filter((id) => 'abcde'.includes(id));
      expect(ofClass0(own)).toEqual(ofClass0(random));
      begins.add(classes(own)[0]);
    }
    expect([...begins].sort()).toEqual([0, 1, 2]);
  });

  it('does not depend on the order of the pool', async () => {
    const backwards = reordered(toy, [7, 6, 5, 4, 3, 2, 1, 0]);
    expect(await batch('random-stratified', backwards, 8)).toBe(await batch('random-stratified', toy, 8));
  });

  it('minus the turn plus a draw of its own', () => {
    // One class, one sample: turn 0.
    const own = new Rng(3, 'random-stratified', 'a').uniform();
    expect(scoresOf('random-stratified', { ids: 'a' }, { seed: 3 })).toEqual([own]);
  });
});

describe('xal-roi-control', () => {
  // XAL (α = ½, largest entropy 1): a ½·0.9 + ½·0.8 = 0.85, h (no region) its entropy, 0.8; then b 0.5, c 0.4 … f 0.1, g 0.05.
  const toy: ToyPool = {
    ids: 'abcdefgh',
    columns: {
      entropy: [0.9, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05, 0.8],
      margin: [0, 0, 0, 0, 0, 0, 0, 0],
      dice: [0.2, 0.5, 0.6, 0.7, 0.8, nan, nan, nan],
      roi_area: [0.1, 0.5, 0.12, 0.11, 0.3, nan, nan, nan],
    },
  };
  const context = { maximumEntropy: 1, roiNeighbours: 2 };

  it('replaces each of XAL’s own by one of the k nearest in area, or by one without a region', async () => {
    expect(await batch('xal', toy, 2, context)).toBe('ah');
    const seen = new Set<string>();
    for (let seed = 0; seed < 24; seed++) seen.add(await batch('xal-roi-control', toy, 2, { ...context, seed }));
    // For a (0.1): d (0.11) or c (0.12). For h, without a region: f or g, whatever k is.
    expect([...seen].sort()).toEqual(['cf', 'cg', 'df', 'dg']);
  });

  it('one neighbour leaves nothing to chance: the nearest that is free, in the order of XAL', async () => {
    // XAL's first three: a, h, b (0.5). Nearest to a: d; to b: e (0.3).
    const chosen = await batch('xal-roi-control', toy, 3, { ...context, roiNeighbours: 1 });
    expect(chosen).toMatch(/^d[fg]e$/);
  });

  it('those as near as the last of the k take part', async () => {
    const columns = { ...toy.columns, roi_area: [0.25, 0.5, 0.125, 0.375, 0.75, nan, nan, nan] };
    const seen = new Set<string>();
    for (let seed = 0; seed < 24; seed++) {
      seen.add((await batch('xal-roi-control', { ...toy, columns }, 1, { ...context, roiNeighbours: 1, seed }))[0]);
    }
    expect([...seen].sort()).toEqual(['c', 'd']); // 0.125 from 0.25, both
  });

  it('keeps XAL’s own where there is no other, and takes every sample once', async () => {
    expect(await batch('xal-roi-control', toy, 8, context)).toBe(await batch('xal', toy, 8, context));
    const most = await batch('xal-roi-control', toy, 6, context);
    expect(new Set(most).size).toBe(6);
  });

  it('draws for a sample depend on its id, not on the order of the pool', async () => {
    const mixed = reordered(toy, [3, 7, 0, 5, 2, 6, 1, 4]);
    for (let seed = 0; seed < 6; seed++) {
      const settings = { ...context, seed };
      expect(await batch('xal-roi-control', mixed, 4, settings)).toBe(await batch('xal-roi-control', toy, 4, settings));
    }
  });

  it('refuses a number of neighbours below 1', async () => {
    await expect(batch('xal-roi-control', toy, 2, { roiNeighbours: 0 })).rejects.toThrow('roiNeighbours');
  });
});
