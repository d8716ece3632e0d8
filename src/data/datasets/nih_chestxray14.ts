import { readFile } from 'node:fs/promises';
import type { Box } from '../types.js';
import type { Dataset, ImportedSample } from './dataset.js';
import { FindingChoice, findingOptions, type FindingOptions } from './findings.js';
import type { DatasetFolder } from './folder.js';
import { missingFile } from './missing.js';
import { names } from './options.js';
import { readTable } from './table.js';

interface Options extends FindingOptions {
  views?: string[];
}

const findings = [
  ...['Atelectasis', 'Cardiomegaly', 'Consolidation', 'Edema', 'Effusion', 'Emphysema', 'Fibrosis', 'Hernia'],
  ...['Infiltration', 'Mass', 'Nodule', 'Pleural_Thickening', 'Pneumonia', 'Pneumothorax'],
];

/** Boxes have another word for one finding. */
const boxNames: Record<string, string> = { Infiltrate: 'Infiltration' };

/**
 * NIH ChestX-ray14 (Wang et al., CVPR 2017): 112,120 frontal radiographs of 30,805 patients, 1024 × 1024 PNG, labels mined from
 * reports, boxes for 880 images. The official lists hold train and validation together: part of its patients become validation.
 */
export const nihChestXray14: Dataset<Options> = {
  name: 'nih-chestxray14',
  title: 'NIH ChestX-ray14',
  source: 'the NIH Clinical Center\'s shared folder "CXR8 / ChestXray-NIHCC" (also on Kaggle as "NIH Chest X-rays")',
  terms:
    'Free to use, with attribution: name the NIH Clinical Center as the source and cite the CVPR 2017 paper; do not try to identify patients.',
  citation: 'Wang X, Peng Y, Lu L, Lu Z, Bagheri M, Summers RM. ChestX-ray8. IEEE CVPR 2017.',
  regions: 'boxes of radiologists for 880 images, eight findings',
  layout: [
    'Data_Entry_2017.csv (or Data_Entry_2017_v2020.csv)',
    'BBox_List_2017.csv',
    'train_val_list.txt, test_list.txt',
    'images_001/images/00000001_000.png … (or all of them in images/)',
  ],
  recognises: (folder) => folder.find('Data_Entry_2017.csv', 'Data_Entry_2017_v2020.csv') !== undefined,
  options: {
    ...findingOptions,
    views: { flag: '--views <names>', help: 'only PA or only AP views', schema: names.optional() },
  },
  async read(folder, options, importing) {
    const entries = folder.find('Data_Entry_2017.csv', 'Data_Entry_2017_v2020.csv');
    if (!entries) throw missingFile(nihChestXray14, folder, 'Data_Entry_2017.csv');
    const table = await readTable(folder, entries, ['Image Index', 'Finding Labels', 'Patient ID', 'View Position']);
    const boxes = await readBoxes(folder, importing.notice);
    const splits = await readSplits(folder, importing.notice);
    const choice = new FindingChoice(options, { all: findings, none: 'No Finding' }, importing);
    const images = folder.byName('.png');
    return table.rows.flatMap((row): ImportedSample[] => {
      const name = row.cell('Image Index');
      if (options.views && !options.views.includes(row.cell('View Position'))) {
        importing.leaveOut('other views');
        return [];
      }
      const label = choice.labelOf(row.cell('Finding Labels').split('|'));
      if (label === null) return [];
      const file = images.get(name.toLowerCase());
      if (file === undefined) {
        importing.absent(name);
        return [];
      }
      const own = boxes.get(name)?.filter(({ finding }) => label.split('|').includes(finding));
      return [
        {
          ...{ id: name.replace(/\.png$/i, ''), path: folder.path(file), label, patient: row.cell('Patient ID') },
          ...(own?.length && { boxes: own.map(({ box }) => box) }),
          ...(splits && { split: splits.has(name) ? 'test' : 'train' }),
        },
      ];
    });
  },
};

/** Boxes by image, in pixels of the 1024 × 1024 files. The header gives "Bbox [x,y,w,h]" four names by accident. */
async function readBoxes(
  folder: DatasetFolder,
  notice: (message: string) => void,
): Promise<Map<string, { finding: string; box: Box }[]>> {
  const found = new Map<string, { finding: string; box: Box }[]>();
  const file = folder.find('BBox_List_2017.csv');
  if (!file) {
    notice('BBox_List_2017.csv is not there: no image has a region of interest.');
    return found;
  }
  const { rows, columns } = await readTable(folder, file, ['Image Index', 'Finding Label']);
  const [x, y, w, h] = columns.slice(2, 6);
  for (const row of rows) {
    const finding = row.cell('Finding Label');
    const [x0, y0] = [row.number(x), row.number(y)];
    const box = { x0, y0, x1: x0 + row.number(w), y1: y0 + row.number(h) };
    const name = row.cell('Image Index');
    found.set(name, [...(found.get(name) ?? []), { finding: boxNames[finding] ?? finding, box }]);
  }
  return found;
}

/** Images of the official test list; null without it. */
async function readSplits(
  folder: DatasetFolder,
  notice: (message: string) => void,
): Promise<ReadonlySet<string> | null> {
  const file = folder.find('test_list.txt');
  if (!file) {
    notice('test_list.txt is not there: samples are left without a split; runs divide them by patient.');
    return null;
  }
  return new Set((await readFile(folder.path(file), 'utf8')).split(/\s+/).filter(Boolean));
}
