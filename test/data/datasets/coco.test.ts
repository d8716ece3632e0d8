import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decoded, imported, importError, png, unpacked, type Files } from './miniature.js';
import { fillPolygon } from '../../../src/data/datasets/polygon.js';
import { fillRuns } from '../../../src/data/datasets/run_length.js';

const categories = [
  { id: 7, name: 'lesion', supercategory: 'finding' },
  { id: 3, name: 'implant', supercategory: 'finding' },
];

const train = {
  info: {},
  licenses: [],
  images: [
    { id: 11, file_name: '000000000011.png', width: 8, height: 6 },
    { id: 12, file_name: '000000000012.png', width: 8, height: 6 },
    { id: 13, file_name: '000000000013.png', width: 8, height: 6 },
  ],
  annotations: [
    {
      ...{ id: 1, image_id: 11, category_id: 7, iscrowd: 0, area: 12, bbox: [1, 1, 4, 3] },
      segmentation: [[1, 1, 5, 1, 5, 4, 1, 4]],
    },
    {
      ...{ id: 2, image_id: 11, category_id: 3, iscrowd: 0, area: 1, bbox: [7, 5, 1, 1] },
      segmentation: [[7, 5, 8, 5, 8, 6, 7, 6]],
    },
    {
      // A crowd: columns 2 and 3 from row 0 on, 9 pixels down the columns.
      ...{ id: 3, image_id: 12, category_id: 7, iscrowd: 1, area: 9, bbox: [2, 0, 2, 6] },
      segmentation: { size: [6, 8], counts: [12, 9, 27] },
    },
  ],
  categories,
};

const val = {
  images: [{ id: 11, file_name: 'a/000000000021.png', width: 8, height: 6 }],
  annotations: [{ id: 1, image_id: 11, category_id: 3, bbox: [0, 0, 0, 4] }],
  categories,
};

async function miniature(): Promise<Files> {
  return {
    'annotations/instances_train2017.json': JSON.stringify(train),
    'annotations/instances_val2017.json': JSON.stringify(val),
    'annotations/captions_val2017.json': JSON.stringify({ ...val, categories: [] }),
    'train2017/000000000011.png': await png(8, 6),
    'train2017/000000000012.png': await png(8, 6),
    'train2017/000000000013.png': await png(8, 6),
    'val2017/000000000021.png': await png(8, 6),
  };
}

const inside = (roi: Uint8Array): number[] => [...roi.entries()].flatMap(([i, value]) => (value ? [i] : []));

test('labels, boxes and parts', async () => {
  const { samples, byId, notices } = await imported('coco', await unpacked(await miniature()));
  expect(samples.map(({ id, label, split }) => [id, label, split])).toEqual([
    ['000000000011', 'lesion|implant', 'train'],
    ['000000000012', 'lesion', 'train'],
    ['000000000013', undefined, 'train'],
    ['000000000021', 'implant', 'validation'],
  ]);
  expect(byId.get('000000000011')?.boxes).toEqual([
    { x0: 1, y0: 1, x1: 5, y1: 4 },
    { x0: 7, y0: 5, x1: 8, y1: 6 },
  ]);
  expect(byId.get('000000000021')?.boxes).toBeUndefined();
  expect(notices.join()).toMatch(/1 boxes without an area.*/);
  expect(notices.join()).toMatch(/Not read: annotations\/captions_val2017\.json/);
  const { roi, image } = await decoded(byId.get('000000000011')!, 24);
  expect(roi[24 * 6 + 4]).toBe(1); // x 1.5, y 1.6
  expect(roi[24 * 2 + 4]).toBe(0);
  expect(image.some((value) => value > 0)).toBe(true);
});

test('polygons and crowds as masks', async () => {
  const { byId, summary } = await imported('coco', await unpacked(await miniature()), { options: { masks: true } });
  expect(summary.withRegion).toBe(2);
  const polygon = await decoded(byId.get('000000000011')!, 24);
  expect(polygon.roi.filter(Boolean)).toHaveLength((12 + 1) * 3 * 4);
  const crowd = await decoded(byId.get('000000000012')!, 24);
  expect(crowd).toMatchObject({ roi: expect.anything() as unknown, originalWidth: 8, originalHeight: 6 });
  // Column 2 whole, column 3 down to row 2; a pixel is 3 wide and 4 high here.
  expect(inside(crowd.roi).length).toBe(9 * 12);
  expect([crowd.roi[24 * 22 + 7], crowd.roi[24 * 11 + 10], crowd.roi[24 * 12 + 10]]).toEqual([1, 1, 0]);
  const without = await imported('coco', await unpacked(await miniature()), {
    options: { masks: true, skipCrowd: true, emptyLabel: 'nothing' },
  });
  expect(without.byId.get('000000000012')).toMatchObject({ label: 'nothing' });
  expect(without.byId.get('000000000012')?.mask).toBeUndefined();
});

