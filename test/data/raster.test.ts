import { inflateSync } from 'node:zlib';
import sharp, { type OutputInfo } from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodePng } from '../../src/data/png.js';
import { decodePicture } from '../../src/data/readers.js';
import { writeTiff } from './tiff_writer.js';

const [width, height] = [23, 17];
const grey8 = Uint8Array.from({ length: width * height }, (_, i) => (i * 7) % 256);
const rgb8 = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 11) % 256);
const grey16 = Uint16Array.from({ length: width * height }, (_, i) => (i * 211 + 3) % 65536);
const rgb16 = Uint16Array.from({ length: width * height * 3 }, (_, i) => (i * 97 + 5) % 65536);

type Channels = 1 | 2 | 3 | 4;
const raw = (data: Uint8Array | Uint16Array, channels: Channels, space: string) =>
  sharp(data, { raw: { width, height, channels } }).toColourspace(space);

describe('lossless rasters keep every stored value', () => {
  it.each([
    ['PNG 8-bit grey', () => raw(grey8, 1, 'b-w').png(), grey8, 1],
    ['PNG 8-bit RGB', () => raw(rgb8, 3, 'srgb').png(), rgb8, 3],
    ['PNG 16-bit grey', () => raw(grey16, 1, 'grey16').png(), grey16, 1],
    ['PNG 16-bit RGB', () => raw(rgb16, 3, 'rgb16').png(), rgb16, 3],
    ['TIFF 8-bit grey, LZW', () => raw(grey8, 1, 'b-w').tiff({ compression: 'lzw' }), grey8, 1],
    ['TIFF 16-bit grey, deflate', () => raw(grey16, 1, 'grey16').tiff({ compression: 'deflate' }), grey16, 1],
    ['TIFF 16-bit RGB', () => raw(rgb16, 3, 'rgb16').tiff({ compression: 'none' }), rgb16, 3],
    ['WebP lossless', () => raw(rgb8, 3, 'srgb').webp({ lossless: true }), rgb8, 3],
  ] as const)('%s', async (_, image, want, channels) => {
    const picture = await decodePicture(await image().toBuffer(), 'x');
    expect([picture.width, picture.height, picture.channels]).toEqual([width, height, channels]);
    expect(picture.scale).toBe(want instanceof Uint16Array ? 1 / 65535 : 1 / 255);
    expect([...picture.data]).toEqual([...want]);
  });

  it('16-bit TIFF of another writer', async () => {
    const picture = await decodePicture(writeTiff(width, height, 1, grey16), 'x.tif');
    expect([...picture.data]).toEqual([...grey16]);
  });

  it('1-bit PNG is 0 and 255', async () => {
    const bits = grey8.map((v) => (v > 127 ? 255 : 0));
    const picture = await decodePicture(await raw(bits, 1, 'b-w').png({ palette: true, colours: 2 }).toBuffer(), 'x');
    const step = picture.channels;
    expect([...picture.data].filter((_, i) => i % step === 0)).toEqual([...bits]);
  });
});

describe('the PNG decoder', () => {
  const spaces = ['b-w', 'b-w', 'srgb', 'srgb'] as const;
  const wide = ['grey16', 'grey16', 'rgb16', 'rgb16'] as const;

  it.each([1, 2, 3, 4] as const)('equals libvips with %i samples, every filter, 8 and 16 bit', async (samples) => {
    const filters = new Set<number>();
    for (const bits of [8, 16]) {
      for (const kind of ['ramp', 'noise', 'flat', 'waves']) {
        const value = (i: number) =>
          ({
            ramp: i * 3,
            noise: Math.imul(i, 2654435761) >>> 11,
            flat: 7,
            waves: 30000 + 20000 * Math.sin(i / 40) * Math.cos(i / 900),
          })[kind] as number;
        const values = Array.from({ length: width * height * samples }, (_, i) =>
          bits === 8 && kind === 'waves' ? value(i) / 256 : value(i),
        );
        const data = bits === 8 ? Uint8Array.from(values) : Uint16Array.from(values);
        for (const adaptiveFiltering of [true, false]) {
          const bytes = await raw(data, samples, (bits === 8 ? spaces : wide)[samples - 1])
            .png({ adaptiveFiltering })
            .toBuffer();
          const picture = decodePng(bytes, 'x');
          const kept = samples > 2 ? 3 : 1;
          expect(picture).toMatchObject({ width, height, channels: kept, scale: bits === 8 ? 1 / 255 : 1 / 65535 });
          expect([...(picture?.data ?? [])]).toEqual([...data].filter((_, i) => i % samples < kept));
          for (const f of filtersOf(bytes, (width * samples * bits) / 8)) filters.add(f);
        }
      }
    }
    expect(filters.size).toBeGreaterThanOrEqual(4);
  });

  it('leaves palettes and interlacing to libvips, with the same pixels', async () => {
    const interlaced = await raw(rgb8, 3, 'srgb').png({ progressive: true }).toBuffer();
    expect(decodePng(interlaced, 'x')).toBeUndefined();
    expect([...(await decodePicture(interlaced, 'x')).data]).toEqual([...rgb8]);
  });

  it('refuses every truncation and a wrong checksum', async () => {
    const bytes = await raw(grey8, 1, 'b-w').png().toBuffer();
    const lastOfData = bytes.indexOf('IEND') - 9; // before the chunk's own checksum
    for (let length = 8; length < lastOfData; length += 7) {
      expect(() => decodePng(bytes.subarray(0, length), 'x')).toThrow(
        expect.objectContaining({ code: 'E_IMAGE_CORRUPT' }) as Error,
      );
    }
    const forged = Buffer.from(bytes);
    forged[19]++; // width
    expect(() => decodePng(forged, 'x')).toThrow(/header checksum/);
  });
});

