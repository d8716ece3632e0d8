import { join } from 'node:path';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { decoded, imported, importError, png, unpacked, type Files } from './miniature.js';

const observations = [
  ...['No Finding', 'Enlarged Cardiomediastinum', 'Cardiomegaly', 'Lung Opacity', 'Lung Lesion', 'Edema'],
  ...['Consolidation', 'Pneumonia', 'Atelectasis', 'Pneumothorax', 'Pleural Effusion', 'Pleural Other', 'Fracture'],
  'Support Devices',
];
const header = `Path,Sex,Age,Frontal/Lateral,AP/PA,${observations.join(',')}`;

/** A line of train.csv or valid.csv: observations that are not named stay blank. */
function line(path: string, values: Record<string, string>): string {
  const frontal = path.includes('frontal');
  const cells = observations.map((name) => values[name] ?? '');
  return `${path},Female,68,${frontal ? 'Frontal' : 'Lateral'},${frontal ? 'AP' : ''},${cells.join(',')}`;
}

const name = 'CheXpert-v1.0-small';
const trained: [path: string, values: Record<string, string>][] = [
  [
    'train/patient00001/study1/view1_frontal.jpg',
    { 'No Finding': '1.0', 'Support Devices': '1.0', Pneumothorax: '0.0' },
  ],
  ['train/patient00002/study1/view1_frontal.jpg', { Cardiomegaly: '-1.0', 'Lung Opacity': '1.0' }],
  ['train/patient00002/study1/view2_lateral.jpg', { Cardiomegaly: '-1.0', 'Lung Opacity': '1.0' }],
  ['train/patient00002/study2/view1_frontal.jpg', { Edema: '-1.0', Consolidation: '-1.0', Fracture: '0.0' }],
  ['train/patient00003/study1/view1_frontal.jpg', { 'No Finding': '1.0' }],
  ['train/patient00004/study1/view1_frontal.jpg', { Consolidation: '-1.0', Atelectasis: '-1.0', Fracture: '1.0' }],
  ['train/patient00005/study1/view1_frontal.jpg', { Pneumonia: '-1.0' }],
];
const validated: typeof trained = [
  ['valid/patient64541/study1/view1_frontal.jpg', { ...zeros(), Cardiomegaly: '1.0' }],
  ['valid/patient64542/study1/view2_lateral.jpg', { ...zeros(), 'No Finding': '1.0' }],
];

function zeros(): Record<string, string> {
  return Object.fromEntries(observations.map((one) => [one, '0.0']));
}

const csv = (rows: typeof trained, prefix: string) =>
  [header, ...rows.map(([path, values]) => line(`${prefix}${path}`, values)), ''].join('\n');

async function jpeg(): Promise<Uint8Array> {
  return sharp(await png(32, 26))
    .jpeg()
    .toBuffer();
}

/** The set's folder; `root` is put before every path. */
async function miniature(root = `${name}/`): Promise<Files> {
  const image = await jpeg();
  return {
    [`${root}train.csv`]: csv(trained, `${name}/`),
    [`${root}valid.csv`]: csv(validated, `${name}/`),
    ...Object.fromEntries([...trained, ...validated].map(([path]) => [`${root}${path}`, image])),
  };
}

/** The test set of 2022: no view columns, and paths that begin with "test/". */
async function testSet(root = `${name}/`): Promise<Files> {
  const path = 'test/patient64741/study1/view1_frontal.jpg';
  const own = [...observations.slice(1), 'No Finding'];
  return {
    [`${root}test.csv`]: `Path,${own.join(',')}\n${path},${own.map((one) => (one === 'Edema' ? '1.0' : '0.0')).join(',')}\n`,
    [`${root}${path}`]: await jpeg(),
  };
}

