import { z } from 'zod';
import { SightlineError } from '../../core/errors.js';
import { writeSlices, type SliceSettings } from './brats_slices.js';
import { findSubjects, modalities, readGrades, type BratsSubject, type Modality } from './brats_subjects.js';
import type { Dataset, ImportedSample, Importing } from './dataset.js';
import { missingFile } from './missing.js';
import { names, wholeNumber } from './options.js';

interface Options {
  label: 'tumour' | 'grade';
  slices: number;
  gap: number;
  modalities: Modality[];
  minimumArea: SliceSettings['minimumArea'];
}

const area = z.coerce.string().transform((text, context): SliceSettings['minimumArea'] => {
  const match = /^(\d+(?:\.\d+)?)\s*(mm2|mm²|px|pixels)?$/.exec(text.trim());
  if (match) return { value: Number(match[1]), unit: match[2]?.startsWith('mm') ? 'mm2' : 'pixels' };
  context.addIssue(`expected pixels or square millimetres (50, 50mm2), received "${text}"`);
  return z.NEVER;
});

const sequences = names.transform((list, context): Modality[] => {
  const unknown = list.filter((name) => !modalities.includes(name as Modality));
  if (unknown.length) context.addIssue(`no sequence ${unknown.join(', ')}: there are ${modalities.join(', ')}`);
  return list as Modality[];
});

/**
 * BraTS 2018–2021 and 2023 (Menze et al., IEEE TMI 2015): gliomas in four MR sequences, skull-stripped, 240 × 240 × 155 voxels of 1 mm. Each
 * subject gives the axial slices with most tumour, a channel a sequence; orientation as stored.
 */
export const brats: Dataset<Options> = {
  name: 'brats',
  title: 'BraTS',
  source: 'Synapse (from 2021 on), CBICA of the University of Pennsylvania (2018–2020) or TCIA, after registration',
  terms:
    'After registration, free to use in research, provided that the BraTS papers are cited. CBICA, Synapse and TCIA have terms of their own: read those of your year.',
  citation:
    'Menze BH, et al. The multimodal brain tumor image segmentation benchmark (BRATS). IEEE TMI 34(10):1993–2024, 2015; Bakas S, et al. Advancing The Cancer Genome Atlas glioma MRI collections with expert segmentation labels and radiomic features. Scientific Data 4:170117, 2017; Bakas S, et al. Identifying the best machine learning algorithms for brain tumor segmentation. arXiv:1811.02629, 2018. For 2021 also Baid U, et al. arXiv:2107.02314.',
  regions: 'masks of the whole tumour (every label of the segmentation)',
  layout: [
    'BraTS20_Training_001/BraTS20_Training_001_flair.nii (and _t1, _t1ce, _t2, _seg; .nii or .nii.gz) …',
    'name_mapping.csv (2019 and 2020: grades)',
    'or HGG/<subject>/…, LGG/<subject>/… (2018 and 2019)',
    'or BraTS2021_00000/BraTS2021_00000_flair.nii.gz …',
    'or BraTS-GLI-00000-000/BraTS-GLI-00000-000-t2f.nii.gz (and -t1n, -t1c, -t2w, -seg) …',
  ],
  recognises: (folder) => folder.files.some((file) => /([_-])(flair|t2f)\.nii(\.gz)?$/i.test(file)),
  options: {
    label: {
      flag: '--label <kind>',
      help: 'tumour (tumour and no-tumour, slices of the same subjects; default) or grade (HGG, LGG; where the year has grades)',
      schema: z.enum(['tumour', 'grade']).default('tumour'),
    },
    slices: {
      flag: '--slices <n>',
      help: 'axial slices with most tumour, of each subject; as many without it for --label tumour; default 1',
      schema: wholeNumber(1).default(1),
    },
    gap: {
      flag: '--gap <n>',
      help: 'least distance between slices of a subject, and from tumour to slices without it; default 1',
      schema: wholeNumber(1).default(1),
    },
    modalities: {
      flag: '--modalities <names>',
      help: `sequences in the order of the channels; default ${modalities.join(',')}`,
      schema: sequences.default([...modalities]) as z.ZodType<Modality[]>,
    },
    minimumArea: {
      flag: '--minimum-area <area>',
      help: 'least tumour in a slice, in pixels (50) or square millimetres (50mm2); default any',
      schema: area.default({ value: 1, unit: 'pixels' }) as z.ZodType<SliceSettings['minimumArea']>,
    },
  },
  async read(folder, options, importing) {
    const all = findSubjects(folder);
    if (!all.length) throw missingFile(brats, folder, 'any volume with a name such as <subject>_flair.nii.gz');
    const whole = complete(all, options.modalities, importing);
    const subjects = options.label === 'grade' ? await graded(whole) : whole;
    const settings: SliceSettings = { ...options, withoutTumour: options.label === 'tumour' };
    const progress = importing.meter('cutting slices', subjects.length, 'subjects');
    const samples: ImportedSample[] = [];
    for (const subject of subjects) {
      const slices = await writeSlices(folder, subject, settings, importing.out);
      if (!slices.length) importing.leaveOut('subjects without enough tumour in any slice');
      for (const { slice, image, mask } of slices) {
        samples.push({
          ...{ id: `${subject.name}_${String(slice).padStart(3, '0')}`, path: image, patient: subject.patient },
          label: options.label === 'grade' ? subject.grade : mask ? 'tumour' : 'no-tumour',
          ...(mask && { mask }),
        });
      }
      progress.add(1);
    }
    return samples;

    async function graded(found: readonly BratsSubject[]): Promise<BratsSubject[]> {
      const grades = await readGrades(folder);
      const known = found.map((subject) => ({ ...subject, grade: subject.grade ?? grades.get(subject.name) }));
      const without = known.filter(({ grade }) => !grade).length;
      if (without === known.length && known.length) {
        throw new SightlineError('E_DATASET', {
          where: folder.root,
          what: 'no subject has a grade: there are neither folders HGG and LGG nor a name_mapping.csv that names these subjects',
          remedy: 'Put name_mapping.csv of the same year below the folder, or import with --label tumour.',
        });
      }
      if (without) importing.leaveOut('subjects without a grade', without);
      return known.filter(({ grade }) => grade);
    }
  },
};

/** Subjects with all volumes that are needed; the others are counted and named. */
function complete(all: readonly BratsSubject[], wanted: readonly Modality[], importing: Importing): BratsSubject[] {
  const lacking = all.flatMap((subject) => {
    const missing = [...wanted, 'seg' as const].filter((kind) => !subject.files.has(kind));
    return missing.length ? [{ subject, text: `${subject.name} (no ${missing.join(', ')})` }] : [];
  });
  if (lacking.length) {
    importing.leaveOut('subjects with files missing', lacking.length);
    const some = lacking.slice(0, 5).map(({ text }) => text);
    importing.notice(
      `${lacking.length} of ${all.length} subjects lack files and were left out: ${some.join(', ')}${lacking.length > 5 ? ' …' : ''}.`,
    );
  }
  const out = new Set(lacking.map(({ subject }) => subject));
  return all.filter((subject) => !out.has(subject));
}
