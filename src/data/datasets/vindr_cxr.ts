import { z } from 'zod';
import type { Box } from '../types.js';
import type { Dataset, ImportedSample, Importing } from './dataset.js';
import { FindingChoice, findingOptions, type FindingOptions } from './findings.js';
import type { DatasetFolder } from './folder.js';
import { missingFile } from './missing.js';
import { share, wholeNumber, yes } from './options.js';
import { readTable, type Table, type TableRow } from './table.js';
import { Readings } from './vindr_readings.js';
import { wrongRow } from './wrong_row.js';

interface Options extends FindingOptions {
  agree: number;
  consensus: 'wbf' | 'union';
  iou: number;
  diseases: boolean;
}

const none = 'No finding';
const local = [
  ...['Aortic enlargement', 'Atelectasis', 'Calcification', 'Cardiomegaly', 'Clavicle fracture', 'Consolidation'],
  ...['Edema', 'Emphysema', 'Enlarged PA', 'ILD', 'Infiltration', 'Lung Opacity', 'Lung cavity', 'Lung cyst'],
  ...['Mediastinal shift', 'Nodule/Mass', 'Pleural effusion', 'Pleural thickening', 'Pneumothorax'],
  ...['Pulmonary fibrosis', 'Rib fracture', 'Other lesion'],
];
const diseases = ['COPD', 'Lung tumor', 'Pneumonia', 'Tuberculosis', 'Other diseases'];
const corners = ['x_min', 'y_min', 'x_max', 'y_max'];

/** A part of the set: boxes, and labels of whole images where the layout has them. */
interface Part {
  boxes: string;
  labels?: string;
  split?: 'train' | 'test';
}

/**
 * VinDr-CXR (Nguyen et al., Scientific Data 2022): 18,000 postero-anterior radiographs in DICOM from two hospitals in Hanoi;
 * each of 15,000 for training was read by 3 of 17 radiologists on their own, each of 3,000 for testing has the consensus of 5.
 * 22 local findings have boxes, in pixels of the file; 5 suspected diseases concern the whole image. The layout of PhysioNet, or
 * of the Kaggle competition (VinBigData): the training part with 14 findings, whose test part has no labels and is not
 * imported. Patients are not known: parts are drawn by image.
 *
 * A finding counts where at least `agree` radiologists saw it; so does "No finding", and an image on which they agree in
 * nothing is left out. What the test part says counts. Boxes are those of all who saw a finding that counts, also where they
 * put it elsewhere; `wbf` fuses those that overlap by more than 0.4, which the competition took for a hit.
 */
export const vindrCxr: Dataset<Options> = {
  name: 'vindr-cxr',
  title: 'VinDr-CXR',
  source:
    'PhysioNet ("VinDr-CXR", version 1.0.0), for credentialed users; the training part also from Kaggle ("VinBigData Chest X-ray Abnormalities Detection")',
  terms:
    "PhysioNet Credentialed Health Data License 1.5.0 with its data use agreement: for credentialed, trained people; do not hand it on, do not try to identify patients. From Kaggle: the competition's rules, non-commercial research and education.",
  citation: 'Nguyen HQ, Lam K, Le LT, et al. VinDr-CXR. Scientific Data 2022;9:429. doi:10.1038/s41597-022-01498-w.',
  regions: 'boxes of radiologists for 22 findings, fused over the three of a training image',
  layout: [
    'annotations/annotations_train.csv, annotations_test.csv',
    'annotations/image_labels_train.csv, image_labels_test.csv',
    'train/000434271f63a053c4128a0ba6352c7f.dicom …, test/… (or .dcm)',
    'or, from Kaggle: train.csv and train/….dicom',
  ],
  recognises: (folder) =>
    folder.find('annotations_train.csv', 'annotations_test.csv') !== undefined ||
    (folder.find('train.csv') !== undefined && folder.files.some((file) => file.endsWith('.dicom'))),
  options: {
    ...findingOptions,
    agree: {
      flag: '--agree <n>',
      help: 'radiologists who must have seen a finding of a training image (default: 2 of 3)',
      schema: wholeNumber(1).default(2),
    },
    consensus: {
      flag: '--consensus <how>',
      help: 'boxes of several radiologists: wbf (weighted boxes fusion) or union (all of them) (default: wbf)',
      schema: z.enum(['wbf', 'union']).default('wbf'),
    },
    iou: {
      flag: '--iou <overlap>',
      help: 'intersection over union above which wbf takes boxes for the same (default: 0.4)',
      schema: share.default(0.4),
    },
    diseases: {
      flag: '--diseases',
      help: `suspected diseases as labels too, which have no boxes (${diseases.join(', ')})`,
      schema: yes,
    },
  },
  async read(folder, options, importing) {
    const wanted = options.diseases || options.findings?.some((name) => diseases.includes(name));
    const all = wanted ? [...local, ...diseases] : local;
    const choice = new FindingChoice(options, { all, none }, importing);
    const parts = partsOf(folder, importing);
    if (!parts.length) throw missingFile(vindrCxr, folder, 'annotations_train.csv (or train.csv, of Kaggle)');
    const images = folder.byName('.dicom', '.dcm');
    const samples: ImportedSample[] = [];
    for (const part of parts) {
      if (!part.labels && wanted) throw missingFile(vindrCxr, folder, labelsName(part.split));
      const agree = part.split === 'test' ? 1 : options.agree;
      for (const [id, readings] of await readPart(folder, part, importing)) {
        const found = [...local, ...diseases].filter((finding) => readings.votes(finding) >= agree);
        if (!found.length && readings.votes(none) < agree) {
          importing.leaveOut('radiologists do not agree');
          continue;
        }
        if (found.length && !found.some((finding) => all.includes(finding))) {
          importing.leaveOut('suspected diseases alone');
          continue;
        }
        const label = choice.labelOf(found);
        if (label === null) continue;
        const file = images.get(`${id.toLowerCase()}.dicom`) ?? images.get(`${id.toLowerCase()}.dcm`);
        if (file === undefined) {
          importing.absent(`${part.split ?? 'train'}/${id}.dicom`);
          continue;
        }
        const threshold = options.consensus === 'wbf' ? options.iou : null;
        const boxes = label.split('|').flatMap((finding) => readings.boxesOf(finding, threshold));
        samples.push({
          ...{ id, path: folder.path(file), label },
          ...(boxes.length && { boxes }),
          ...(part.split && { split: part.split }),
        });
      }
    }
    return samples;
  },
};

