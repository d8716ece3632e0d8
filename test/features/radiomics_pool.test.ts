import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { openBackend, radiomics, type RadiomicsOptions, type RadiomicsSummary } from '../../src/index.js';
import { firstOrder } from '../../src/kernels/first_order.js';
import { glcm } from '../../src/kernels/glcm.js';
import { shape2d } from '../../src/kernels/shape2d.js';
import { readTable } from '../../src/store/table.js';
import { depth16, imageItem, words, writeDicom } from '../data/dicom_writer.js';
import { asBytes, writeNifti, type NiftiParts } from '../data/nifti_writer.js';
import { temporaryFolder } from '../support/files.js';

const [width, height] = [9, 7];
const grey = (seed: number) => Uint8Array.from({ length: width * height }, (_, i) => (i * 29 + seed * 53) % 256);
/** Columns 2 to 6 of rows 1 to 5. */
const square = (value: number) =>
  Uint8Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    return x >= 2 && x <= 6 && y >= 1 && y <= 5 ? value : 0;
  });
const png = (data: Uint8Array, channels: 1 | 3 = 1) =>
  sharp(data, { raw: { width, height, channels } })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .png()
    .toBuffer();

async function write(folder: string, files: Record<string, Uint8Array>): Promise<string> {
  for (const [name, bytes] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), bytes);
  }
  return folder;
}

const run = (options: Partial<RadiomicsOptions> & { images: string }) => radiomics({ workers: 1, ...options });
const column = ({ table }: RadiomicsSummary, name: string) => [...(table.columns.get(name) ?? [])];
const mean = 'original_firstorder_Mean';
const meanInside = (values: ArrayLike<number>, mask: Uint8Array) => {
  const inside = Array.from(values).filter((_, i) => mask[i] !== 0);
  return inside.reduce((a, b) => a + b, 0) / inside.length;
};

describe('masks of a folder', () => {
  it.each([
    ['a.png', 'masks/a.png'],
    ['a.png', 'masks/a_mask.png'],
    ['a.png', 'masks/a_seg.tif'],
    ['a_0000.png', 'masks/a.png'],
    ['deep/a.png', 'masks/deep/a.png'],
  ])('%s has %s', async (image, mask) => {
    const folder = await temporaryFolder();
    const bytes = mask.endsWith('tif')
      ? await sharp(await png(square(1)))
          .tiff({ compression: 'lzw' })
          .toBuffer()
      : await png(square(1));
    await write(folder, { [`images/${image}`]: await png(grey(1)), [mask]: bytes });
    const summary = await run({ images: join(folder, 'images'), mask: join(folder, 'masks') });
    expect(column(summary, 'mask')).toEqual([join(folder, mask)]);
    expect(column(summary, mean)[0]).toBeCloseTo(meanInside(grey(1), square(1)), 4);
  });

  it('images and masks may share a folder', async () => {
    const folder = await write(await temporaryFolder(), {
      'a.png': await png(grey(1)),
      'a_seg.png': await png(square(1)),
      'b.png': await png(grey(2)),
      'b_seg.png': await png(square(1)),
    });
    const notices: string[] = [];
    const summary = await run({ images: folder, mask: folder, onNotice: (n) => notices.push(n) });
    expect(column(summary, 'id')).toEqual(['a.png', 'b.png']);
    expect(notices.join('\n')).toMatch(/2 files of the pool are masks of others/);
  });

  it('two masks that fit equally, and none at all, are quarantined by name', async () => {
    const folder = await write(await temporaryFolder(), {
      'images/a.png': await png(grey(1)),
      'images/b.png': await png(grey(2)),
      'images/c.png': await png(grey(3)),
      'masks/one/a_mask.png': await png(square(1)),
      'masks/two/a_mask.png': await png(square(1)),
      'masks/c.png': await png(square(1)),
    });
    const { quarantined, table } = await run({ images: join(folder, 'images'), mask: join(folder, 'masks') });
    expect(table.rows).toBe(1);
    expect(quarantined.map(({ id, error }) => [id, error.code, error.what.replace(/[:/].*| in .*/s, '')])).toEqual([
      ['a.png', 'E_ROI', '2 masks fit'],
      ['b.png', 'E_ROI', 'no mask of its name'],
    ]);
  });

  it('a pool without any mask is an error with the ways out', async () => {
    const folder = await write(await temporaryFolder(), {
      'a.png': await png(grey(1)),
      'm/x.png': await png(square(1)),
    });
    await expect(run({ images: join(folder, 'a.png') })).rejects.toThrow(/no image has a mask.*--mask/);
    await expect(run({ images: join(folder, 'a.png'), mask: join(folder, 'm') })).rejects.toThrow(/none of 1 images/);
    await expect(run({ images: join(folder, 'a.png'), mask: join(folder, 'n') })).rejects.toThrow(/no such file/);
  });
});

