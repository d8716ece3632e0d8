import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decoded, imported, importError, png, unpacked, type Files } from './miniature.js';

/** The header as it is handed out: two of its names hold commas, and there is one comma too many. */
const header =
  'Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],';

async function miniature(): Promise<Files> {
  const images = ['00000001_000', '00000001_001', '00000002_000', '00000003_000', '00000005_000'];
  const folder = (i: number) => `images_${String(1 + (i % 2)).padStart(3, '0')}/images`;
  return {
    'Data_Entry_2017.csv': [
      header,
      '00000001_000.png,Cardiomegaly,0,1,058Y,M,PA,2682,2749,0.143,0.143,',
      '00000001_001.png,Cardiomegaly|Effusion,1,1,058Y,M,PA,2894,2729,0.143,0.143,',
      '00000002_000.png,No Finding,0,2,081Y,M,AP,2500,2048,0.171,0.171,',
      '00000003_000.png,Infiltration,0,3,074Y,F,PA,2500,2048,0.168,0.168,',
      '00000005_000.png,Effusion,0,5,069Y,F,PA,2048,2500,0.168,0.168,',
      '',
    ].join('\n'),
    'BBox_List_2017.csv': [
      'Image Index,Finding Label,Bbox [x,y,w,h],,,',
      '00000003_000.png,Infiltrate,2.25,4,8.5,6.125,,,',
      '00000001_001.png,Effusion,0,0,4,4,,,',
      '',
    ].join('\n'),
    'train_val_list.txt': '00000001_000.png\n00000001_001.png\n00000003_000.png\n00000005_000.png\n',
    'test_list.txt': '00000002_000.png\n',
    ...Object.fromEntries(await Promise.all(images.map(async (id, i) => [`${folder(i)}/${id}.png`, await png(16)]))),
  };
}

test('labels, boxes, patients and the official split', async () => {
  const { samples, byId, summary } = await imported('nih-chestxray14', await unpacked(await miniature()), {
    validation: 0,
  });
  expect(samples.map(({ id }) => id)).toEqual([
    '00000001_000',
    '00000001_001',
    '00000002_000',
    '00000003_000',
    '00000005_000',
  ]);
  expect(byId.get('00000001_001')).toMatchObject({
    ...{ label: 'Cardiomegaly|Effusion', patient: '1', split: 'train', boxes: [{ x0: 0, y0: 0, x1: 4, y1: 4 }] },
  });
  // Boxes call it Infiltrate.
  expect(byId.get('00000003_000')?.boxes).toEqual([{ x0: 2.25, y0: 4, x1: 10.75, y1: 10.125 }]);
  expect(byId.get('00000002_000')).toMatchObject({ label: 'No Finding', split: 'test' });
  expect(summary).toMatchObject({ samples: 5, patients: 4, withRegion: 2, absent: 0 });
  const { roi, image } = await decoded(byId.get('00000001_001')!, 16);
  expect(roi.reduce((sum, value) => sum + value, 0)).toBe(16);
  expect(image.some((value) => value > 0)).toBe(true);
});

test('validation takes whole patients of the training list, the same every time', async () => {
  const root = await unpacked(await miniature());
  const [once, twice] = [
    await imported('nih-chestxray14', root, { validation: 0.5, seed: 3 }),
    await imported('nih-chestxray14', root, { validation: 0.5, seed: 3 }),
  ];
  const parts = ({ samples }: typeof once) => samples.map(({ split }) => split);
  expect(parts(once)).toEqual(parts(twice));
  expect(parts(once)).toContain('validation');
  expect(once.byId.get('00000001_000')?.split).toBe(once.byId.get('00000001_001')?.split);
  expect(once.byId.get('00000002_000')?.split).toBe('test');
});

test('chosen findings, one label, views, patients', async () => {
  const root = await unpacked(await miniature());
  const chosen = await imported('nih-chestxray14', root, { options: { findings: 'Effusion,No Finding' } });
  expect(chosen.samples.map(({ label }) => label)).toEqual(['Effusion', 'No Finding', 'Effusion']);
  expect(chosen.summary.leftOut.get('none of the chosen findings')).toBe(2);
  const single = await imported('nih-chestxray14', root, { options: { oneLabel: true } });
  expect(single.byId.has('00000001_001')).toBe(false);
  const frontal = await imported('nih-chestxray14', root, { options: { views: ['AP'] } });
  expect(frontal.samples.map(({ id }) => id)).toEqual(['00000002_000']);
  const two = await imported('nih-chestxray14', root, { patients: 2, seed: 1 });
  expect(two.summary.patients).toBe(2);
  expect((await importError('nih-chestxray14', root, { options: { findings: 'Efusion' } })).message).toMatch(
    /"Efusion" is not a finding of this set; did you mean Effusion/,
  );
});

test('what is missing is said in one message', async () => {
  const { 'Data_Entry_2017.csv': _, ...rest } = await miniature();
  const headless = await importError('nih-chestxray14', await unpacked(rest));
  expect(headless.code).toBe('E_DATASET');
  expect(headless.message).toMatch(/Data_Entry_2017\.csv of NIH ChestX-ray14 is not there.*NIH Clinical Center/s);

  const all = await miniature();
  const part = Object.fromEntries(Object.entries(all).filter(([path]) => !path.startsWith('images_002/')));
  const root = await unpacked(part);
  expect((await importError('nih-chestxray14', root)).message).toMatch(
    /2 of 5 images .* are not there: 00000001_001\.png, 00000003_000\.png.*--partial/s,
  );
  const partial = await imported('nih-chestxray14', root, { partial: true });
  expect(partial.summary).toMatchObject({ samples: 3, absent: 2 });

  const empty = await importError('nih-chestxray14', await unpacked({ 'readme.txt': '' }));
  expect(empty.message).toMatch(/the folder holds 1 × \.txt/);
  const renamed = { ...all, 'Data_Entry_2017.csv': 'a,b\n1,2\n' };
  expect((await importError('nih-chestxray14', await unpacked(renamed))).message).toMatch(
    /no column "Image Index".*found: a, b/s,
  );
  const nowhere = join(await unpacked({}), 'nowhere');
  expect((await importError('nih-chestxray14', nowhere)).code).toBe('E_NOT_FOUND');
});