const labelsName = (split: Part['split']): string => `image_labels_${split ?? 'train'}.csv`;

function partsOf(folder: DatasetFolder, { notice }: Importing): Part[] {
  const parts = (['train', 'test'] as const).flatMap((split): Part[] => {
    const boxes = folder.find(`annotations_${split}.csv`);
    const labels = folder.find(labelsName(split));
    return boxes === undefined ? [] : [{ boxes, labels, split }];
  });
  if (parts.length) {
    const without = parts.filter(({ labels }) => !labels).map(({ split }) => labelsName(split));
    if (without.length) notice(`Suspected diseases are not known: ${without.join(' and ')} not there.`);
    if (parts.length === 1) notice(`The set is there in part: ${parts[0].split} only.`);
    return parts;
  }
  const boxes = folder.find('train.csv');
  return boxes === undefined ? [] : [{ boxes }];
}

/** What was said of each image of a part, in the order of the files. */
async function readPart(folder: DatasetFolder, part: Part, { notice }: Importing): Promise<Map<string, Readings>> {
  const found = new Map<string, Readings>();
  const readings = (row: TableRow): Readings => {
    const id = row.cell('image_id');
    let own = found.get(id);
    if (!own) found.set(id, (own = new Readings()));
    return own;
  };
  // The test part is a consensus, and names no reader.
  const single = part.split === 'test';
  const by = single ? ['image_id'] : ['image_id', 'rad_id'];
  const reader = (row: TableRow): string => (single ? 'consensus' : row.cell('rad_id'));
  const table = await readTable(folder, part.boxes, [...by, 'class_name', ...corners]);
  let flat = 0;
  for (const row of table.rows) {
    const finding = findingOf(row, table, folder);
    const box = boxOf(row, table, folder);
    const area = box && box.x1 > box.x0 && box.y1 > box.y0;
    if (box && !area) flat++;
    readings(row).add(reader(row), finding, area ? box : undefined);
  }
  if (flat) notice(`${table.file}: boxes without an area are ignored (${flat.toLocaleString('en')}).`);
  if (!part.labels) return found;
  const labels = await readTable(folder, part.labels, [...by, none, ...diseases.slice(0, -1)]);
  for (const row of labels.rows)
    for (const name of [none, ...diseases]) {
      // The test part writes "Other disease".
      const column = name === 'Other diseases' && !labels.columns.includes(name) ? 'Other disease' : name;
      if (row.number(column) === 1) readings(row).add(reader(row), name);
    }
  return found;
}

function findingOf(row: TableRow, table: Table, folder: DatasetFolder): string {
  const name = row.cell('class_name');
  const finding = [...local, none].find((known) => known.toLowerCase() === name.toLowerCase());
  if (finding === undefined) throw wrongRow(folder, table, row, `"${name}" is not a finding of ${vindrCxr.title}`);
  return finding;
}

/** None in rows that say "No finding". */
function boxOf(row: TableRow, table: Table, folder: DatasetFolder): Box | undefined {
  const [x0, y0, x1, y1] = corners.map((corner) => row.number(corner));
  const missing = [x0, y0, x1, y1].filter(Number.isNaN).length;
  if (missing % 4) throw wrongRow(folder, table, row, 'the box lacks a corner');
  return missing ? undefined : { x0, y0, x1, y1 };
}
