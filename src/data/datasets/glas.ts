import { z } from 'zod';
import type { Dataset, ImportedSample } from './dataset.js';
import { missingFile } from './missing.js';
import { readTable } from './table.js';

interface Options {
  grade: 'glas' | 'five-class';
}

const gradeColumns: Record<Options['grade'], string> = {
  glas: 'grade (GlaS)',
  'five-class': 'grade (Sirinukunwattana et al. 2015)',
};

/**
 * Warwick-QU, the data of the GlaS challenge at MICCAI 2015 (Sirinukunwattana et al., Medical Image Analysis 2017): 165 H&E
 * images of colon, 85 train, 60 test A, 20 test B, BMP, with an instance map of the glands each (0 = no gland).
 */
export const glas: Dataset<Options> = {
  name: 'glas',
  title: 'GlaS (Warwick-QU)',
  source: 'the TIA Centre of the University of Warwick, as "Warwick QU Dataset (Released 2016_07_08)"',
  terms:
    'For research only, no commercial use; publications must cite the GlaS challenge (2017) and the paper that used the images first (2015).',
  citation:
    'Sirinukunwattana K, Pluim JPW, Chen H, et al. Gland segmentation in colon histology images: The GlaS challenge contest. Medical Image Analysis 35:489–502, 2017; and Sirinukunwattana K, Snead DRJ, Rajpoot NM. A stochastic polygons model for glandular structures in colon histology images. IEEE Transactions on Medical Imaging 34(11):2366–2378, 2015.',
  regions: 'gland masks drawn by an expert, for every image',
  layout: [
    'Grade.csv',
    'train_1.bmp, train_1_anno.bmp … train_85.bmp, train_85_anno.bmp',
    'testA_1.bmp, testA_1_anno.bmp … testA_60.bmp',
    'testB_1.bmp, testB_1_anno.bmp … testB_20.bmp',
  ],
  recognises: (folder) =>
    folder.find('Grade.csv') !== undefined && folder.find('train_1.bmp', 'testA_1.bmp') !== undefined,
  options: {
    grade: {
      flag: '--grade <kind>',
      help: 'label: glas (benign, malignant; default) or five-class (healthy, adenomatous, three degrees of differentiation)',
      schema: z.enum(['glas', 'five-class']).default('glas'),
    },
  },
  async read(folder, options, importing) {
    const file = folder.find('Grade.csv');
    if (!file) throw missingFile(glas, folder, 'Grade.csv');
    const column = gradeColumns[options.grade];
    const { rows } = await readTable(folder, file, ['name', 'patient ID', column]);
    const bitmaps = folder.byName('.bmp');
    let unmasked = 0;
    const samples = rows.flatMap((row): ImportedSample[] => {
      const name = row.cell('name').replace(/\.bmp$/i, '');
      const image = bitmaps.get(`${name}.bmp`.toLowerCase());
      if (image === undefined) {
        importing.absent(`${name}.bmp`);
        return [];
      }
      const mask = bitmaps.get(`${name}_anno.bmp`.toLowerCase());
      if (mask === undefined) unmasked++;
      const fold = name.replace(/_\d+$/, '');
      return [
        {
          ...{ id: name, path: folder.path(image), label: row.cell(column), patient: row.cell('patient ID') },
          ...(mask !== undefined && { mask: folder.path(mask) }),
          ...{ split: /^train/i.test(fold) ? 'train' : 'test', fold },
        },
      ];
    });
    if (unmasked) importing.notice(`${unmasked} images have no _anno.bmp: they have no region of interest.`);
    noteSharedPatients(samples, importing.notice);
    return samples;
  },
};

/** The challenge divided images, not patients: a run with its parts must say that this is known. */
function noteSharedPatients(samples: readonly ImportedSample[], notice: (message: string) => void): void {
  const patients = (part: string) => new Set(samples.flatMap(({ split, patient }) => (split === part ? patient! : [])));
  const test = patients('test');
  const shared = [...patients('train')].filter((patient) => test.has(patient)).length;
  if (shared)
    notice(
      `The official parts share ${shared} patients: figures on the test part will look better than they are. For parts by patient set split: {by: patient} in an experiment.`,
    );
}
