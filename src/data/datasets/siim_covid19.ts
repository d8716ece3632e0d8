import { z } from 'zod';
import type { Box } from '../types.js';
import type { Dataset, ImportedSample } from './dataset.js';
import type { DatasetFolder } from './folder.js';
import { missingFile } from './missing.js';
import { readTable, type Table, type TableRow } from './table.js';
import { wrongRow } from './wrong_row.js';

interface Options {
  duplicates: 'keep' | 'drop';
}

/** Columns of the study table, and the words for them that the competition's submissions use. */
const classes: Readonly<Record<string, string>> = {
  'Negative for Pneumonia': 'negative',
  'Typical Appearance': 'typical',
  'Indeterminate Appearance': 'indeterminate',
  'Atypical Appearance': 'atypical',
};

/** An image of the image table. */
interface ImageRow {
  id: string;
  study: string;
  label: string;
  boxes: Box[];
}

/**
 * SIIM-FISABIO-RSNA COVID-19 (Lakhani et al., Journal of Digital Imaging 2023): 6,334 training radiographs of 6,054 studies in
 * DICOM, from BIMCV-COVID19 and MIDRC-RICORD. The study's class becomes its images' label, in the competition's short words:
 * negative, typical, indeterminate, atypical; boxes surround opacities, in pixels of the file. The study stands for the
 * patient: the set names no patients. The test part has no labels and is not imported; there is no official split.
 *
 * Some studies hold one exposure several times, of which radiologists annotated one: the others have the study's class, but
 * no boxes. By default such images are left out, because a sample of a positive class without its region reads as a
 * radiograph where nothing is to be found. Images of studies without any box all stay.
 */
export const siimCovid19: Dataset<Options> = {
  name: 'siim-covid-19',
  title: 'SIIM-FISABIO-RSNA COVID-19',
  source: 'Kaggle ("SIIM-FISABIO-RSNA COVID-19 Detection"), after accepting the competition\'s rules',
  terms:
    "The competition's rules: non-commercial purposes, academic research and education; do not hand it on. The images come from BIMCV-COVID19 and MIDRC-RICORD, whose terms hold too.",
  citation:
    'Lakhani P, Mongan J, Singhal C, et al. The 2021 SIIM-FISABIO-RSNA Machine Learning COVID-19 Challenge. J Digit Imaging 2023;36:365-372.',
  regions: 'boxes of radiologists around opacities',
  layout: [
    'train_study_level.csv',
    'train_image_level.csv',
    'train/00086460a852/9e8302230c91/65761e66de9f.dcm … (study/series/image)',
  ],
  recognises: (folder) => folder.find('train_study_level.csv', 'train_image_level.csv') !== undefined,
  options: {
    duplicates: {
      flag: '--duplicates <what>',
      help: 'images without boxes beside images with boxes of the same study: keep or drop (default: drop)',
      schema: z.enum(['keep', 'drop']).default('drop'),
    },
  },
  async read(folder, { duplicates }, importing) {
    const rows = await readImages(folder, await readStudies(folder));
    const marked = new Set(rows.filter(({ boxes }) => boxes.length).map(({ study }) => study));
    const images = folder.byName('.dcm');
    return rows.flatMap(({ id, study, label, boxes }): ImportedSample[] => {
      if (duplicates === 'drop' && !boxes.length && marked.has(study)) {
        importing.leaveOut('duplicates without boxes');
        return [];
      }
      const file = images.get(`${id}.dcm`);
      if (file === undefined) {
        importing.absent(`${study}/…/${id}.dcm`);
        return [];
      }
      return [{ id, path: folder.path(file), label, patient: study, ...(boxes.length && { boxes }) }];
    });
  },
};

/** Class by study. */
async function readStudies(folder: DatasetFolder): Promise<ReadonlyMap<string, string>> {
  const file = folder.find('train_study_level.csv');
  if (!file) throw missingFile(siimCovid19, folder, 'train_study_level.csv');
  const table = await readTable(folder, file, ['id', ...Object.keys(classes)]);
  return new Map(
    table.rows.map((row) => {
      const own = Object.keys(classes).filter((column) => row.number(column) === 1);
      if (own.length !== 1) throw wrongRow(folder, table, row, `expected one class, found ${own.length}`);
      return [row.cell('id').replace(/_study$/, ''), classes[own[0]]];
    }),
  );
}

async function readImages(folder: DatasetFolder, studies: ReadonlyMap<string, string>): Promise<ImageRow[]> {
  const file = folder.find('train_image_level.csv');
  if (!file) throw missingFile(siimCovid19, folder, 'train_image_level.csv');
  const table = await readTable(folder, file, ['id', 'boxes', 'StudyInstanceUID']);
  return table.rows.map((row) => {
    const study = row.cell('StudyInstanceUID');
    const label = studies.get(study);
    if (label === undefined) throw wrongRow(folder, table, row, `the study table has no study "${study}"`);
    return { id: row.cell('id').replace(/_image$/, ''), study, label, boxes: boxesOf(folder, table, row) };
  });
}

const pythonBoxes = z.array(z.object({ x: z.number(), y: z.number(), width: z.number(), height: z.number() }));

/** The boxes of a cell: nothing, or a list of dictionaries as Python prints it. */
function boxesOf(folder: DatasetFolder, table: Table, row: TableRow): Box[] {
  const cell = row.cell('boxes');
  if (cell === '') return [];
  const wrong = () =>
    wrongRow(folder, table, row, `boxes: expected a list of x, y, width and height, received "${cell}"`);
  let value: unknown;
  try {
    value = JSON.parse(cell.replaceAll("'", '"'));
  } catch {
    throw wrong();
  }
  const { success, data } = pythonBoxes.safeParse(value);
  if (!success || data.some(({ width, height }) => width <= 0 || height <= 0)) throw wrong();
  return data.map(({ x, y, width, height }) => ({ x0: x, y0: y, x1: x + width, y1: y + height }));
}