describe('regions', () => {
  it('labels: 1, else the one value there is, else as asked', async () => {
    const both = square(2).map((v, i) => (i === 11 || i === 12 || i === 20 ? 3 : v));
    const folder = await write(await temporaryFolder(), {
      'a.png': await png(grey(1)),
      '255.png': await png(square(255)),
      '23.png': await png(both),
      '0.png': await png(square(0)),
    });
    const of = (mask: string, label?: number | 'any') =>
      run({ images: join(folder, 'a.png'), mask: join(folder, mask), settings: label ? { label } : {} });
    const notices: string[] = [];
    const auto = await run({
      images: join(folder, 'a.png'),
      mask: join(folder, '255.png'),
      onNotice: (n) => notices.push(n),
    });
    expect(column(auto, 'mask_label')).toEqual(['255']);
    expect(notices.join()).toMatch(/1 masks have no value 1/);
    expect(column(await of('23.png', 3), mean)[0]).toBeCloseTo(
      meanInside(
        grey(1),
        both.map((v) => +(v === 3)),
      ),
      4,
    );
    expect(column(await of('23.png', 'any'), mean)[0]).toBeCloseTo(meanInside(grey(1), square(1)), 4);
    await expect(of('255.png', 1)).rejects.toThrow(/label 1 is not in the mask, which holds 255.*--label/);
    await expect(of('23.png')).rejects.toThrow(/holds 2, 3/);
    await expect(of('0.png')).rejects.toThrow(/the mask is empty/);
  });

  it('the whole image, and boxes of a manifest', async () => {
    const folder = await write(await temporaryFolder(), {
      'a.png': await png(grey(1)),
      'm.csv': Buffer.from('id,path,label,boxes\nx,a.png,benign,2;1;7;6\ny,a.png,,\n'),
    });
    const whole = await run({ images: join(folder, 'a.png'), mask: 'full' });
    expect(column(whole, mean)[0]).toBeCloseTo(meanInside(grey(1), new Uint8Array(63).fill(1)), 4);
    expect(column(whole, 'mask')).toEqual(['full']);
    const boxes = await run({ images: join(folder, 'm.csv') });
    expect(column(boxes, mean)[0]).toBeCloseTo(meanInside(grey(1), square(1)), 4);
    expect([column(boxes, 'label'), column(boxes, 'mask')]).toEqual([['benign'], ['boxes']]);
    expect(boxes.quarantined.map(({ id, error }) => [id, error.what])).toEqual([
      ['y', 'its row has neither mask nor boxes'],
    ]);
  });
});

