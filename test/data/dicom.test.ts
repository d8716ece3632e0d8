import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dicom } from '../../src/data/dicom.js';
import { decodePicture } from '../../src/data/readers.js';
import type { Picture } from '../../src/data/types.js';
import { temporaryFolder } from '../support/files.js';
import { colour, depth16, imageItem, words, writeDicom, type Item } from './dicom_writer.js';

const require = createRequire(import.meta.url);
const goldenFolder = new URL('../golden/dicom/', import.meta.url);
interface Golden {
  shape: number[];
  stored: string;
  unit: string | null;
  tolerance: number;
}
const golden = (
  JSON.parse(readFileSync(new URL('expected.json', goldenFolder), 'utf8')) as { files: Record<string, Golden> }
).files;

const floats = (base64: string) => new Float32Array(Uint8Array.from(Buffer.from(base64, 'base64')).buffer);
const farthest = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  expect(a.length).toBe(b.length);
  let worst = 0;
  for (let i = 0; i < a.length; i++)
    worst = Math.max(worst, Math.abs(a[i] - b[i]) || (Number.isNaN(a[i]) ? Infinity : 0));
  return worst;
};
const unit = ({ data, scale }: Picture) => Float32Array.from(data, (v) => v * scale);
const decode = (bytes: Buffer, options = {}) => decodePicture(bytes, 'test.dcm', options);
const native = (item: Item, pixels: Uint8Array, options = {}) =>
  writeDicom({ ...item, '7fe00010': ['OW', pixels] }, options);

describe('DICOM files of other libraries', () => {
  it.each(Object.keys(golden))('%s', async (name) => {
    const { shape, stored, unit: shown, tolerance } = golden[name];
    const bytes = readFileSync(new URL(`${name}.dcm`, goldenFolder));
    const want = floats(stored);
    const several = name.startsWith('frames');
    const size = several ? want.length / shape[0] : want.length;
    for (let slice = 0; slice < (several ? shape[0] : 1); slice++) {
      const picture = await decode(bytes, { stored: true, slice });
      expect([picture.height, picture.width]).toEqual([13, 18]);
      expect(farthest(picture.data, want.subarray(slice * size, (slice + 1) * size))).toBeLessThanOrEqual(tolerance);
      // The file's bytes must be left as they were: a held volume is decoded slice after slice.
      expect(farthest((await decode(bytes, { stored: true, slice })).data, picture.data)).toBe(0);
      if (shown) expect(farthest(unit(await decode(bytes)), floats(shown))).toBeLessThan(1e-4);
      expect(JSON.stringify({ ...picture, data: undefined })).not.toMatch(/secret/i);
    }
  });
});

/** Embind encoders of the packages whose decoders are under test. */
type Encoder = Record<string, (...args: unknown[]) => unknown> & {
  getDecodedBuffer(info: object): Uint8Array;
  getEncodedBuffer(): Uint8Array;
  encode(): void;
};
async function encodeWith(
  specifier: string,
  name: string,
  pixels: Uint8Array,
  info: object,
  set: (e: Encoder) => void = () => {},
): Promise<Uint8Array> {
  const module = (await (require(specifier) as (o: object) => Promise<Record<string, new () => Encoder>>)({
    print: () => {},
    printErr: () => {},
  })) as Record<string, new () => Encoder>;
  const encoder = new module[name]();
  encoder.getDecodedBuffer(info).set(pixels);
  set(encoder);
  encoder.encode();
  return Uint8Array.from(encoder.getEncodedBuffer());
}

const [rows, columns] = [24, 40];
const ramp16 = Uint16Array.from({ length: rows * columns }, (_, i) => (i * 67) % 65536);
const rgb8 = Uint8Array.from({ length: rows * columns * 3 }, (_, i) => (i * 7 + (i >> 5)) % 256);
const frame = (bitsPerSample: number, componentCount = 1, isSigned = false) => ({
  width: columns,
  height: rows,
  bitsPerSample,
  componentCount,
  isSigned,
  isUsingColorTransform: componentCount === 3,
});