test('labels, patients, parts; uncertain edema and atelectasis are present by default, other findings absent', async () => {
  const root = await unpacked(await miniature());
  const { samples, byId, summary, notices } = await imported('chexpert', root, { validation: 0 });
  expect(samples.map(({ id, label, patient, split }) => [id, label, patient, split])).toEqual([
    ['patient00001_study1_view1_frontal', 'No Finding|Support Devices', 'patient00001', 'train'],
    ['patient00002_study1_view1_frontal', 'Lung Opacity', 'patient00002', 'train'],
    ['patient00002_study2_view1_frontal', 'Edema', 'patient00002', 'train'],
    ['patient00003_study1_view1_frontal', 'No Finding', 'patient00003', 'train'],
    ['patient00004_study1_view1_frontal', 'Atelectasis|Fracture', 'patient00004', 'train'],
    ['patient64541_study1_view1_frontal', 'Cardiomegaly', 'patient64541', 'test'],
  ]);
  expect(summary).toMatchObject({ samples: 6, patients: 5, withRegion: 0, absent: 0 });
  expect(Object.fromEntries(summary.leftOut)).toEqual({ 'other views': 2, 'neither a finding nor No Finding': 1 });
  expect(notices.join()).toMatch(/valid\.csv is the test part/);
  const { image, roi, ...about } = await decoded(byId.get('patient00001_study1_view1_frontal')!, 16);
  expect(about).toEqual({ originalWidth: 32, originalHeight: 26 });
  expect(roi.every((value) => value === 0)).toBe(true);
  expect(image.some((value) => value > 0.1)).toBe(true);
});

test('policies for what is uncertain', async () => {
  const root = await unpacked(await miniature());
  const under = (uncertain: string, more = {}) => imported('chexpert', root, { options: { uncertain, ...more } });
  const labels = ({ samples }: Awaited<ReturnType<typeof under>>) => samples.map(({ label }) => label);
  expect(labels(await under('ones'))).toEqual([
    ...['No Finding|Support Devices', 'Cardiomegaly|Lung Opacity', 'Edema|Consolidation', 'No Finding'],
    ...['Consolidation|Atelectasis|Fracture', 'Pneumonia', 'Cardiomegaly'],
  ]);
  const absent = await under('zeros');
  expect(labels(absent)).toEqual([
    ...['No Finding|Support Devices', 'Lung Opacity', 'No Finding', 'Fracture', 'Cardiomegaly'],
  ]);
  expect(absent.summary.leftOut.get('neither a finding nor No Finding')).toBe(2);
  const sure = await under('ignore,Cardiomegaly=zeros');
  expect(labels(sure)).toEqual([...['No Finding|Support Devices', 'Lung Opacity', 'No Finding', 'Cardiomegaly']]);
  expect(sure.summary.leftOut.get('uncertain')).toBe(3);
  // Of findings that are not kept it does not matter.
  const fractures = await under('ignore', { findings: 'Fracture' });
  expect(fractures.samples.map(({ patient }) => patient)).toEqual(['patient00004']);

  const wrong = async (uncertain: string) => (await importError('chexpert', root, { options: { uncertain } })).message;
  expect(await wrong('half')).toMatch(/uncertain: expected ones, zeros or ignore, received "half"/);
  expect(await wrong('zeros,Edma=ones')).toMatch(/"Edma" is not a finding .*did you mean Edema/);
  expect(await wrong('Edema=ones')).toMatch(/a word for all other findings is missing/);
  expect(await wrong('zeros,Edema=ones,Edema=zeros')).toMatch(/Edema is given twice/);
});

test('No Finding may stand beside devices, and is not among other labels', async () => {
  const root = await unpacked(await miniature());
  const chosen = await imported('chexpert', root, { options: { findings: 'No Finding,Lung Opacity' } });
  expect(chosen.samples.map(({ patient, label }) => [patient, label])).toEqual([
    ['patient00001', 'No Finding'],
    ['patient00002', 'Lung Opacity'],
    ['patient00003', 'No Finding'],
  ]);
  const single = await imported('chexpert', root, { options: { oneLabel: true } });
  expect(single.byId.has('patient00001_study1_view1_frontal')).toBe(false);
  expect(single.summary.leftOut.get('several findings')).toBe(2);
});