describe('formats', () => {
  it('DICOM in Hounsfield units, with its own spacing', async () => {
    const stored = Uint16Array.from(grey(1), (v) => v * 4);
    const item = imageItem(height, width, {
      ...depth16(),
      '00280030': ['DS', [0.5, 0.25]],
      '00281052': ['DS', '-1024'],
      '00281053': ['DS', '2'],
      '7fe00010': ['OW', words(stored)],
    });
    const folder = await write(await temporaryFolder(), { 'a.dcm': writeDicom(item), 'm.png': await png(square(1)) });
    const summary = await run({
      images: join(folder, 'a.dcm'),
      mask: join(folder, 'm.png'),
      classes: ['firstorder', 'shape2d'],
    });
    expect(column(summary, mean)[0]).toBeCloseTo(meanInside(grey(1), square(1)) * 8 - 1024, 2);
    expect(column(summary, 'original_shape2D_PixelSurface')[0]).toBeCloseTo(25 * 0.5 * 0.25, 5);
    expect(summary.unknownSpacing).toBe(0);
  });

  it('16-bit PNG as stored, colour as luminance', async () => {
    const deep = Uint16Array.from(grey(1), (v) => v * 200);
    const deepPng = await sharp(deep, { raw: { width, height, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    const rgb = Uint8Array.from({ length: 3 * 63 }, (_, i) => grey(1 + (i % 3))[Math.floor(i / 3)]);
    const folder = await write(await temporaryFolder(), { '16.png': deepPng, 'rgb.png': await png(rgb, 3) });
    const notices: string[] = [];
    const summary = await run({ images: folder, mask: 'full', onNotice: (n) => notices.push(n) });
    const everything = new Uint8Array(63).fill(1);
    expect(column(summary, mean)[0]).toBeCloseTo(meanInside(deep, everything), 1);
    const luminance = grey(1).reduce(
      (sum, r, i) => sum + Math.round(0.299 * r + 0.587 * grey(2)[i] + 0.114 * grey(3)[i]),
      0,
    );
    expect(column(summary, mean)[1]).toBeCloseTo(luminance / 63, 4);
    expect(notices.join('\n')).toMatch(/1 colour images.*luminance[^]*2 files state no pixel spacing/);
  });

  const dims = [5, 4, 3];
  const voxels = Int16Array.from({ length: 60 }, (_, i) => ((i * 23) % 97) * 10 - 300);
  const volume = (more: Partial<NiftiParts> = {}) =>
    writeNifti({ dims, type: 4, bits: 16, data: asBytes(voxels), spacing: [0.5, 2, 3], ...more });
  const mask = (values: ArrayLike<number>, more: Partial<NiftiParts> = {}) =>
    writeNifti({ dims, type: 2, bits: 8, data: Uint8Array.from(values), spacing: [0.5, 2, 3], ...more });

  it('a NIfTI volume is one case; with slices, one a slice', async () => {
    const inside = Uint8Array.from({ length: 60 }, (_, i) => +(i % 3 !== 0 && i < 40));
    const folder = await write(await temporaryFolder(), {
      'imagesTr/case_0000.nii.gz': volume({ gzip: true }),
      'labelsTr/case.nii.gz': mask(inside, { gzip: true }),
    });
    const where = { images: join(folder, 'imagesTr'), mask: join(folder, 'labelsTr') };
    const notices: string[] = [];
    const whole = await run({ ...where, classes: ['firstorder', 'shape2D'], onNotice: (n) => notices.push(n) });
    expect(column(whole, 'id')).toEqual(['case_0000.nii.gz']);
    expect(column(whole, mean)[0]).toBeCloseTo(meanInside(voxels, inside), 4);
    const energy = 'original_firstorder_Energy';
    const total = 'original_firstorder_TotalEnergy';
    expect(Number(column(whole, total)[0]) / Number(column(whole, energy)[0])).toBeCloseTo(0.5 * 2 * 3, 5);
    expect(column(whole, 'original_shape2D_Sphericity')).toEqual([NaN]);
    expect(notices.join()).toMatch(/shape2D is empty for 1 volumes/);

    const slices = await run({ ...where, slices: true, classes: ['firstorder', 'shape2D'] });
    expect(column(slices, 'id')).toEqual(['case_0000.nii.gz#0', 'case_0000.nii.gz#1']);
    expect(column(slices, 'slice')).toEqual([0, 1]);
    expect(column(slices, mean)[1]).toBeCloseTo(meanInside(voxels.subarray(20, 40), inside.subarray(20, 40)), 4);
    expect(Number(column(slices, total)[0]) / Number(column(slices, energy)[0])).toBeCloseTo(0.5 * 2, 5);
    expect(column(slices, 'original_shape2D_PixelSurface')[1]).toBeCloseTo(
      inside.subarray(20, 40).reduce((a, b) => a + b) * 0.5 * 2,
      4,
    );
    expect(slices.quarantined.map(({ id, error }) => [id, error.what])).toEqual([
      ['case_0000.nii.gz#2', 'the mask is empty'],
    ]);
    const across = await run({ ...where, slices: true, axis: 0, classes: ['firstorder'] });
    const [first] = column(across, mean);
    const at0 = [...voxels].filter((_, i) => i % 5 === 0 && inside[i]);
    expect(first).toBeCloseTo(at0.reduce((a, b) => a + b) / at0.length, 4);
  });

  it('NaN outside the region does no harm, inside it is quarantined', async () => {
    const values = Float32Array.from(voxels).fill(NaN, 0, 5);
    const floats = writeNifti({ dims, type: 16, bits: 32, data: asBytes(values) });
    const inside = Uint8Array.from({ length: 60 }, (_, i) => +(i >= 5));
    const folder = await write(await temporaryFolder(), {
      'a.nii': floats,
      'm.nii': mask(inside),
      'n.nii': mask(new Uint8Array(60).fill(1)),
    });
    const good = await run({ images: join(folder, 'a.nii'), mask: join(folder, 'm.nii') });
    expect(column(good, mean)[0]).toBeCloseTo(meanInside(voxels, inside), 4);
    await expect(run({ images: join(folder, 'a.nii'), mask: join(folder, 'n.nii') })).rejects.toThrow(
      /5 values inside the region are NaN/,
    );
  });

  it('a mask of another size or another place is refused', async () => {
    const placed = (offset: number) => {
      const file = mask(new Uint8Array(60).fill(1));
      file.writeInt16LE(1, 254); // sform_code
      const rows = [0.5, 0, 0, offset, 0, 2, 0, 0, 0, 0, 3, 0];
      rows.forEach((v, i) => file.writeFloatLE(v, 280 + 4 * i));
      return file;
    };
    const image = Buffer.from(volume());
    placed(0).copy(image, 254, 254, 256);
    placed(0).copy(image, 280, 280, 328);
    const folder = await write(await temporaryFolder(), {
      'a.nii': image,
      'there.nii': placed(0),
      'near.nii': placed(0.001),
      'away.nii': placed(2),
      'small.nii': mask(new Uint8Array(40).fill(1), { dims: [5, 4, 2] }),
    });
    const of = (name: string) => run({ images: join(folder, 'a.nii'), mask: join(folder, name) });
    expect((await of('there.nii')).table.rows).toBe(1);
    expect((await of('near.nii')).table.rows).toBe(1);
    await expect(of('away.nii')).rejects.toThrow(/the mask lies 4\.00 voxels away/);
    await expect(of('small.nii')).rejects.toThrow(/the mask is 5×4×2 but its image is 5×4×3/);
  });

  it('channels that are no colour are refused', async () => {
    const four = writeNifti({ dims: [5, 4, 1, 3], type: 4, bits: 16, data: asBytes(voxels) });
    const folder = await write(await temporaryFolder(), { 'a.nii': four });
    await expect(run({ images: join(folder, 'a.nii'), mask: 'full' })).rejects.toThrow(/3 channels, expected one/);
  });
});

describe('the pass', () => {
  async function pool(count: number): Promise<{ images: string; mask: string; folder: string }> {
    const folder = await temporaryFolder();
    for (let i = 0; i < count; i++) {
      const name = `${String(i).padStart(3, '0')}.png`;
      await write(folder, { [`images/${name}`]: await png(grey(i)), [`masks/${name}`]: await png(square(1)) });
    }
    return { images: join(folder, 'images'), mask: join(folder, 'masks'), folder };
  }

  it('bad files are quarantined with their reason, and the rest keeps the order of the pool', async () => {
    const { folder, ...where } = await pool(40);
    await writeFile(join(where.images, '005.png'), 'no picture');
    await writeFile(
      join(where.mask, '011.png'),
      await sharp(await png(square(1)))
        .resize(4, 4)
        .png()
        .toBuffer(),
    );
    await writeFile(join(where.mask, '020.png'), await png(Uint8Array.from({ length: 63 }, (_, i) => +(i === 30))));
    await writeFile(join(where.mask, '039.png'), await png(square(0)));
    const out = join(folder, 'features.parquet');
    const summary = await run({ ...where, out, workers: 3 });
    expect(summary.quarantined.map(({ id, stage, error }) => [id, stage, error.code])).toEqual([
      ['005.png', 'read', 'E_IMAGE_CORRUPT'],
      ['011.png', 'roi', 'E_ROI'],
      ['020.png', 'roi', 'E_ROI'],
      ['039.png', 'roi', 'E_ROI'],
    ]);
    const table = await readTable(out);
    const ids = table.columns.get('id') as string[];
    expect(ids).toHaveLength(36);
    expect(ids).toEqual([...ids].sort());
    const means = table.columns.get(mean) as Float64Array;
    ids.forEach((id, i) => expect(means[i]).toBeCloseTo(meanInside(grey(parseInt(id)), square(1)), 4));
    const bad = await readTable(`${out}.quarantine.csv`);
    expect(bad.columns.get('message')![1]).toMatch(/the mask is 4×4 but its image is 9×7/);
    const record = JSON.parse(await readFile(`${out}.json`, 'utf8')) as Record<string, unknown>;
    expect(record).toMatchObject({ rows: 36, quarantined: 4, settings: { binWidth: 25 } });
    expect(JSON.stringify(record)).not.toContain(folder);
  });

  it('rows are the same on any number of workers, and progress reaches the whole', async () => {
    const { folder: _, ...where } = await pool(50);
    const done: number[] = [];
    const alone = await run({ ...where, onProgress: (e) => done.push(e.done) });
    const many = await run({ ...where, workers: 4 });
    expect([...many.table.columns]).toEqual([...alone.table.columns]);
    expect([done[0], done.at(-1)]).toEqual([0, 50]);
  });

  it('a GPU takes pictures of one size together', async (context) => {
    const kernels = { firstorder: firstOrder, glcm, shape2D: shape2d };
    const classes = Object.entries(kernels).flatMap(([name, { wgsl }]) => ('unavailable' in wgsl ? [] : [name]));
    const gpu = await openBackend({ prefer: 'webgpu' }).catch(() => undefined);
    if (!gpu) return context.skip('no WebGPU adapter');
    gpu.close();
    if (!classes.length) return context.skip('no radiomics kernel in WGSL');
    const { folder: _, ...where } = await pool(20);
    await writeFile(join(where.mask, '003.png'), await png(square(0)));
    const host = await run({ ...where, classes });
    const there = await run({ ...where, classes, backend: 'webgpu' });
    expect(there.backend?.name).toBe('webgpu');
    expect(column(there, 'id')).toEqual(column(host, 'id'));
    for (const name of host.names) {
      const want = column(host, name).map(Number);
      column(there, name).forEach((v, i) =>
        expect(Math.abs(Number(v) - want[i]), name).toBeLessThan(2e-3 * Math.abs(want[i]) + 2e-3),
      );
    }
  }, 240_000);

  it('an earlier quarantine list goes when nothing is quarantined', async () => {
    const { folder, ...where } = await pool(2);
    const out = join(folder, 'f.csv');
    await writeFile(join(where.mask, '000.png'), await png(square(0)));
    await run({ ...where, out });
    expect(existsSync(`${out}.quarantine.csv`)).toBe(true);
    await writeFile(join(where.mask, '000.png'), await png(square(1)));
    await run({ ...where, out });
    expect(existsSync(`${out}.quarantine.csv`)).toBe(false);
    expect((await readFile(out, 'utf8')).split('\n')[0]).toMatch(/^id,path,mask,mask_label,original_firstorder_/);
  });

  it('an output that cannot be written is refused before the work', async () => {
    const { folder, ...where } = await pool(1);
    await expect(run({ ...where, out: join(folder, 'f.xlsx') })).rejects.toThrow(/Use \.parquet or \.csv/);
    const out = join(folder, 'nowhere', 'f.csv');
    const onProgress = () => expect.unreachable();
    await expect(run({ ...where, out, onProgress })).rejects.toMatchObject({ code: 'E_OUTPUT' });
  });
});
