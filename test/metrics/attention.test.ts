import { describe, expect, it } from 'vitest';
import { attentionAgreement, openBackend, summariseAttention, tensor, type AttentionOptions } from 'sightline';
import { Rng } from '../../src/core/rng.js';

const reference = await openBackend({ prefer: 'reference' });

/** Agreement of one map with one mask, both as rows. */
async function agreement(map: number[][], mask: number[][], options?: AttentionOptions) {
  const dims = [1, map.length, map[0].length];
  const maps = tensor('f32', dims, Float32Array.from(map.flat()));
  const [one] = await attentionAgreement(reference, maps, tensor('u8', dims, Uint8Array.from(mask.flat())), options);
  return one;
}

const map = [
  [0.5, 0.25, 0],
  [0.25, 0.75, 1],
];
const mask = [
  [1, 0, 0],
  [1, 255, 0],
];

describe('agreement of attention and region', () => {
  it('has the numbers worked out by hand', async () => {
    // Inside at 0.5: three pixels of the map, two of them among the three of the region.
    expect(await agreement(map, mask)).toEqual({
      dice: expect.closeTo(4 / 6, 6) as number,
      hit: 0,
      energy: 1.5 / 2.75,
      roiShare: 0.5,
      flat: false,
    });
    expect((await agreement(map, mask, { threshold: 1 })).dice).toBe(0);
    expect((await agreement(map, mask, { dice: 'soft' })).dice).toBeCloseTo(3 / 5.75, 6);
  });

  it('hits nearer than the tolerance, not at it', async () => {
    // The maximum lies 1 pixel beside the region.
    expect((await agreement(map, mask, { tolerance: 1 })).hit).toBe(0);
    expect((await agreement(map, mask, { tolerance: 1.01 })).hit).toBe(1);
    const corner = [
      [1, 0, 0],
      [0, 0, 0],
    ];
    // From (1, 2) to (0, 0): √5.
    expect((await agreement(map, corner, { tolerance: 2.23 })).hit).toBe(0);
    expect((await agreement(map, corner, { tolerance: 2.24 })).hit).toBe(1);
    expect(
      (
        await agreement(map, [
          [0, 0, 0],
          [0, 0, 1],
        ])
      ).hit,
    ).toBe(1);
  });

  it('takes the first of several maxima', async () => {
    expect((await agreement([[1, 0, 1]], [[1, 0, 0]])).hit).toBe(1);
    expect((await agreement([[1, 0, 1]], [[0, 0, 1]])).hit).toBe(0);
  });

  it('says nothing without a region, and 0 of a map without attention', async () => {
    expect(
      await agreement(map, [
        [0, 0, 0],
        [0, 0, 0],
      ]),
    ).toEqual({
      dice: NaN,
      hit: NaN,
      energy: NaN,
      roiShare: 0,
      flat: false,
    });
    expect(await agreement([[0, 0]], [[1, 0]])).toEqual({ dice: 0, hit: 0, energy: 0, roiShare: 0.5, flat: true });
    // Above a threshold of 0 a map of zeros would be inside everywhere.
    expect((await agreement([[0, 0]], [[1, 1]], { threshold: 0 })).dice).toBe(0);
  });

  it('is 1 throughout for a map that is the region', async () => {
    expect(await agreement([[0, 1, 1]], [[0, 1, 1]])).toMatchObject({ dice: 1, hit: 1, energy: 1 });
  });

  it('keeps samples apart', async () => {
    const maps = tensor('f32', [2, 1, 2], Float32Array.of(1, 0, 0, 1));
    const masks = tensor('u8', [2, 1, 2], Uint8Array.of(1, 0, 1, 0));
    const both = await attentionAgreement(reference, maps, masks);
    expect(both.map(({ dice, hit, energy }) => [dice, hit, energy])).toEqual([
      [1, 1, 1],
      [0, 0, 0],
    ]);
    expect(await attentionAgreement(reference, tensor('f32', [0, 2, 2]), tensor('u8', [0, 2, 2]))).toEqual([]);
  });

  it('of noise is the share of the region', async () => {
    const rng = new Rng(5, 'noise');
    const [count, side] = [400, 10];
    const maps = tensor('f32', [count, side, side]);
    const masks = tensor('u8', [count, side, side]);
    for (let i = 0; i < maps.data.length; i++) maps.data[i] = rng.uniform();
    masks.data.forEach((_, i) => (masks.data[i] = Number(i % 4 === 0)));
    const summary = summariseAttention(await attentionAgreement(reference, maps, masks));
    expect(summary.roiShare).toBe(0.25);
    expect(Math.abs(summary.energy - 0.25)).toBeLessThan(0.005);
    // Standard error 0.022.
    expect(Math.abs(summary.pointing - 0.25)).toBeLessThan(0.08);
  });

  it('refuses what is no saliency map', async () => {
    await expect(agreement([[0, -0.1]], [[1, 0]])).rejects.toThrow(
      /maps\[0\], pixel 1: expected a value of 0 or more, received -0.1/,
    );
    await expect(agreement([[NaN, 1]], [[1, 0]])).rejects.toThrow(/received NaN/);
    await expect(agreement([[1]], [[1]], { tolerance: -1 })).rejects.toThrow(/tolerance/);
    const call = attentionAgreement(reference, tensor('f32', [1, 2, 2]), tensor('u8', [1, 2, 3]));
    await expect(call).rejects.toThrow(/expected maps and masks \[B, H, W\] of one size/);
  });
});

describe('summary of attention on a test set', () => {
  const sample = (hit: number, dice: number) => ({ dice, hit, energy: dice / 2, roiShare: 0.25, flat: false });
  const without = { dice: NaN, hit: NaN, energy: NaN, roiShare: 0, flat: true };
  const agreements = [sample(1, 0.5), sample(1, 0.75), sample(0, 0.25), without, { ...sample(0, 0), flat: true }];

  it('leaves samples without region out', () => {
    expect(summariseAttention(agreements)).toEqual({
      dice: 0.375,
      pointing: 0.5,
      classPointing: NaN,
      energy: 0.1875,
      roiShare: 0.25,
      samples: 4,
      withoutRegion: 1,
      flat: 1,
    });
  });

  it('averages hits over classes', () => {
    // Class a: 2 of 3; class b: 0 of 1; class c has no region.
    expect(summariseAttention(agreements, ['a', 'a', 'a', 'c', 'b']).classPointing).toBeCloseTo(1 / 3, 15);
    expect(() => summariseAttention(agreements, ['a'])).toThrow(/classes: expected 5 values/);
  });

  it('is undefined without samples', () => {
    expect(summariseAttention([])).toMatchObject({ dice: NaN, pointing: NaN, samples: 0, withoutRegion: 0 });
  });
});
