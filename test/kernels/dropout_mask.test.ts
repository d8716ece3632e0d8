import { expect, it } from 'vitest';
import { openBackend } from '../../src/backend/index.js';
import { philox4x32, streamKey } from '../../src/core/rng.js';
import { dropoutMask } from '../../src/kernels/dropout_mask.js';

const backend = await openBackend({ prefer: 'native' });
const draw = async (given: Partial<Record<keyof typeof dropoutMask.params, number>>) =>
  (await backend.run(dropoutMask, {}, { ...dropoutMask.params, ...given })).mask.data;

it('drops the share that it is told, and keeps the mean', async () => {
  for (const rate of [0, 0.1, 0.5, 0.9]) {
    const mask = await draw({ count: 200_000, rate, ...streamKey(3, 'layer') });
    const kept = Math.fround(1 / (1 - rate));
    expect(mask.every((v) => v === 0 || v === kept)).toBe(true);
    // Five standard deviations of a share.
    const share = mask.reduce((sum, v) => sum + Number(v === 0), 0) / mask.length;
    expect(Math.abs(share - rate)).toBeLessThanOrEqual(5 * Math.sqrt((rate * (1 - rate)) / mask.length));
  }
});

it('gives a value the same factor however many are drawn', async () => {
  const key = streamKey(3, 'layer');
  const long = await draw({ count: 1000, ...key });
  for (const count of [1, 63, 64, 100, 999]) expect(await draw({ count, ...key })).toEqual(long.slice(0, count));
});

it('decides by the word of the block that the definition names', async () => {
  const { keyLow, keyHigh } = streamKey(8);
  const mask = await draw({ count: 300, keyLow, keyHigh, draw: 2 ** 32 + 7, rate: 0.25 });
  for (const [i, block, word] of [
    [0, 0, 0],
    [17, 1, 1],
    [63, 15, 3],
    [64, 16, 0],
    [299, 64 + 11, 2],
  ]) {
    const words = philox4x32([block, 0, 7, 1], [keyLow, keyHigh]);
    expect(mask[i] === 0).toBe(words[word] < 2 ** 30);
  }
});

it('draws others for another key and another draw', async () => {
  const masks = [
    await draw({ count: 2000, ...streamKey(3, 'layer') }),
    await draw({ count: 2000, ...streamKey(3, 'other') }),
    await draw({ count: 2000, ...streamKey(4, 'layer') }),
    await draw({ count: 2000, ...streamKey(3, 'layer'), draw: 1 }),
    await draw({ count: 2000, ...streamKey(3, 'layer'), draw: 2 ** 32 }),
  ];
  masks.forEach((a, i) => {
    for (const b of masks.slice(0, i)) {
      const same = a.reduce((sum, v, k) => sum + Number(v === b[k]), 0) / a.length;
      expect(Math.abs(same - 0.5)).toBeLessThan(5 * Math.sqrt(0.25 / a.length));
    }
  });
});

it.each([{ rate: 1 }, { rate: -0.1 }, { rate: NaN }, { count: -1 }, { draw: 0.5 }, { keyLow: 2 ** 32 }])(
  'refuses %j',
  async (given) => {
    await expect(draw(given)).rejects.toMatchObject({ code: 'E_ARGUMENT' });
  },
);
