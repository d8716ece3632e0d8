import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { decoded, imported, importError, unpacked, type Files } from './miniature.js';
import { radiograph, secrets } from './radiograph.js';

const local = [
  ...['Aortic enlargement', 'Atelectasis', 'Calcification', 'Cardiomegaly', 'Clavicle fracture', 'Consolidation'],
  ...['Edema', 'Emphysema', 'Enlarged PA', 'ILD', 'Infiltration', 'Lung Opacity', 'Lung cavity', 'Lung cyst'],
  ...['Mediastinal shift', 'Nodule/Mass', 'Pleural effusion', 'Pleural thickening', 'Pneumothorax'],
  ...['Pulmonary fibrosis', 'Rib fracture', 'Other lesion'],
];
const whole = ['COPD', 'Lung tumor', 'Pneumonia', 'Tuberculosis'];
const id = (n: number) => String(n).padStart(32, 'a');

/** Readings of the training part: image, reader, finding, box. */
const readings: [image: number, reader: string, finding: string, box?: string][] = [
  // Three see the heart, two of them at the same place; one sees a nodule as well.
  [1, 'R8', 'Cardiomegaly', '10,20,30,40'],
  [1, 'R9', 'Cardiomegaly', '12,20,32,40'],
  [1, 'R10', 'Cardiomegaly', '2,2,6,6'],
  [1, 'R10', 'Nodule/Mass', '0,0,4,4'],
  [2, 'R8', 'No finding'],
  [2, 'R9', 'No finding'],
  [2, 'R10', 'Nodule/Mass', '5,5,9,9'],
  [3, 'R1', 'Pleural effusion', '0,40,20,60'],
  [3, 'R2', 'Atelectasis', '0,0,8,8'],
  [3, 'R3', 'No finding'],
  [4, 'R1', 'Other lesion', '1,1,9,9'],
  [4, 'R2', 'Other lesion', '1,1,9,9'],
  [4, 'R3', 'Other lesion', '1,1,9,9'],
  [5, 'R1', 'No finding'],
  [5, 'R2', 'No finding'],
  [5, 'R3', 'No finding'],
];
/** Suspected diseases: image 4 has tuberculosis by two, image 6 pneumonia by two and no box. */
const suspected: [image: number, reader: string, disease: string][] = [
  [4, 'R1', 'Tuberculosis'],
  [4, 'R2', 'Tuberculosis'],
  [4, 'R3', 'Lung tumor'],
  [6, 'R1', 'Pneumonia'],
  [6, 'R2', 'Pneumonia'],
  [6, 'R3', 'No finding'],
];

function physionet(ending = 'dicom'): Files {
  const columns = [...local, ...whole, 'Other diseases', 'No finding'];
  const readers = new Map<string, Set<string>>();
  for (const [image, reader, finding] of [...readings, ...suspected]) {
    const key = `${id(image)},${reader}`;
    readers.set(key, (readers.get(key) ?? new Set<string>()).add(finding));
  }
  const flags = (found: ReadonlySet<string>, names: string[]) => names.map((name) => (found.has(name) ? 1 : 0)).join();
  const testColumns = [...local, ...whole, 'Other disease', 'No finding'];
  return {
    'annotations/annotations_train.csv': [
      'image_id,rad_id,class_name,x_min,y_min,x_max,y_max',
      ...readings.map(([image, reader, finding, box]) => `${id(image)},${reader},${finding},${box ?? ',,,'}`),
      '',
    ].join('\n'),
    'annotations/image_labels_train.csv': [
      `image_id,rad_id,${columns.join()}`,
      ...[...readers].map(([key, found]) => `${key},${flags(found, columns)}`),
      '',
    ].join('\n'),
    'annotations/annotations_test.csv': [
      'image_id,class_name,x_min,y_min,x_max,y_max',
      `${id(7)},Rib fracture,3.5,4,20,30`,
      `${id(7)},Rib fracture,4,4,20,30`,
      `${id(8)},No finding,,,,`,
      '',
    ].join('\n'),
    'annotations/image_labels_test.csv': [
      `image_id,${testColumns.join()}`,
      `${id(7)},${flags(new Set(['Rib fracture', 'Other disease']), testColumns)}`,
      `${id(8)},${flags(new Set(['No finding']), testColumns)}`,
      '',
    ].join('\n'),
    'LICENSE.txt': 'PhysioNet Credentialed Health Data License 1.5.0',
    ...Object.fromEntries(
      [1, 2, 3, 4, 5, 6, 7, 8].map((n) => [`${n < 7 ? 'train' : 'test'}/${id(n)}.${ending}`, radiograph(64)]),
    ),
  };
}

