import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { imageItem, writeDicom } from '../dicom_writer.js';
import { asBytes, writeNifti } from '../nifti_writer.js';
import { decoded, imported, importError, png, unpacked } from './miniature.js';

/** Inside in the upper half. */
const mask = (width: number, height = width) =>
  sharp(
    Uint8Array.from({ length: width * height }, (_, i) => (i < (width * height) / 2 ? 255 : 0)),
    { raw: { width, height, channels: 1 } },
  )
    .toColourspace('b-w')
    .png()
    .toBuffer();

const dicom = (): Uint8Array => writeDicom({ ...imageItem(4, 4), '7FE00010': ['OB', new Uint8Array(16).fill(200)] });

const volume = () =>
  writeNifti({ dims: [4, 4, 3], type: 2, bits: 8, data: asBytes(Uint8Array.from({ length: 48 }, (_, i) => i)) });

const rows = ({ samples }: Awaited<ReturnType<typeof imported>>) =>
  samples.map(({ id, label, split, patient }) => [id, label, split, patient]);

test('a folder for each class: pictures, DICOM without extension, volumes', async () => {
  const root = await unpacked({
    'benign/p1_a.png': await png(4),
    'benign/deeper/p1_b.PNG': await png(4),
    'malignant/p2_IM0001': dicom(),
    'malignant/p3_v.nii': volume(),
    'malignant/notes.txt': 'text',
    'malignant/p4_empty': 'no image',
    'readme.md': '',
  });
  const all = await imported('image-folder', root, { options: { patientPattern: '^(p\\d)_' } });
  expect(rows(all)).toEqual([
    ['p1_b', 'benign', undefined, 'p1'],
    ['p1_a', 'benign', undefined, 'p1'],
    ['p2_IM0001', 'malignant', undefined, 'p2'],
    // The pool has a sample for each slice.
    ...[0, 1, 2].map((slice) => [`p3_v#${slice}`, 'malignant', undefined, 'p3']),
  ]);
  expect(all.summary.leftOut.get('no images')).toBe(1);
  const { image, originalWidth } = await decoded(all.byId.get('p2_IM0001')!, 4);
  expect(originalWidth).toBe(4);
  expect(image.every(Number.isFinite)).toBe(true);
  expect((await decoded(all.byId.get('p3_v#1')!, 4)).image[0]).toBeCloseTo(16 / 47, 5);
});

test('a folder for each part, masks found by name', async () => {
  const files = Object.fromEntries(
    await Promise.all(
      ['train/a/1', 'train/b/2', 'valid/a/1', 'test/b/3'].map(async (name) => [`${name}.png`, await png(4)]),
    ),
  ) as Record<string, Uint8Array>;
  const root = await unpacked({
    ...files,
    'masks/train/a/1_mask.png': await mask(4),
    'masks/valid/a/1.png': await mask(4),
    'masks/test/b/3_seg.png': await mask(4),
  });
  const found = await imported('image-folder', root, { options: { masks: 'masks' } });
  expect(rows(found)).toEqual([
    ['test/b/3', 'b', 'test', undefined],
    ['train/a/1', 'a', 'train', undefined],
    ['train/b/2', 'b', 'train', undefined],
    ['valid/a/1', 'a', 'validation', undefined],
  ]);
  expect(found.samples.map(({ mask: path }) => path?.slice(join(root, 'masks/').length))).toEqual([
    ...['test/b/3_seg.png', 'train/a/1_mask.png', undefined, 'valid/a/1.png'],
  ]);
  const { roi } = await decoded(found.byId.get('train/a/1')!, 4);
  expect([...roi]).toEqual([...Array<number>(8).fill(1), ...Array<number>(8).fill(0)]);
  const mixed = await importError('image-folder', root);
  expect(mixed.message).toMatch(
    /the folders test, train, valid are parts of a set, and masks beside them is not.*--masks/,
  );
});

test('one mask for two images is no mask for either', async () => {
  const root = await unpacked({
    ...{ 'a/1.png': await png(4), 'b/1.png': await png(4), 'masks/1.png': await mask(4) },
  });
  const failed = await importError('image-folder', root, { options: { masks: 'masks' } });
  expect(failed.message).toMatch(/masks\/1\.png: this mask fits two images: a\/1\.png and b\/1\.png/);
});

test('masks beside their images are no images', async () => {
  const root = await unpacked({
    'benign/benign (1).png': await png(4),
    'benign/benign (1)_mask.png': await mask(4),
    'normal/normal (1).png': await png(4),
  });
  expect((await imported('image-folder', root)).notices.join()).toMatch(/1 files look like masks.*--masks \./);
  const { samples } = await imported('image-folder', root, { options: { masks: '.' } });
  expect(samples.map(({ id, mask: path }) => [id, path !== undefined])).toEqual([
    ['benign (1)', true],
    ['normal (1)', false],
  ]);
});

test('what is missing or wrong', async () => {
  const flat = await importError('image-folder', await unpacked({ 'a.png': await png(4) }));
  expect(flat.message).toMatch(/no folder with images for a class \(the folder holds 1 × \.png\).*<class>/s);
  const root = await unpacked({ 'a/1_x.png': await png(4), 'b/y.png': await png(4) });
  const use = (patientPattern: string) => ({ options: { patientPattern } });
  expect((await imported('image-folder', root, use('^(\\d)_'))).notices.join()).toMatch(
    /1 file names do not match.*y\.png/,
  );
  expect((await importError('image-folder', root, use('^(q)'))).message).toMatch(
    /no file name matches \^\(q\).*1_x\.png/,
  );
  expect((await importError('image-folder', root, use('^\\d'))).message).toMatch(/one group/);
  expect((await importError('image-folder', root, use('(('))).message).toMatch(
    /patientPattern: Invalid regular expression/,
  );
  const nowhere = await importError('image-folder', root, { options: { masks: join(root, 'nowhere') } });
  expect(nowhere).toMatchObject({ code: 'E_NOT_FOUND' });
  // Every part of a set goes to the adapter that knows it.
  const other = await unpacked({ 'images/a.png': await png(4), 'annotations/instances_val.json': '{}' });
  expect((await importError('image-folder', other)).message).toMatch(/it looks like COCO JSON/);
});
