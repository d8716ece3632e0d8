import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { SampleCache } from '../../src/data/sample_cache.js';
import type { DecodedSample } from '../../src/data/types.js';

const [channels, pixels] = [3, 3000];
const about = { roi: 'mask', originalWidth: 70, originalHeight: 50 } as const satisfies DecodedSample;

function floats(planes: number, seed = 0): Float32Array {
  const rng = new Rng(seed, 'floats');
  const image = Float32Array.from({ length: channels * pixels }, () => rng.normal());
  for (let c = planes; c < channels; c++) image.copyWithin(c * pixels, 0, pixels);
  return image;
}

/** Values of an 8-bit picture, normalised per channel. */
function bytes(planes: number): Float32Array {
  const rng = new Rng(1, 'bytes');
  const image = new Float32Array(channels * pixels);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < pixels; i++) image[c * pixels + i] = (rng.int(256) / 255 - 0.4 - c / 100) / 0.2;
  }
  for (let c = planes; c < channels; c++) image.copyWithin(c * pixels, 0, pixels);
  return image;
}

const region = (seed = 0) => {
  const rng = new Rng(seed, 'region');
  return Uint8Array.from({ length: pixels }, () => rng.int(2));
};

function restored(cache: SampleCache, entry: number) {
  const image = new Float32Array(channels * pixels).fill(7);
  const roi = new Uint8Array(pixels).fill(7);
  return { decoded: cache.read(entry, image, roi), image, roi };
}

const bitsOf = (image: Float32Array) =>
  Buffer.from(image.buffer, image.byteOffset, image.byteLength).toString('base64');

describe('decoded samples in shared memory', () => {
  const room = 1 << 20;

  it.each([
    ['three planes', floats(3), 4 * channels * pixels],
    ['three equal planes', floats(1), 4 * pixels],
    ['three planes of bytes', bytes(3), channels * (1024 + pixels)],
    ['three equal planes of bytes', bytes(1), 1024 + pixels],
    ['a constant', new Float32Array(channels * pixels).fill(-0), 1024 + pixels],
    ['NaN', new Float32Array(channels * pixels).fill(NaN), 1024 + pixels],
  ])('come back bit for bit: %s', (_, image, size) => {
    const cache = SampleCache.create(3, room, channels, pixels);
    expect(restored(cache, 1).decoded).toBeUndefined();
    cache.write(1, about, image, region());
    const { decoded, image: back, roi } = restored(cache, 1);
    expect(decoded).toEqual(about);
    expect(bitsOf(back)).toBe(bitsOf(image));
    expect(roi).toEqual(region());
    expect(cache.bytes).toBe(Math.ceil((size + pixels / 8) / 8) * 8);
    expect(restored(cache, 0).decoded).toBeUndefined();
  });

  it('tell −0 from 0 and keep one bit that differs between channels', () => {
    const image = new Float32Array(channels * pixels);
    image[pixels + 5] = -0;
    const cache = SampleCache.create(1, room, channels, pixels);
    cache.write(0, { ...about, roi: 'none' }, image, new Uint8Array(pixels));
    const { decoded, image: back, roi } = restored(cache, 0);
    expect([decoded?.roi, bitsOf(back)]).toEqual(['none', bitsOf(image)]);
    expect(roi).toEqual(new Uint8Array(pixels));
  });

  it('stay as first written, in every thread', () => {
    const cache = SampleCache.create(1, room, channels, pixels);
    cache.write(0, about, floats(3), region());
    new SampleCache(cache.memory, channels, pixels).write(0, about, floats(3, 1), region(1));
    const other = restored(new SampleCache(structuredClone(cache.memory), channels, pixels), 0);
    expect(bitsOf(other.image)).toBe(bitsOf(floats(3)));
  });

  it('are left out where there is no room; smaller ones still fit; more memory than all need is not asked for', () => {
    const cache = SampleCache.create(3, 4 * channels * pixels + 5000, channels, pixels);
    cache.write(0, about, floats(3), region());
    cache.write(1, about, floats(3), region());
    cache.write(2, about, bytes(1), region());
    const found = [0, 1, 2].map((i) => restored(cache, i).decoded !== undefined);
    expect(found).toEqual([true, false, true]);
    expect(SampleCache.create(2, 2 ** 40, channels, pixels).memory.content.byteLength).toBeLessThan(80_000);
    const none = SampleCache.create(2, 0, channels, pixels);
    none.write(0, about, floats(1), region());
    expect(restored(none, 0).decoded).toBeUndefined();
  });
});
