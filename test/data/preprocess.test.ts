import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeSample, decodeSamples } from '../../src/data/decode.js';
import { readForDisplay } from '../../src/data/display.js';
import { coveredBox, placePicture } from '../../src/data/placement.js';
import { readSidecar } from '../../src/data/sidecar.js';
import type { DecodeResult, DecodeTask, Preprocessing, Sample } from '../../src/data/types.js';
import { WorkerPool } from '../../src/core/worker_pool.js';
import { temporaryFolder } from '../support/files.js';
import { asBytes, writeNifti } from './nifti_writer.js';
import { writeTiff } from './tiff_writer.js';

const settings = (more: Partial<Preprocessing> = {}): Preprocessing => ({
  channels: 1,
  height: 2,
  width: 2,
  mean: [0],
  std: [1],
  resize: 'stretch',
  ...more,
});

async function greyPng(
  folder: string,
  name: string,
  width: number,
  height: number,
  data: number[] | Uint8Array,
): Promise<string> {
  const path = join(folder, name);
  await writeFile(
    path,
    await sharp(Uint8Array.from(data), { raw: { width, height, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toBuffer(),
  );
  return path;
}

async function rgbPng(folder: string, width: number, height: number, data: number[]): Promise<string> {
  const path = join(folder, 'rgb.png');
  await writeFile(
    path,
    await sharp(Uint8Array.from(data), { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer(),
  );
  return path;
}

async function decode(sample: Partial<Sample> & { path: string }, preprocessing: Preprocessing) {
  const { channels, height, width } = preprocessing;
  const image = new Float32Array(channels * height * width).fill(9);
  const roi = new Uint8Array(height * width).fill(9);
  const info = await decodeSample({ index: 0, id: 's', ...sample }, preprocessing, image, roi);
  return { ...info, image: [...image].map((v) => Math.round(v * 1e4) / 1e4), roiPixels: [...roi] };
}

describe('placement', () => {
  it('crop is torchvision’s Resize and CenterCrop', () => {
    // 500 × 375 at 256 → resized to 341 × 256; the crop starts at round(42.5) = 42.
    const { source, target } = placePicture(500, 375, { width: 256, height: 256, resize: 'crop' });
    expect(target).toEqual({ x: 0, y: 0, width: 256, height: 256 });
    expect(source.x).toBeCloseTo((42 * 500) / 341, 9);
    expect(source.width).toBeCloseTo((256 * 500) / 341, 9);
    expect([source.y, source.height]).toEqual([0, 375]);
  });

  it('pad keeps the aspect ratio, and covers goes back to original pixels', () => {
    const shape = { width: 100, height: 100, resize: 'pad' } as const;
    const placement = placePicture(200, 50, shape);
    expect(placement.target).toEqual({ x: 0, y: 37, width: 100, height: 25 });
    expect(coveredBox(placement, shape)).toEqual({ x0: 0, y0: -74, x1: 200, y1: 126 });
    expect(coveredBox(placePicture(30, 60, { ...shape, resize: 'stretch' }), { ...shape, resize: 'stretch' })).toEqual({
      x0: 0,
      y0: 0,
      x1: 30,
      y1: 60,
    });
  });

  it.each(['stretch', 'crop', 'pad'] as const)('%s never leaves the picture', (resize) => {
    for (let width = 1; width < 40; width += 3) {
      for (let height = 1; height < 40; height += 4) {
        const { source, target } = placePicture(width, height, { width: 13, height: 7, resize });
        expect(source.x).toBeGreaterThanOrEqual(0);
        expect(source.x + source.width).toBeLessThanOrEqual(width + 1e-9);
        expect(source.y + source.height).toBeLessThanOrEqual(height + 1e-9);
        expect(target.x + target.width).toBeLessThanOrEqual(13);
        expect(target.y + target.height).toBeLessThanOrEqual(7);
      }
    }
  });
});

describe('preprocessing', () => {
  it('normalises, repeats grey for RGB models, takes luminance for grey models', async () => {
    const folder = await temporaryFolder();
    const path = await greyPng(folder, 'a.png', 2, 2, [0, 51, 102, 255]);
    const rgb = await decode({ path }, settings({ channels: 3, mean: [0, 0.2, 0.4], std: [1, 0.5, 2] }));
    expect(rgb.image).toEqual([0, 0.2, 0.4, 1, -0.4, 0, 0.4, 1.6, -0.2, -0.1, 0, 0.3]);
    const colour = await rgbPng(folder, 1, 2, [255, 0, 0, 0, 255, 255]);
    const grey = await decode({ path: colour }, settings({ width: 1 }));
    expect(grey.image).toEqual([0.299, 0.701]);
    const planes = await decode({ path: colour }, settings({ width: 1, channels: 3, mean: [0, 0, 0], std: [1, 1, 1] }));
    expect(planes.image).toEqual([1, 0, 0, 1, 0, 1]);
  });

  it('pads with black, normalised', async () => {
    const path = await greyPng(await temporaryFolder(), 'a.png', 4, 2, new Uint8Array(8).fill(255));
    const { image } = await decode({ path }, settings({ resize: 'pad', width: 4, height: 4, mean: [0.5] }));
    expect(image).toEqual([-0.5, -0.5, -0.5, -0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, -0.5, -0.5, -0.5, -0.5]);
  });

  it('channel counts that cannot be brought together are E_IMAGE_CHANNELS', async () => {
    const path = join(await temporaryFolder(), 'v.nii');
    await writeFile(path, writeNifti({ dims: [2, 2, 1, 4], type: 4, bits: 16, data: asBytes(new Int16Array(16)) }));
    await expect(decode({ path }, settings({ channels: 3, mean: [0, 0, 0], std: [1, 1, 1] }))).rejects.toMatchObject({
      code: 'E_IMAGE_CHANNELS',
      what: 'the model takes 3 channels but the image has 4',
    });
  });
});

describe('regions of interest', () => {
  it('mask: half a footprint decides, any non-zero counts, a thin region keeps its best pixel', async () => {
    const folder = await temporaryFolder();
    const path = await greyPng(folder, 'a.png', 4, 4, new Uint8Array(16));
    const mask = await greyPng(folder, 'm.png', 4, 4, [1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0]);
    expect(await decode({ path, mask }, settings())).toMatchObject({
      roi: 'mask',
      roiPixels: [1, 0, 0, 1],
      originalWidth: 4,
      originalHeight: 4,
    });
    const dot = await greyPng(
      folder,
      'dot.png',
      4,
      4,
      Array.from({ length: 16 }, (_, i) => (i === 6 ? 1 : 0)),
    );
    expect((await decode({ path, mask: dot }, settings())).roiPixels).toEqual([0, 1, 0, 0]);
    const empty = await greyPng(folder, 'empty.png', 4, 4, new Uint8Array(16));
    expect(await decode({ path, mask: empty }, settings())).toMatchObject({ roi: 'mask', roiPixels: [0, 0, 0, 0] });
    expect(await decode({ path }, settings())).toMatchObject({ roi: 'none', roiPixels: [0, 0, 0, 0] });
  });

  it('boxes: half-open union, clipped; one outside is E_ROI; image and region are placed alike', async () => {
    const path = await greyPng(await temporaryFolder(), 'a.png', 4, 2, [0, 0, 0, 0, 255, 255, 0, 0]);
    const boxes = [{ x0: 0, y0: 1, x1: 2, y1: 7 }];
    const padded = await decode({ path, boxes }, settings({ resize: 'pad', width: 4, height: 4 }));
    expect(padded.roiPixels).toEqual(padded.image.map((v) => (v > 0.5 ? 1 : 0)));
    expect(padded.roi).toBe('boxes');
    await expect(decode({ path, boxes: [{ x0: 4, y0: 0, x1: 6, y1: 1 }] }, settings())).rejects.toMatchObject({
      code: 'E_ROI',
    });
  });

  it('a mask of another size is E_ROI naming both sizes', async () => {
    const folder = await temporaryFolder();
    const path = await greyPng(folder, 'a.png', 4, 4, new Uint8Array(16));
    const mask = await greyPng(folder, 'm.png', 2, 3, new Uint8Array(6));
    await expect(decode({ path, mask }, settings())).rejects.toMatchObject({
      code: 'E_ROI',
      what: 'the mask is 2×3 but its image is 4×4',
      where: mask,
    });
  });

  it('a volume’s mask is cut at the same slice', async () => {
    const folder = await temporaryFolder();
    const volume = { dims: [2, 2, 2], type: 2, bits: 8 };
    const [path, mask] = [join(folder, 'v.nii'), join(folder, 'm.nii.gz')];
    await writeFile(path, writeNifti({ ...volume, data: Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7]) }));
    await writeFile(mask, writeNifti({ ...volume, data: Uint8Array.from([1, 0, 0, 0, 0, 0, 0, 4]), gzip: true }));
    expect((await decode({ path, mask, slice: 1 }, settings())).roiPixels).toEqual([0, 0, 0, 1]);
    expect((await decode({ path, mask, slice: 0 }, settings())).roiPixels).toEqual([1, 0, 0, 0]);
  });

  it('is shown on the original picture', async () => {
    const path = await greyPng(await temporaryFolder(), 'a.png', 3, 1, [0, 255, 51]);
    const subject = await readForDisplay(
      { index: 0, id: 'a', path, boxes: [{ x0: 1, y0: 0, x1: 2, y1: 1 }] },
      settings(),
    );
    expect(subject.picture).toMatchObject({ width: 3, height: 1, channels: 1 });
    expect([...subject.picture.data].map((v) => Math.round(v * 5))).toEqual([0, 5, 1]);
    expect([...(subject.roi ?? [])]).toEqual([0, 1, 0]);
    expect(subject.covers).toEqual({ x0: 0, y0: 0, x1: 3, y1: 1 });
  });
});

async function batch(): Promise<DecodeTask> {
  const folder = await temporaryFolder();
  const good = await greyPng(folder, 'a.png', 2, 2, [51, 102, 153, 204]);
  const corrupt = join(folder, 'c.png');
  await writeFile(corrupt, 'not a picture');
  const nan = join(folder, 'n.tif');
  await writeFile(nan, writeTiff(2, 1, 1, Float32Array.of(0, Number.NaN)));
  const mask = await greyPng(folder, 'm.png', 3, 3, new Uint8Array(9));
  const paths: Partial<Sample>[] = [
    { path: good },
    { path: corrupt },
    { path: join(folder, 'gone.png') },
    { path: nan },
    { path: good, mask },
    { path: good, boxes: [{ x0: 0, y0: 0, x1: 1, y1: 1 }] },
  ];
  const samples = paths.map((p, index) => ({ index, id: `s${index}`, ...p }) as Sample);
  const slots = samples.length + 1;
  const task = {
    samples,
    preprocessing: settings(),
    images: new SharedArrayBuffer(slots * 16),
    rois: new SharedArrayBuffer(slots * 4),
    offset: 1,
  };
  new Float32Array(task.images).fill(7);
  new Uint8Array(task.rois).fill(7);
  return task;
}

function expectBatch(results: DecodeResult[], { images, rois }: DecodeTask): void {
  expect(results.map((r) => (r.ok ? r.roi : `${r.stage} ${r.error.code}`))).toEqual([
    'none',
    'decode E_IMAGE_CORRUPT',
    'read E_NOT_FOUND',
    'decode E_IMAGE_VALUES',
    'roi E_ROI',
    'boxes',
  ]);
  const slot = (i: number) => [...new Float32Array(images, i * 16, 4)].map((v) => Math.round(v * 100) / 100);
  expect(slot(0)).toEqual([7, 7, 7, 7]); // not this task's
  expect(slot(1)).toEqual([0.2, 0.4, 0.6, 0.8]);
  for (const i of [2, 3, 4, 5]) expect(slot(i)).toEqual([0, 0, 0, 0]);
  expect(slot(6)).toEqual([0.2, 0.4, 0.6, 0.8]);
  expect([...new Uint8Array(rois)].slice(4)).toEqual([...Array<number>(20).fill(0), 1, 0, 0, 0]);
}

describe('a batch', () => {
  it('goes on after bad files and leaves zeros in their slots', async () => {
    const task = await batch();
    expectBatch(await decodeSamples(task), task);
  });

  it('is the same in a worker thread, for every codec', async () => {
    const pool = new WorkerPool<DecodeTask, DecodeResult[]>('data/decode_worker', { threads: 1 });
    try {
      const task = await batch();
      expectBatch(await pool.run(task), task);
      const golden = ['grey8_rle', 'grey16_jpeg_lossless', 'grey16_jpegls', 'grey16_j2k', 'smooth8_jpeg', 'ybr_jpeg'];
      const samples = golden.map((name, index) => ({
        index,
        id: name,
        path: new URL(`../golden/dicom/${name}.dcm`, import.meta.url).pathname,
      }));
      const files = {
        samples,
        preprocessing: settings(),
        images: new SharedArrayBuffer(96),
        rois: new SharedArrayBuffer(24),
        offset: 0,
      };
      expect((await pool.run(files)).map((r) => r.ok)).toEqual(golden.map(() => true));
    } finally {
      await pool.close();
    }
  });
});

describe('sidecar', () => {
  const sidecar = async (value: unknown) => {
    const path = join(await temporaryFolder(), 'model.json');
    await writeFile(path, typeof value === 'string' ? value : JSON.stringify(value));
    return readSidecar(path);
  };

  it('reads what it knows; a single size is a square', async () => {
    const full = {
      labels: ['a', 'b'],
      size: 224,
      mean: [0.5],
      std: [0.2],
      channels: 1,
      resize: 'crop',
      window: { center: 40, width: 400 },
      activation: 'softmax',
    };
    expect(await sidecar(full)).toEqual({ ...full, size: [224, 224] });
    expect(await sidecar({ size: [10, 20] })).toEqual({ size: [10, 20] });
    expect(await sidecar({})).toEqual({});
  });

  it('names every field that does not fit', async () => {
    await expect(sidecar({ mean: ['x'], std: [0], window: { center: 1 }, labelz: [] })).rejects.toMatchObject({
      code: 'E_ARGUMENT',
      what: expect.stringMatching(/mean\.0.*std\.0.*window\.width.*labelz/s) as string,
    });
    await expect(sidecar('{')).rejects.toMatchObject({ code: 'E_ARGUMENT' });
    expect(() => readSidecar('/nowhere/x.json')).toThrow('the sidecar JSON cannot be read');
  });
});