test('a labelled test set makes valid the validation part; views', async () => {
  const root = await unpacked({ ...(await miniature()), ...(await testSet()) });
  const { byId, summary } = await imported('chexpert', root);
  expect(Object.fromEntries(summary.bySplit)).toEqual({ train: 5, validation: 1, test: 1 });
  expect(byId.get('patient64741_study1_view1_frontal')).toMatchObject({ label: 'Edema', split: 'test' });
  const lateral = await imported('chexpert', root, { options: { views: 'lateral' }, validation: 0 });
  expect(lateral.samples.map(({ id }) => id)).toEqual([
    'patient00002_study1_view2_lateral',
    'patient64542_study1_view2_lateral',
  ]);
  const all = await imported('chexpert', root, { options: { views: 'all' } });
  expect(all.summary.samples).toBe(9);
  expect((await importError('chexpert', root, { options: { views: 'oblique' } })).message).toMatch(/views: .*frontal/);

  const unlabelled = {
    ...(await miniature()),
    [`${name}/test.csv`]: 'Path\ntest/patient64741/study1/view1_frontal.jpg\n',
  };
  const without = await imported('chexpert', await unpacked(unlabelled));
  expect(without.notices.join()).toMatch(/test\.csv has no labels/);
  expect(Object.fromEntries(without.summary.bySplit)).toEqual({ train: 4, validation: 1, test: 1 });
});

test('the folder itself as root, and the batches of the full download', async () => {
  const inside = await imported('chexpert', join(await unpacked(await miniature()), name));
  expect(inside.summary.samples).toBe(6);
  const image = await jpeg();
  const batches = await imported(
    'chexpert',
    await unpacked({
      'CheXpert-v1.0 batch 1 (validate & csv)/train.csv': csv(trained, 'CheXpert-v1.0/'),
      'CheXpert-v1.0 batch 1 (validate & csv)/valid.csv': csv(validated, 'CheXpert-v1.0/'),
      ...Object.fromEntries(validated.map(([path]) => [`CheXpert-v1.0 batch 1 (validate & csv)/${path}`, image])),
      ...Object.fromEntries(trained.map(([path]) => [path.replace('train', 'CheXpert-v1.0 batch 2 (train 1)'), image])),
    }),
  );
  expect(batches.summary).toMatchObject({ samples: 6, absent: 0 });
  // Both sizes side by side: the images of the table that is read.
  const both = await imported(
    'chexpert',
    await unpacked({ ...(await miniature()), ...(await miniature('CheXpert-v1.0/')) }),
  );
  expect(both.samples.every(({ path }) => path.includes(`/${name}/`))).toBe(true);
});

test('what is missing or not as it is handed out', async () => {
  const files = await miniature();
  const { [`${name}/train.csv`]: _, ...headless } = files;
  expect((await importError('chexpert', await unpacked(headless))).message).toMatch(
    /train\.csv of CheXpert is not there.*Stanford AIMI.*view1_frontal/s,
  );
  const part = Object.fromEntries(Object.entries(files).filter(([path]) => !path.includes('patient00002/')));
  const root = await unpacked(part);
  expect((await importError('chexpert', root)).message).toMatch(
    /2 of 6 images .* are not there: CheXpert-v1\.0-small\/train\/patient00002\/study1\/view1_frontal\.jpg.*--partial/s,
  );
  expect((await imported('chexpert', root, { partial: true })).summary).toMatchObject({ samples: 4, absent: 2 });

  const { [`${name}/valid.csv`]: __, ...noValid } = files;
  const untested = await imported('chexpert', await unpacked(noValid));
  expect(untested.notices).toEqual(['valid.csv is not there: its images are not imported.']);

  const changed = (from: string, to: string): Files => ({
    ...files,
    [`${name}/train.csv`]: (files[`${name}/train.csv`] as string).replace(from, to),
  });
  expect((await importError('chexpert', await unpacked(changed('-1.0', '2')))).message).toMatch(
    /train\.csv, line 3.*Cardiomegaly: expected 1, 0, -1 or nothing, received "2"/,
  );
  expect((await importError('chexpert', await unpacked(changed('/study1/', '/')))).message).toMatch(
    /train\.csv, line 2.*is not the path of a CheXpert image/,
  );
  expect((await importError('chexpert', await unpacked(changed('Lung Lesion', 'Lesion')))).message).toMatch(
    /no column "Lung Lesion"/,
  );
  // Pointed at by another adapter.
  expect((await importError('nih-chestxray14', await unpacked(files))).message).toMatch(
    /this is not NIH ChestX-ray14; it looks like CheXpert.*sightline import chexpert/,
  );
});