describe('DICOM with the codecs’ own encoders', () => {
  it('HTJ2K, 16 bit, lossless', async () => {
    const coded = await encodeWith(
      '@cornerstonejs/codec-openjph/wasmjs',
      'HTJ2KEncoder',
      words(ramp16),
      frame(16),
      (e) => e.setQuality(true, 0),
    );
    const picture = await decode(
      writeDicom(imageItem(rows, columns, depth16()), { syntax: '1.2.840.10008.1.2.4.201', fragments: [coded] }),
      { stored: true },
    );
    expect(picture.source).toEqual({ format: 'dicom', encoding: 'HTJ2K lossless', bits: 16, slices: 1 });
    expect([...picture.data]).toEqual([...ramp16]);
  });

  it('HTJ2K, signed', async () => {
    const values = Int16Array.from(ramp16, (v) => (v % 4096) - 2048);
    const coded = await encodeWith(
      '@cornerstonejs/codec-openjph/wasmjs',
      'HTJ2KEncoder',
      words(values),
      frame(12, 1, true),
      (e) => e.setQuality(true, 0),
    );
    const picture = await decode(
      writeDicom(imageItem(rows, columns, depth16(12, true)), {
        syntax: '1.2.840.10008.1.2.4.202',
        fragments: [coded],
      }),
      { stored: true },
    );
    expect([...picture.data]).toEqual([...values]);
  });

  it.each([0, 1, 2])('JPEG-LS colour, interleave mode %i', async (mode) => {
    const planar = Uint8Array.from(
      { length: rgb8.length },
      (_, i) => rgb8[(i % (rows * columns)) * 3 + Math.floor(i / (rows * columns))],
    );
    const coded = await encodeWith(
      '@cornerstonejs/codec-charls/wasmjs',
      'JpegLSEncoder',
      mode === 0 ? planar : rgb8,
      frame(8, 3),
      (e) => e.setInterleaveMode(mode),
    );
    const picture = await decode(
      writeDicom(imageItem(rows, columns, colour('RGB')), { syntax: '1.2.840.10008.1.2.4.80', fragments: [coded] }),
    );
    expect(picture.channels).toBe(3);
    expect([...picture.data]).toEqual([...rgb8]);
  });

  it('JPEG 2000, signed 12 bit, split into fragments', async () => {
    const values = Int16Array.from(ramp16, (v) => (v % 4096) - 2048);
    const coded = await encodeWith(
      '@cornerstonejs/codec-openjpeg/wasmjs',
      'J2KEncoder',
      words(values),
      frame(12, 1, true),
      (e) => {
        e.setQuality(true, 0);
        e.setDecompositions(2);
      },
    );
    const fragments = [coded.subarray(0, 100), coded.subarray(100)];
    const picture = await decode(
      writeDicom(imageItem(rows, columns, depth16(12, true)), { syntax: '1.2.840.10008.1.2.4.90', fragments }),
      { stored: true },
    );
    expect([...picture.data]).toEqual([...values]);
  });

  it('JPEG baseline, grey', async () => {
    const smooth = Uint8Array.from(
      { length: rows * columns },
      (_, i) => 60 + 2 * (i % columns) + Math.floor(i / columns),
    );
    const coded = await encodeWith(
      '@cornerstonejs/codec-libjpeg-turbo-8bit/wasmjs',
      'JPEGEncoder',
      smooth,
      frame(8),
      (e) => e.setQuality(98),
    );
    const picture = await decode(
      writeDicom(imageItem(rows, columns), { syntax: '1.2.840.10008.1.2.4.50', fragments: [coded] }),
      { stored: true },
    );
    expect(farthest(picture.data, smooth)).toBeLessThanOrEqual(3);
  });
});

