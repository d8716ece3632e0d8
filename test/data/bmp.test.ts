import { describe, expect, it } from 'vitest';
import { decodePicture } from '../../src/data/readers.js';
import { writeBmp, type BmpParts } from './bmp_writer.js';

const greys = [0, 100, 255].map((v) => [v, v, v]);
const decode = (parts: BmpParts) => decodePicture(writeBmp(parts), 'a.bmp');

describe('BMP', () => {
  it('8 bit, bottom-up with padding; a grey palette gives one channel', async () => {
    const picture = await decode({
      width: 3,
      height: 2,
      bits: 8,
      palette: greys,
      rows: Uint8Array.of(0, 1, 2, 0, 2, 1, 0, 0),
    });
    expect(picture.channels).toBe(1);
    expect([...picture.data]).toEqual([255, 100, 0, 0, 100, 255]);
  });

  it('8 bit, top-down; a coloured palette gives three', async () => {
    const picture = await decode({
      width: 2,
      height: -1,
      bits: 8,
      palette: [
        [1, 2, 3],
        [4, 5, 6],
      ],
      rows: Uint8Array.of(1, 0, 0, 0),
    });
    expect([picture.height, picture.channels]).toEqual([1, 3]);
    expect([...picture.data]).toEqual([4, 5, 6, 1, 2, 3]);
  });

  it('4 bit and 1 bit', async () => {
    const four = await decode({ width: 3, height: 1, bits: 4, palette: greys, rows: Uint8Array.of(0x12, 0x00, 0, 0) });
    expect([...four.data]).toEqual([100, 255, 0]);
    const one = await decode({
      width: 10,
      height: 1,
      bits: 1,
      palette: [greys[0], greys[2]],
      rows: Uint8Array.of(0b10110000, 0b01000000, 0, 0),
    });
    expect([...one.data]).toEqual([255, 0, 255, 255, 0, 0, 0, 0, 0, 255]);
  });

  it('RLE8 with runs, literals, jumps and line ends', async () => {
    const rows = Uint8Array.of(3, 1, 0, 0, 0, 3, 2, 1, 2, 0, 0, 0, 0, 2, 1, 0, 2, 2, 0, 1);
    const picture = await decode({ width: 3, height: 3, bits: 8, compression: 1, palette: greys, rows });
    expect([...picture.data]).toEqual([0, 255, 255, 255, 100, 255, 100, 100, 100]);
  });

  it('16, 24 and 32 bit colour', async () => {
    const deep = await decode({ width: 1, height: 1, bits: 24, rows: Uint8Array.of(3, 2, 1, 0) });
    expect([...deep.data]).toEqual([1, 2, 3]);
    const wide = await decode({ width: 1, height: 1, bits: 32, rows: Uint8Array.of(3, 2, 1, 77) });
    expect([...wide.data]).toEqual([1, 2, 3]);
    const fields = await decode({
      width: 1,
      height: 1,
      bits: 32,
      compression: 3,
      masks: [0xff, 0xff00, 0xff0000],
      rows: Uint8Array.of(3, 2, 1, 0),
    });
    expect([...fields.data]).toEqual([3, 2, 1]);
    const half = await decode({ width: 1, height: 1, bits: 16, rows: Uint8Array.of(0xff, 0x7f, 0, 0) });
    expect([...half.data]).toEqual([255, 255, 255]);
  });

  it('a label map is its indices, whatever the palette; one bit is its colours', async () => {
    // Background is painted white, an object black: the colours say the opposite of the indices.
    const palette = [255, 0, 7].map((v) => [v, v, 3]);
    const map = writeBmp({ width: 3, height: 1, bits: 8, palette, rows: Uint8Array.of(0, 1, 2, 0) });
    const labels = await decodePicture(map, 'a.bmp', { stored: true, labels: true });
    expect(labels.channels).toBe(1);
    expect([...labels.data]).toEqual([0, 1, 2]);
    expect((await decodePicture(map, 'a.bmp', { stored: true })).channels).toBe(3);
    const inverted = writeBmp({
      ...{ width: 2, height: 1, bits: 1, palette: [greys[2], greys[0]] },
      rows: Uint8Array.of(0b01000000, 0, 0, 0),
    });
    expect([...(await decodePicture(inverted, 'a.bmp', { stored: true, labels: true })).data]).toEqual([255, 0]);
  });

  it('refuses what is cut, out of range or not read', async () => {
    const good = writeBmp({ width: 4, height: 4, bits: 8, palette: greys, rows: new Uint8Array(16) });
    await expect(decodePicture(good.subarray(0, good.length - 5), 'a.bmp')).rejects.toMatchObject({
      code: 'E_IMAGE_CORRUPT',
    });
    await expect(decodePicture(good.subarray(0, 40), 'a.bmp')).rejects.toMatchObject({ code: 'E_IMAGE_CORRUPT' });
    await expect(
      decode({ width: 1, height: 1, bits: 8, palette: greys, rows: Uint8Array.of(9, 0, 0, 0) }),
    ).rejects.toMatchObject({ code: 'E_IMAGE_CORRUPT' });
    await expect(
      decode({ width: 4, height: 1, bits: 8, compression: 1, palette: greys, rows: Uint8Array.of(200, 1) }),
    ).rejects.toMatchObject({ code: 'E_IMAGE_CORRUPT' });
    await expect(
      decode({ width: 4, height: 1, bits: 8, compression: 4, rows: new Uint8Array(9) }),
    ).rejects.toMatchObject({ code: 'E_IMAGE_FORMAT' });
  });
});