/** Filter types of the rows of a PNG. */
function filtersOf(png: Buffer, rowBytes: number): number[] {
  const at = png.indexOf('IDAT');
  const rows = inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4)));
  return Array.from({ length: height }, (_, y) => rows[y * (rowBytes + 1)]);
}

describe('what is left out', () => {
  it('drops alpha without blending', async () => {
    const ga = Uint8Array.from({ length: width * height * 2 }, (_, i) => (i % 2 ? 3 : grey8[i >> 1]));
    const picture = await decodePicture(await raw(ga, 2, 'b-w').png().toBuffer(), 'x');
    expect(picture.channels).toBe(1);
    expect([...picture.data]).toEqual([...grey8]);
  });

  it('ignores EXIF orientation and colour profiles', async () => {
    const turned = await raw(rgb8, 3, 'srgb')
      .withMetadata({ orientation: 6 })
      .withIccProfile('p3')
      .tiff({ compression: 'none' })
      .toBuffer();
    const stored = (await sharp(turned, { ignoreIcc: true }).raw().toBuffer({ resolveWithObject: true })) as {
      data: Buffer;
      info: OutputInfo;
    };
    const picture = await decodePicture(turned, 'x');
    expect([picture.width, picture.height]).toEqual([width, height]);
    expect([...picture.data]).toEqual([...stored.data]);
  });
});

describe('JPEG', () => {
  it('stays one channel when grey and close to the original', async () => {
    const smooth = Uint8Array.from({ length: width * height }, (_, i) => 50 + 4 * (i % width));
    const picture = await decodePicture(await raw(smooth, 1, 'b-w').jpeg({ quality: 98 }).toBuffer(), 'x');
    expect(picture.channels).toBe(1);
    expect(Math.max(...smooth.map((v, i) => Math.abs(v - picture.data[i])))).toBeLessThanOrEqual(3);
  });
});

describe('float TIFF', () => {
  const ramp = Float32Array.from({ length: 6 }, (_, i) => i * 100 - 200);

  it('in [0, 1] is kept, else spans its range or the window', async () => {
    const inUnit = ramp.map((v) => (v + 200) / 1000);
    expect([...(await decodePicture(writeTiff(3, 2, 1, inUnit), 'x')).data]).toEqual([...inUnit]);
    const spanned = await decodePicture(writeTiff(3, 2, 1, ramp), 'x');
    expect([...spanned.data].map((v) => Math.round(v * 5))).toEqual([0, 1, 2, 3, 4, 5]);
    const windowed = await decodePicture(writeTiff(3, 2, 1, ramp), 'x', { window: { center: 0, width: 200 } });
    expect([...windowed.data]).toEqual([0, 0, 0.5, 1, 1, 1]);
  });

  it('32-bit integers span their range', async () => {
    const picture = await decodePicture(writeTiff(3, 1, 1, Uint32Array.of(0, 50_000, 100_000)), 'x');
    expect([...picture.data]).toEqual([0, 0.5, 1]);
  });

  it('NaN and infinity are E_IMAGE_VALUES', async () => {
    for (const bad of [Number.NaN, Infinity, -Infinity]) {
      const values = ramp.slice();
      values[3] = bad;
      await expect(decodePicture(writeTiff(3, 2, 1, values), 'scan.tif')).rejects.toMatchObject({
        code: 'E_IMAGE_VALUES',
        where: 'scan.tif',
      });
    }
  });

  it('signed 16-bit is refused, because its negative values would be lost', async () => {
    await expect(decodePicture(writeTiff(3, 1, 1, Int16Array.of(-5, 0, 5)), 'x')).rejects.toMatchObject({
      code: 'E_IMAGE_FORMAT',
    });
  });
});

describe('damaged files', () => {
  it.each(['png', 'jpeg', 'tiff', 'webp'] as const)('%s cut in half is E_IMAGE_CORRUPT', async (format) => {
    const noise = Uint8Array.from({ length: width * height * 3 }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 255);
    const bytes = await raw(noise, 3, 'srgb')[format]().toBuffer();
    await expect(decodePicture(bytes.subarray(0, bytes.length >> 1), `a.${format}`)).rejects.toMatchObject({
      code: 'E_IMAGE_CORRUPT',
      where: `a.${format}`,
    });
  });

  it('a flipped byte in a PNG is E_IMAGE_CORRUPT', async () => {
    const bytes = await raw(grey8, 1, 'b-w').png().toBuffer();
    bytes[bytes.indexOf('IDAT') + 20] ^= 0xff;
    await expect(decodePicture(bytes, 'a.png')).rejects.toMatchObject({ code: 'E_IMAGE_CORRUPT' });
  });

  it('text named .png is E_IMAGE_CORRUPT, text with no image’s name E_IMAGE_FORMAT', async () => {
    await expect(decodePicture(Buffer.from('hello'), 'a.png')).rejects.toMatchObject({ code: 'E_IMAGE_CORRUPT' });
    await expect(decodePicture(Buffer.from('hello'), 'a.xyz')).rejects.toMatchObject({ code: 'E_IMAGE_FORMAT' });
  });

  it('a page that is not there is E_ARGUMENT', async () => {
    await expect(
      decodePicture(await raw(grey8, 1, 'b-w').tiff().toBuffer(), 'a.tif', { slice: 3 }),
    ).rejects.toMatchObject({ code: 'E_ARGUMENT' });
  });
});