describe('DICOM structure', () => {
  const pixels = Uint8Array.from({ length: 6 }, (_, i) => i * 40);
  const item = imageItem(2, 3);

  it.each(['full', 'meta', 'none'] as const)('reads a file that starts with: %s', async (start) => {
    for (const implicit of [false, true]) {
      const picture = await decode(native(item, pixels, { start, implicit }), { stored: true });
      expect([...picture.data]).toEqual([...pixels]);
    }
  });

  it('is DICOM even when the preamble makes it a TIFF as well', async () => {
    const dual = native(item, pixels);
    dual.write('II*\0', 0, 'latin1');
    expect((await decode(dual)).source.format).toBe('dicom');
  });

  it('reads 32-bit samples, and byte pairs swapped by big-endian OW', async () => {
    const wide = imageItem(1, 2, { '00280100': ['US', 32], '00280101': ['US', 32], '00280102': ['US', 31] });
    const values = Uint32Array.of(3_000_000_000, 7);
    expect([...(await decode(native(wide, new Uint8Array(values.buffer)), { stored: true })).data]).toEqual([
      3_000_000_000, 7,
    ]);
    // Explicit big endian by hand: three 8-bit pixels and a pad byte, as two swapped words.
    const tag = (group: number, element: number, vr: string, ...value: number[]) => {
      const long = vr === 'OW' ? [0, 0, 0, 0, 0, value.length] : [0, value.length];
      return [group >> 8, group & 255, element >> 8, element & 255, ...Buffer.from(vr), ...long, ...value];
    };
    const meta = writeDicom({}, { syntax: '1.2.840.10008.1.2.2' });
    const body = [
      ...tag(0x28, 0x10, 'US', 0, 1),
      ...tag(0x28, 0x11, 'US', 0, 3),
      ...tag(0x28, 0x100, 'US', 0, 8),
      ...tag(0x28, 0x101, 'US', 0, 8),
      ...tag(0x28, 0x102, 'US', 0, 7),
      ...tag(0x7fe0, 0x10, 'OW', 2, 1, 0, 3),
    ];
    const big = Buffer.concat([meta, Buffer.from(body)]);
    expect([...(await decode(big, { stored: true })).data]).toEqual([1, 2, 3]);
  });

  it('takes every frame from uncompressed multi-frame, 8 bit and 1 bit', async () => {
    const many = imageItem(2, 3, { '00280008': ['IS', '2'] });
    const two = Uint8Array.from({ length: 12 }, (_, i) => i);
    expect([...(await decode(native(many, two), { slice: 1, stored: true })).data]).toEqual([6, 7, 8, 9, 10, 11]);
    const bits = { ...many, '00280100': ['US', 1], '00280101': ['US', 1], '00280102': ['US', 0] } as Item;
    // Pixels 1 0 1 1 0 0 | 0 1 1 0 1 0, the first in the lowest bit.
    const packed = Uint8Array.of(0b10001101, 0b00000101);
    expect([...(await decode(native(bits, packed), { slice: 1, stored: true })).data]).toEqual([0, 1, 1, 0, 1, 0]);
    await expect(decode(native(many, two), { slice: 2 })).rejects.toMatchObject({ code: 'E_ARGUMENT' });
  });

  it('masks bits above the high bit and shifts those below the lowest stored one', async () => {
    const values = [0xf123, 0x0fff, 0x8000];
    const overlay = await decode(native(imageItem(1, 3, depth16(12)), words(values)), { stored: true });
    expect([...overlay.data]).toEqual([0x123, 0xfff, 0]);
    const high = await decode(native(imageItem(1, 3, depth16(12, true, 15)), words([0x7ff0, 0x8000, 0xfff5])), {
      stored: true,
    });
    expect([...high.data]).toEqual([2047, -2048, -1]);
  });

  it('without a window spans the frame, padding left out and black', async () => {
    const padded = imageItem(1, 5, {
      ...depth16(16, true),
      '00280120': ['SS', -2000],
      '00281053': ['DS', '2'],
      '00281052': ['DS', '-10'],
    });
    const values = words([-2000, 0, 50, 100, -2000]);
    expect([...(await decode(native(padded, values))).data]).toEqual([0, 0, 0.5, 1, 0]);
    const inverted = { ...padded, '00280004': ['CS', 'MONOCHROME1'] } as Item;
    expect([...(await decode(native(inverted, values))).data]).toEqual([0, 1, 0.5, 0, 0]);
    const constant = await decode(native(imageItem(1, 2), Uint8Array.of(9, 9)));
    expect([...constant.data]).toEqual([0, 0]);
  });

  it('a given window overrides the file’s', async () => {
    const ct = imageItem(1, 3, {
      ...depth16(),
      '00281052': ['DS', '-1000'],
      '00281053': ['DS', '1'],
      '00281050': ['DS', '5'],
      '00281051': ['DS', '10'],
    });
    const picture = await decode(native(ct, words([600, 1000, 1800])), { window: { center: 0, width: 1600 } });
    expect(farthest(picture.data, [0.25, 0.5, 1])).toBeLessThan(1e-6);
  });

  it('applies modality and VOI lookup tables', async () => {
    const table = (first: number, entries: number[], bits: number): Item => ({
      '00283002': ['US', [entries.length, first, bits]],
      '00283006': ['US', entries],
    });
    const withLut = imageItem(1, 4, {
      '00283000': ['SQ', [table(1, [10, 20, 30], 16)]],
      '00283010': [
        'SQ',
        [
          table(
            10,
            Array.from({ length: 21 }, (_, i) => i * 50),
            10,
          ),
        ],
      ],
    });
    const picture = await decode(native(withLut, Uint8Array.of(0, 1, 2, 9)));
    expect(farthest(picture.data, [0, 0, 500 / 1023, 1000 / 1023])).toBeLessThan(1e-6);
  });

  it('takes window and slope of enhanced multi-frame files from the functional groups', async () => {
    const group = (center: string): Item => ({
      '00289132': [
        'SQ',
        [{ '00281050': ['DS', center], '00281051': ['DS', '100'], '00281056': ['CS', 'LINEAR_EXACT'] }],
      ],
    });
    const enhanced = imageItem(1, 2, {
      '00280008': ['IS', '2'],
      '52009229': [
        'SQ',
        [
          {
            '00289145': ['SQ', [{ '00281052': ['DS', '0'], '00281053': ['DS', '2'] }]],
            '00289110': ['SQ', [{ '00280030': ['DS', '0.5\\0.25'] }]],
          },
        ],
      ],
      '52009230': ['SQ', [group('50'), group('100')]],
    });
    const bytes = native(enhanced, Uint8Array.of(25, 50, 25, 50));
    const first = await decode(bytes);
    expect([...first.data]).toEqual([0.5, 1]);
    expect(first.pixelSpacing).toEqual([0.5, 0.25]);
    expect([...(await decode(bytes, { slice: 1 })).data]).toEqual([0, 0.5]);
  });

  it('converts YBR_FULL, YBR_FULL_422 and palette colour to RGB', async () => {
    // Red, green, blue in full-range YCbCr.
    const ybr = Uint8Array.of(76, 85, 255, 150, 44, 21, 29, 255, 107);
    const full = await decode(native(imageItem(1, 3, colour('YBR_FULL')), ybr));
    expect(farthest(full.data, [255, 0, 0, 0, 255, 0, 0, 0, 255])).toBeLessThanOrEqual(2);
    const half = await decode(native(imageItem(1, 2, colour('YBR_FULL_422')), Uint8Array.of(76, 76, 85, 255)));
    expect(farthest(half.data, [254, 0, 0, 254, 0, 0])).toBeLessThanOrEqual(2);
    const lut = (values: number[]): [string, Uint8Array] => ['OW', words(values)];
    const palette = imageItem(1, 3, {
      '00280004': ['CS', 'PALETTE COLOR'],
      ...Object.fromEntries(['1', '2', '3'].map((c) => [`0028110${c}`, ['US', [3, 0, 16]]])),
      '00281201': lut([0, 65535, 100]),
      '00281202': lut([1, 2, 3]),
      '00281203': lut([7, 8, 9]),
    });
    const picture = await decode(native(palette, Uint8Array.of(2, 0, 1)));
    expect([...picture.data]).toEqual([100, 3, 9, 0, 1, 7, 65535, 2, 8]);
    expect(picture.scale).toBeCloseTo(1 / 65535, 12);
  });
});