const kaggleClasses = ['Aortic enlargement', 'Atelectasis', 'Calcification', 'Cardiomegaly'];

function kaggle(): Files {
  return {
    'train.csv': [
      'image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max',
      `${id(1)},Cardiomegaly,${kaggleClasses.indexOf('Cardiomegaly')},R10,691,1375,1653,1831`,
      `${id(1)},Cardiomegaly,3,R9,691,1375,1653,1831`,
      `${id(1)},No finding,14,R8,,,,`,
      `${id(2)},No finding,14,R8,,,,`,
      `${id(2)},No finding,14,R9,,,,`,
      `${id(2)},No finding,14,R10,,,,`,
      '',
    ].join('\n'),
    'sample_submission.csv': `image_id,PredictionString\n${id(9)},14 1 0 0 1 1\n`,
    ...Object.fromEntries([1, 2, 9].map((n) => [`${n < 9 ? 'train' : 'test'}/${id(n)}.dicom`, radiograph(16)])),
  };
}

test('findings that two radiologists saw, fused boxes, official parts', async () => {
  const { samples, byId, summary } = await imported('vindr-cxr', await unpacked(physionet()), { validation: 0 });
  expect(samples.map((sample) => [Number(sample.id.replaceAll('a', '')), sample.label, sample.split])).toEqual([
    [1, 'Cardiomegaly', 'train'],
    [2, 'No finding', 'train'],
    [4, 'Other lesion', 'train'],
    [5, 'No finding', 'train'],
    [7, 'Rib fracture', 'test'],
    [8, 'No finding', 'test'],
  ]);
  // Both that overlap by more than 0.4 (18 · 20 of 22 · 20) become their mean; the third is elsewhere.
  expect(byId.get(id(1))?.boxes).toEqual([
    { x0: 11, y0: 20, x1: 31, y1: 40 },
    { x0: 2, y0: 2, x1: 6, y1: 6 },
  ]);
  expect(byId.get(id(2))?.boxes).toBeUndefined();
  expect(byId.get(id(4))?.boxes).toEqual([{ x0: 1, y0: 1, x1: 9, y1: 9 }]);
  // The test part is a consensus already: its boxes stay as they are.
  expect(byId.get(id(7))?.boxes).toEqual([
    { x0: 3.5, y0: 4, x1: 20, y1: 30 },
    { x0: 4, y0: 4, x1: 20, y1: 30 },
  ]);
  expect(Object.fromEntries(summary.leftOut)).toEqual({
    'radiologists do not agree': 1,
    'suspected diseases alone': 1,
  });
  expect(summary).toMatchObject({ samples: 6, patients: 0, withRegion: 3, absent: 0 });
  const { image, roi } = await decoded(byId.get(id(1))!, 64);
  expect(roi.reduce((sum, value) => sum + value, 0)).toBe(20 * 20 + 4 * 4);
  expect(roi[30 * 64 + 20]).toBe(1);
  expect(image.some((value) => value > 0.1)).toBe(true);
  for (const name of ['manifest.csv', 'dataset.json'])
    expect(await readFile(join(dirname(summary.manifest), name), 'utf8')).not.toMatch(secrets);
});

test('agreement, consensus of boxes, overlap', async () => {
  const root = await unpacked(physionet());
  const one = await imported('vindr-cxr', root, { options: { agree: '1', consensus: 'union' } });
  expect(one.byId.get(id(1))).toMatchObject({ label: 'Cardiomegaly|Nodule/Mass' });
  expect(one.byId.get(id(1))?.boxes).toHaveLength(4);
  expect(one.byId.get(id(2))?.label).toBe('Nodule/Mass');
  expect(one.byId.get(id(3))?.label).toBe('Atelectasis|Pleural effusion');
  const all = await imported('vindr-cxr', root, { options: { agree: 3 } });
  expect(all.samples.map(({ id: own }) => own)).toEqual([1, 4, 5, 7, 8].map(id));
  const strict = await imported('vindr-cxr', root, { options: { iou: 0.9 } });
  expect(strict.byId.get(id(1))?.boxes).toHaveLength(3);
  // Only boxes of findings that are kept.
  const nodules = await imported('vindr-cxr', root, { options: { findings: 'Nodule/Mass', agree: 1 } });
  expect(nodules.byId.get(id(1))?.boxes).toEqual([{ x0: 0, y0: 0, x1: 4, y1: 4 }]);
  const share = await imported('vindr-cxr', root, { validation: 0.5, seed: 1 });
  expect(Object.fromEntries(share.summary.bySplit)).toEqual({ train: 2, validation: 2, test: 2 });
  expect((await importError('vindr-cxr', root, { options: { consensus: 'mean' } })).message).toMatch(
    /consensus: .*wbf/,
  );
});

