import { basename } from 'node:path';
import { z } from 'zod';
import type { Dataset, ImportedSample, Importing } from './dataset.js';
import { FindingChoice, findingOptions, type FindingOptions } from './findings.js';
import type { DatasetFolder } from './folder.js';
import { missingFile } from './missing.js';
import { readTable, type Table, type TableRow } from './table.js';
import { uncertainPolicy, type UncertainPolicy } from './uncertain.js';
import { wrongRow } from './wrong_row.js';

interface Options extends FindingOptions {
  uncertain: UncertainPolicy;
  views: 'frontal' | 'lateral' | 'all';
}

const none = 'No Finding';
const devices = 'Support Devices';
const findings = [
  ...['Enlarged Cardiomediastinum', 'Cardiomegaly', 'Lung Opacity', 'Lung Lesion', 'Edema', 'Consolidation'],
  ...['Pneumonia', 'Atelectasis', 'Pneumothorax', 'Pleural Effusion', 'Pleural Other', 'Fracture', devices],
];
const observations = [none, ...findings];

/** Patient, study and view: the same in the csv's paths and in every layout of the images, and unique in the set. */
const imagePath = /(patient\d+)\/(study\d+)\/(view\d+_(frontal|lateral))\.jpe?g$/i;

/**
 * CheXpert (Irvin et al., AAAI 2019): 224,316 radiographs of 65,240 patients, 14 observations mined from reports as present
 * (1), absent (0), uncertain (-1) or not mentioned (blank: absent). Both v1.0 and v1.0-small, and the four batches of the full
 * download side by side: images are found by patient, study and view.
 *
 * Uncertain ones: in the paper's comparison (its table 3) U-Ones is far ahead of U-Zeros for atelectasis and ahead for edema,
 * behind for cardiomegaly and consolidation, and level for effusion. So by default those two count as present and the rest as
 * absent; U-Ignore would lose many images.
 *
 * "No Finding" is the set's own column: no pathology present or uncertain. It may stand beside Support Devices, and is never
 * inferred: an image is left out if all that its report mentions is uncertain and becomes absent.
 */
export const chexpert: Dataset<Options> = {
  name: 'chexpert',
  title: 'CheXpert',
  source: 'the Stanford AIMI Center ("CheXpert: Chest X-rays"), after registration; v1.0-small is also on Kaggle',
  terms:
    'Stanford University Dataset Research Use Agreement: non-commercial research by registered people only; do not hand it on, do not try to identify patients.',
  citation: 'Irvin J, Rajpurkar P, Ko M, et al. CheXpert. AAAI Conference on Artificial Intelligence 2019;33:590-597.',
  regions: 'none, the set has labels only',
  layout: [
    'CheXpert-v1.0-small/ (or CheXpert-v1.0/, or the "CheXpert-v1.0 batch …" folders; --root may be the folder itself)',
    '  train.csv, valid.csv',
    '  test.csv (or test_labels.csv: the test set of 2022, where you have it)',
    '  train/patient00001/study1/view1_frontal.jpg …, valid/…, test/…',
  ],
  recognises: (folder) =>
    folder.find('train.csv', 'valid.csv') !== undefined &&
    (/chexpert/i.test(basename(folder.root)) || folder.files.some((file) => imagePath.test(file))),
  options: {
    ...findingOptions,
    uncertain: {
      flag: '--uncertain <policy>',
      help: 'uncertain findings are present (ones), absent (zeros), or their images left out (ignore); exceptions by finding (default: "zeros,Atelectasis=ones,Edema=ones")',
      schema: uncertainPolicy(findings, 'zeros,Atelectasis=ones,Edema=ones'),
    },
    views: {
      flag: '--views <which>',
      help: 'frontal, lateral or all (default: frontal)',
      schema: z.enum(['frontal', 'lateral', 'all']).default('frontal'),
    },
  },
  async read(folder, options, importing) {
    const file = folder.find('train.csv');
    if (!file) throw missingFile(chexpert, folder, 'train.csv');
    const columns = ['Path', ...observations];
    const train = await readTable(folder, file, columns);
    const valid = folder.find('valid.csv', 'val_labels.csv');
    if (!valid) importing.notice('valid.csv is not there: its images are not imported.');
    const test = await readTest(folder, importing.notice);
    const images = imagesOf(folder);
    const choice = new FindingChoice(options, { all: findings, none, beside: [devices] }, importing);
    const part = (table: Table | null, split: string): ImportedSample[] =>
      table?.rows.flatMap((row) => sampleOf(row, table, split)) ?? [];
    const sampleOf = (row: TableRow, table: Table, split: string): ImportedSample[] => {
      const path = row.cell('Path');
      const [, patient, study, view, direction] = imagePath.exec(path) ?? [];
      if (!patient) throw wrongRow(folder, table, row, `"${path}" is not the path of a CheXpert image`);
      if (options.views !== 'all' && direction.toLowerCase() !== options.views) {
        importing.leaveOut('other views');
        return [];
      }
      const found = presentIn(row, folder, table, options);
      if (!found?.length) {
        importing.leaveOut(found ? 'neither a finding nor No Finding' : 'uncertain');
        return [];
      }
      const label = choice.labelOf(found);
      if (label === null) return [];
      const candidates = images.get(tail(path)) ?? [];
      // v1.0 and v1.0-small may lie side by side: the one that the table names comes first.
      const own = candidates.find((candidate) => candidate.endsWith(path)) ?? candidates[0];
      if (own === undefined) {
        importing.absent(path);
        return [];
      }
      return [{ id: `${patient}_${study}_${view}`, path: folder.path(own), label, patient, split }];
    };
    const tested = part(test, 'test');
    if (valid && !tested.length)
      importing.notice(
        'Without a labelled test.csv, valid.csv is the test part, and part of train becomes validation.',
      );
    return [
      ...part(train, 'train'),
      ...part(valid ? await readTable(folder, valid, columns) : null, tested.length ? 'validation' : 'test'),
      ...tested,
    ];
  },
};

/** The labelled test set; null where there is none. */
async function readTest(folder: DatasetFolder, notice: Importing['notice']): Promise<Table | null> {
  const file = folder.find('test.csv', 'test_labels.csv');
  if (file === undefined) return null;
  const table = await readTable(folder, file, ['Path']);
  if (observations.every((name) => table.columns.includes(name))) return table;
  notice(`${file} has no labels: its images are not imported.`);
  return null;
}

/** Observations of a row that count as present; null for an image to leave out. */
function presentIn(
  row: TableRow,
  folder: DatasetFolder,
  table: Table,
  { uncertain, findings: chosen }: Options,
): string[] | null {
  const present: string[] = [];
  for (const name of observations) {
    const value = row.number(name);
    if (![1, 0, -1].includes(value) && !Number.isNaN(value))
      throw wrongRow(folder, table, row, `${name}: expected 1, 0, -1 or nothing, received "${row.cell(name)}"`);
    const policy = value === -1 && name !== none ? (uncertain[name] ?? uncertain.others) : 'zeros';
    if (policy === 'ignore' && (chosen?.includes(name) ?? true)) return null;
    if (value === 1 || policy === 'ones') present.push(name);
  }
  return present;
}

/** Images by patient, study and view. */
function imagesOf(folder: DatasetFolder): Map<string, string[]> {
  const images = new Map<string, string[]>();
  for (const file of folder.files) {
    if (!imagePath.test(file)) continue;
    const key = tail(file);
    const same = images.get(key);
    if (same) same.push(file);
    else images.set(key, [file]);
  }
  return images;
}

const tail = (path: string): string => path.split('/').slice(-3).join('/').toLowerCase();