describe('damaged DICOM', () => {
  const whole = native(imageItem(20, 20), new Uint8Array(400).fill(7));

  it.each([0.1, 0.5, 0.9])('cut at %f of its length is E_IMAGE_CORRUPT', async (part) => {
    const cut = whole.subarray(0, Math.max(140, Math.floor(whole.length * part)));
    await expect(decode(Buffer.from(cut))).rejects.toMatchObject({
      code: 'E_IMAGE_CORRUPT',
      where: expect.stringContaining('test.dcm') as string,
    });
  });

  it.each(Object.keys(golden).filter((name) => /rle|jpeg|j2k|frames_(no_)?table/.test(name)))(
    '%s cut short is E_IMAGE_CORRUPT',
    async (name) => {
      const bytes = readFileSync(new URL(`${name}.dcm`, goldenFolder));
      const slice = name.startsWith('frames') ? 2 : 0;
      await expect(decode(bytes.subarray(0, bytes.length - 60), { slice })).rejects.toMatchObject({
        code: 'E_IMAGE_CORRUPT',
      });
    },
  );

  it.each([
    ['JPEG-LS', '1.2.840.10008.1.2.4.80'],
    ['JPEG 2000', '1.2.840.10008.1.2.4.90'],
    ['HTJ2K', '1.2.840.10008.1.2.4.201'],
    ['JPEG', '1.2.840.10008.1.2.4.50'],
    ['lossless JPEG', '1.2.840.10008.1.2.4.70'],
    ['RLE', '1.2.840.10008.1.2.5'],
  ])('garbage as %s is E_IMAGE_CORRUPT, and the codec works afterwards', async (_, syntax) => {
    const garbage = Uint8Array.from({ length: 200 }, (_v, i) => (i * 37) % 251);
    await expect(decode(writeDicom(imageItem(4, 4), { syntax, fragments: [garbage] }))).rejects.toMatchObject({
      code: 'E_IMAGE_CORRUPT',
    });
    const good = { '80': 'grey8_jpegls', '90': 'grey8_j2k', '50': 'smooth8_jpeg', '70': 'grey8_jpeg_lossless' }[
      syntax.slice(-2)
    ];
    if (good)
      await expect(decode(readFileSync(new URL(`${good}.dcm`, goldenFolder)))).resolves.toMatchObject({ width: 18 });
  });

  it('a frame of another size than the header says is E_IMAGE_CORRUPT', async () => {
    const coded = await encodeWith('@cornerstonejs/codec-charls/wasmjs', 'JpegLSEncoder', words(ramp16), frame(16));
    await expect(
      decode(
        writeDicom(imageItem(rows, columns - 1, depth16()), { syntax: '1.2.840.10008.1.2.4.80', fragments: [coded] }),
      ),
    ).rejects.toMatchObject({ code: 'E_IMAGE_CORRUPT', what: expect.stringContaining('40×24') as string });
  });

  it('what is not read says so: unknown syntax, no image, no pixels', async () => {
    await expect(
      decode(native(imageItem(2, 3), new Uint8Array(6), { syntax: '1.2.840.10008.1.2.4.100' })),
    ).rejects.toMatchObject({ code: 'E_IMAGE_FORMAT' });
    await expect(decode(writeDicom({ '00080060': ['CS', 'SR'] }))).rejects.toMatchObject({ code: 'E_IMAGE_FORMAT' });
    await expect(decode(writeDicom(imageItem(2, 3)))).rejects.toMatchObject({ code: 'E_IMAGE_CORRUPT' });
  });
});

describe('slice counts', () => {
  it('come from the header, also behind a long element and in deflated files', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'a');
    const long = imageItem(1, 1, { '00091010': ['OB', new Uint8Array(100_000)], '00280008': ['IS', '7'] });
    await writeFile(path, native(long, new Uint8Array(7)));
    expect(dicom.countSlices?.(path, 2)).toEqual({ slices: 7, hasPixels: true });
    await writeFile(path, writeDicom({ '00080060': ['CS', 'SR'] }));
    expect(dicom.countSlices?.(path, 2)).toEqual({ slices: 1, hasPixels: false });
    await writeFile(path, native(long, new Uint8Array(7)).subarray(0, 5000));
    expect(dicom.countSlices?.(path, 2)).toEqual({ slices: 1, hasPixels: true });
    const deflated = readFileSync(new URL('grey16_deflated.dcm', goldenFolder));
    await writeFile(path, deflated);
    expect(dicom.countSlices?.(path, 2)).toEqual({ slices: 1, hasPixels: true });
  });
});