test('an import into the set itself can be made again', async () => {
  const { 'train2017/000000000012.png': _, ...part } = await miniature();
  const root = await unpacked(part);
  const again = () => imported('coco', root, { partial: true, out: join(root, 'coco'), options: { masks: true } });
  const [first, second] = [await again(), await again()];
  // The masks that the first one drew are no images of the second.
  expect(second.samples).toEqual(first.samples);
  expect(second.summary).toMatchObject({ samples: 3, absent: 1 });
  const { 'annotations/instances_train2017.json': __, ...rest } = part;
  const missing = await unpacked({
    ...rest,
    'coco/masks/000000000021.png': await png(8, 6),
    'train2017/x.png': await png(4),
  });
  await rm(join(missing, 'val2017'), { recursive: true });
  expect((await importError('coco', missing, { out: join(missing, 'coco') })).message).toMatch(/1 of 1 images/);
});

test('chosen categories', async () => {
  const root = await unpacked(await miniature());
  const lesions = await imported('coco', root, { options: { findings: 'lesion' } });
  expect(lesions.samples.map(({ label, boxes }) => [label, boxes?.length])).toEqual([
    ['lesion', 1],
    ['lesion', 1],
  ]);
  expect((await importError('coco', root, { options: { findings: 'lesions' } })).message).toMatch(
    /did you mean lesion/,
  );
});

test('Roboflow: a file in each folder, the same names twice', async () => {
  const file = (id: number) =>
    JSON.stringify({ ...val, images: [{ id, file_name: '1.png', width: 8, height: 6 }], annotations: [] });
  const root = await unpacked({
    'train/_annotations.coco.json': file(0),
    'train/1.png': await png(8, 6),
    'valid/_annotations.coco.json': file(1),
    'valid/1.png': await png(8, 6),
    'test/_annotations.coco.json': file(0),
    'test/1.png': await png(8, 6),
  });
  const { samples } = await imported('coco', root, { options: { emptyLabel: 'normal' } });
  expect(samples.map(({ id, split, label }) => [id, split, label])).toEqual([
    ['test/1', 'test', 'normal'],
    ['train/1', 'train', 'normal'],
    ['valid/1', 'validation', 'normal'],
  ]);
});

test('what is missing or wrong', async () => {
  const all = await miniature();
  const { 'train2017/000000000012.png': _, ...part } = all;
  expect((await importError('coco', await unpacked(part))).message).toMatch(/1 of 4 images.*000000000012\.png/);
  expect((await imported('coco', await unpacked(part), { partial: true })).summary.samples).toBe(3);

  const with_ = (change: object) =>
    unpacked({ ...all, 'annotations/instances_val2017.json': JSON.stringify({ ...val, ...change }) });
  const unknown = await importError('coco', await with_({ annotations: [{ image_id: 11, category_id: 99 }] }));
  expect(unknown.message).toMatch(/instances_val2017\.json: .* category 99/);
  const flat = await importError(
    'coco',
    await with_({ annotations: [{ image_id: 11, category_id: 3, bbox: [1, 2] }] }),
  );
  expect(flat.message).toMatch(/annotations\[0\]: bbox is not four numbers/);
  const twice = await importError('coco', await with_({ images: train.images }));
  expect(twice.code).toBe('E_DATASET');
  const broken = { ...all, 'annotations/instances_val2017.json': '{"images":[],"annotations":[],"categories":[' };
  expect((await importError('coco', await unpacked(broken))).message).toMatch(/cannot be read as JSON/);
  const other = { 'readme.json': '{"images": 3}', 'a.png': await png(4) };
  const none = await importError('coco', await unpacked(other));
  expect(none.message).toMatch(/no JSON file with images, annotations and categories .*1 × \.png/s);
  const named = await importError('coco', await unpacked(all), { options: { annotations: 'instances_test.json' } });
  expect(named.message).toMatch(/there is no file instances_test\.json/);
  expect(
    (await imported('coco', await unpacked(all), { options: { annotations: 'instances_val2017.json' } })).samples,
  ).toHaveLength(1);
});

test('run lengths, as a list and as text', () => {
  const mask = new Uint8Array(6);
  // 2 rows of 3: column 0 row 1, column 1 row 0.
  expect(fillRuns([1, 2, 3], mask, 3, 2)).toBe(true);
  expect([...mask]).toEqual([0, 1, 0, 1, 0, 0]);
  expect(fillRuns([1, 2, 4], mask, 3, 2)).toBe(false);
  // From the fourth number on differences to the one two before; 42 takes two characters, a smaller one is negative.
  const runs = [42, 3, 40, 1, 14];
  const text = 'Z1' + '3' + 'X1' + 'N' + 'VO';
  const [a, b] = [new Uint8Array(100), new Uint8Array(100)];
  expect(fillRuns(text, a, 10, 10)).toBe(true);
  expect(fillRuns(runs, b, 10, 10)).toBe(true);
  expect(a).toEqual(b);
});

test('polygons take pixels whose centre is inside', () => {
  const drawn = (corners: number[]) => {
    const mask = new Uint8Array(16);
    fillPolygon(corners, mask, 4, 4);
    return inside(mask);
  };
  expect(drawn([0.6, 0, 3.4, 0, 3.4, 1, 0.6, 1])).toEqual([1, 2]);
  expect(drawn([0, 0, 4, 0, 0, 4])).toEqual([0, 1, 2, 4, 5, 8]);
  expect(drawn([-9, -9, 9, -9, 9, 9, -9, 9])).toHaveLength(16);
  expect(drawn([1.1, 2.1, 1.2, 2.1, 1.2, 2.2])).toEqual([9]);
});
