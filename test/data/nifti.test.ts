import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { niftiReader } from '../../src/data/nifti.js';
import { decodePicture } from '../../src/data/readers.js';
import { temporaryFolder } from '../support/files.js';
import { asBytes, swapped, writeNifti, type NiftiParts } from './nifti_writer.js';

const dims = [4, 3, 2];
const counts = Array.from({ length: 24 }, (_, i) => i);
const int16 = { dims, type: 4, bits: 16, data: asBytes(Int16Array.from(counts)) };
const decode = (parts: NiftiParts, options = {}) => decodePicture(writeNifti(parts), 'v.nii', options);

describe('NIfTI data types', () => {
  it.each([
    ['uint8', 2, Uint8Array.from(counts)],
    ['int16', 4, Int16Array.from(counts, (v) => v - 12)],
    ['int32', 8, Int32Array.from(counts, (v) => v * 100_000 - 7)],
    ['float32', 16, Float32Array.from(counts, (v) => v / 8 - 1)],
    ['float64', 64, Float64Array.from(counts, (v) => v / 8 - 1)],
    ['int8', 256, Int8Array.from(counts, (v) => v - 12)],
    ['uint16', 512, Uint16Array.from(counts, (v) => v * 2000)],
    ['uint32', 768, Uint32Array.from(counts, (v) => v * 100_000)],
    ['int64', 1024, BigInt64Array.from(counts.map((v) => BigInt(v - 12)))],
    ['uint64', 1280, BigUint64Array.from(counts.map(BigInt))],
  ] as const)('%s, both byte orders, both versions, gzip or not', async (_, type, values) => {
    const width = values.BYTES_PER_ELEMENT;
    const want = Array.from({ length: 12 }, (_v, i) => Math.fround(Number(values[12 + i])));
    for (const version of [1, 2] as const) {
      for (const bigEndian of [false, true]) {
        const data = bigEndian ? swapped(values, width) : asBytes(values);
        const picture = await decode(
          { dims, type, bits: 8 * width, data, version, bigEndian, gzip: bigEndian },
          { slice: 1, stored: true },
        );
        expect([picture.width, picture.height, picture.source.slices]).toEqual([4, 3, 2]);
        expect([...picture.data]).toEqual(want);
        expect(picture.source.encoding).toBe(bigEndian ? 'gzip' : 'none');
      }
    }
  });

  it('RGB voxels are channels in [0, 1]', async () => {
    const picture = await decode({
      dims: [2, 1, 1],
      type: 128,
      bits: 24,
      data: Uint8Array.of(255, 0, 51, 0, 255, 102),
    });
    expect(picture.channels).toBe(3);
    expect([...picture.data].map((v) => Math.round(v * 255))).toEqual([255, 0, 51, 0, 255, 102]);
  });

  it('complex is refused', async () => {
    await expect(decode({ dims, type: 32, bits: 64, data: new Uint8Array(24 * 8) })).rejects.toMatchObject({
      code: 'E_IMAGE_FORMAT',
    });
  });
});

describe('NIfTI slices and intensity', () => {
  it.each([
    [0, 1, [3, 2], [1, 5, 9, 13, 17, 21]],
    [1, 2, [4, 2], [8, 9, 10, 11, 20, 21, 22, 23]],
    [2, 1, [4, 3], counts.slice(12)],
  ] as const)('axis %i', async (axis, slice, [width, height], want) => {
    const picture = await decode({ ...int16, spacing: [1, 2, 3] }, { axis, slice, stored: true });
    expect([picture.width, picture.height]).toEqual([width, height]);
    expect([...picture.data]).toEqual(want);
    expect(picture.pixelSpacing).toEqual(
      [
        [3, 2],
        [3, 1],
        [2, 1],
      ][axis],
    );
  });

  it('is scaled by the volume, not the slice; cal_min and cal_max, then the window, come first', async () => {
    const top = await decode(int16, { slice: 1 });
    expect(top.data[0]).toBeCloseTo(12 / 23, 6);
    const calibrated = await decode({ ...int16, calMin: 10, calMax: 14 }, { slice: 1 });
    expect([...calibrated.data.slice(0, 4)]).toEqual([0.5, 0.75, 1, 1]);
    const windowed = await decode({ ...int16, calMin: 10, calMax: 14 }, { slice: 1, window: { center: 12, width: 4 } });
    expect([...windowed.data.slice(0, 2)]).toEqual([0.5, 0.75]);
    const sloped = await decode({ ...int16, slope: 2, inter: -5 }, { slice: 0, stored: true });
    expect([...sloped.data.slice(0, 3)]).toEqual([-5, -3, -1]);
    expect([...(await decode({ ...int16, data: new Uint8Array(48) })).data]).toEqual(Array(12).fill(0));
  });

  it('a fourth dimension is channels, each with its own range', async () => {
    const four = { dims: [2, 1, 1, 2], type: 4, bits: 16, data: asBytes(Int16Array.of(0, 10, 100, 300)) };
    const picture = await decode(four);
    expect(picture.channels).toBe(2);
    expect([...picture.data]).toEqual([0, 0, 1, 1]);
  });

  it('NaN in the slice is E_IMAGE_VALUES, in another slice it is not', async () => {
    const values = Float32Array.from(counts);
    values[2] = Number.NaN;
    const parts = { dims, type: 16, bits: 32, data: asBytes(values) };
    await expect(decode(parts, { slice: 0 })).rejects.toMatchObject({ code: 'E_IMAGE_VALUES', where: 'v.nii slice 0' });
    expect((await decode(parts, { slice: 1 })).data[11]).toBe(1);
  });

  it('reports truncated volumes and slices that are not there', async () => {
    const whole = writeNifti(int16);
    await expect(decodePicture(whole.subarray(0, whole.length - 1), 'v.nii')).rejects.toMatchObject({
      code: 'E_IMAGE_CORRUPT',
    });
    // Long enough that the header still unpacks.
    const big = writeNifti({
      dims: [64, 64, 4],
      type: 2,
      bits: 8,
      gzip: true,
      data: Uint8Array.from({ length: 16384 }, (_, i) => (Math.imul(i, 2654435761) >>> 9) & 255),
    });
    await expect(decodePicture(big.subarray(0, big.length - 400), 'v.nii.gz')).rejects.toMatchObject({
      code: 'E_IMAGE_CORRUPT',
    });
    await expect(decode(int16, { slice: 2 })).rejects.toMatchObject({ code: 'E_ARGUMENT' });
    await expect(decode({ ...int16, dims: [4, 0, 2] })).rejects.toMatchObject({ code: 'E_IMAGE_CORRUPT' });
  });

  it('counts slices from the header of a gzip file', async () => {
    const path = join(await temporaryFolder(), 'v.nii.gz');
    await writeFile(
      path,
      writeNifti({
        dims: [64, 64, 30],
        type: 2,
        bits: 8,
        gzip: true,
        data: Uint8Array.from({ length: 64 * 64 * 30 }, (_, i) => (Math.imul(i, 2654435761) >>> 9) & 255),
      }),
    );
    expect(([0, 1, 2] as const).map((axis) => niftiReader.countSlices?.(path, axis).slices)).toEqual([64, 64, 30]);
  });
});