test('suspected diseases as labels', async () => {
  const root = await unpacked(physionet('dcm'));
  const { byId } = await imported('vindr-cxr', root, { options: { diseases: true } });
  expect(byId.get(id(4))?.label).toBe('Other lesion|Tuberculosis');
  expect(byId.get(id(6))).toMatchObject({ label: 'Pneumonia' });
  expect(byId.get(id(6))?.boxes).toBeUndefined();
  // "Other disease" of the test part is "Other diseases" of the training part.
  expect(byId.get(id(7))?.label).toBe('Rib fracture|Other diseases');
  const named = await imported('vindr-cxr', root, { options: { findings: ['Pneumonia'] } });
  expect(named.samples.map((sample) => sample.id)).toEqual([id(6)]);
});

test("Kaggle's layout: labels without an official split, no test part", async () => {
  const root = await unpacked(kaggle());
  const { samples } = await imported('vindr-cxr', root);
  expect(samples.map(({ id: own, label, split, boxes }) => [own, label, split, boxes])).toEqual([
    [id(1), 'Cardiomegaly', undefined, [{ x0: 691, y0: 1375, x1: 1653, y1: 1831 }]],
    [id(2), 'No finding', undefined, undefined],
  ]);
  expect((await importError('vindr-cxr', root, { options: { diseases: true } })).message).toMatch(
    /image_labels_train\.csv of VinDr-CXR is not there/,
  );
});

test('what is missing or not as it is handed out', async () => {
  const files = physionet();
  const without = (pattern: RegExp) =>
    Object.fromEntries(Object.entries(files).filter(([path]) => !pattern.test(path)));
  expect((await importError('vindr-cxr', await unpacked(without(/csv$/)))).message).toMatch(
    /annotations_train\.csv .* is not there \(the folder holds 8 × \.dicom.*PhysioNet.*annotations\/image_labels/s,
  );
  const root = await unpacked(without(/^test\/|a4\.dicom/));
  expect((await importError('vindr-cxr', root)).message).toMatch(
    /3 of 6 images .* are not there: train\/a+4\.dicom, test\/a+7\.dicom.*--partial/s,
  );
  expect((await imported('vindr-cxr', root, { partial: true })).summary).toMatchObject({ samples: 3, absent: 3 });
  const trained = await imported('vindr-cxr', await unpacked(without(/_test\.csv|^test|image_labels/)));
  expect(trained.notices).toEqual([
    'Suspected diseases are not known: image_labels_train.csv not there.',
    'The set is there in part: train only.',
  ]);

  const changed = (from: string, to: string): Files => {
    const path = 'annotations/annotations_train.csv';
    return { ...files, [path]: (files[path] as string).replace(from, to) };
  };
  const message = async (from: string, to: string) =>
    (await importError('vindr-cxr', await unpacked(changed(from, to)))).message;
  expect(await message('Cardiomegaly', 'Cardio')).toMatch(/annotations_train\.csv, line 2.*"Cardio" is not a finding/);
  expect(await message('10,20,30,40', '10,20,,40')).toMatch(/line 2.*the box lacks a corner/);
  // VinDr-PCXR has files of the same names.
  expect(await message('rad_id', 'rad_ID')).toMatch(/no column "rad_id"/);
  const flat = await imported('vindr-cxr', await unpacked(changed('12,20,32,40', '12,20,12,40')));
  expect(flat.notices.join()).toMatch(/annotations_train\.csv: boxes without an area are ignored \(1\)/);
  expect((await importError('siim-covid-19', await unpacked(files))).message).toMatch(/it looks like VinDr-CXR/);
});
