import { posix } from 'node:path';
import type { DatasetFolder } from './folder.js';
import { readTable } from './table.js';

/** The four sequences, in the order of the channels. */
export const modalities = ['flair', 't1', 't1ce', 't2'] as const;
export type Modality = (typeof modalities)[number];

/** Words of 2023 and later for the same sequences. */
const otherNames: Readonly<Record<string, Modality>> = { t2f: 'flair', t1n: 't1', t1c: 't1ce', t2w: 't2' };

const volume = /^(.+)[_-](flair|t1|t1ce|t2|seg|t1n|t1c|t2w|t2f)\.nii(\.gz)?$/i;

/** Files of one examination; paths relative to the set's folder. */
export interface BratsSubject {
  /** "BraTS20_Training_001", "BraTS-GLI-00000-000". */
  name: string;
  /** Without the number of the examination that 2023 and later put at the end. */
  patient: string;
  files: ReadonlyMap<Modality | 'seg', string>;
  grade?: string;
}

/** The subjects of a folder in any year's layout, in order of their paths; of one that lies there twice the first. */
export function findSubjects(folder: DatasetFolder): BratsSubject[] {
  const found = new Map<string, { place: string; name: string; files: Map<Modality | 'seg', string> }>();
  const unnamed: string[] = [];
  for (const file of folder.files) {
    if (!/\.nii(\.gz)?$/i.test(file)) continue;
    const match = volume.exec(posix.basename(file));
    if (!match) {
      unnamed.push(file);
      continue;
    }
    const word = match[2].toLowerCase();
    const place = posix.dirname(file);
    const key = match[1];
    const subject = found.get(key) ?? { place, name: match[1], files: new Map<Modality | 'seg', string>() };
    const kind = word === 'seg' ? 'seg' : (otherNames[word] ?? (word as Modality));
    if (!subject.files.has(kind)) subject.files.set(kind, file);
    found.set(key, subject);
  }
  for (const subject of found.values()) {
    // BraTS20_Training_355 has W39_1998.09.19_Segm.nii in place of its own name.
    const instead = unnamed.filter(
      (file) => posix.dirname(file) === subject.place && /seg/i.test(posix.basename(file)),
    );
    if (!subject.files.has('seg') && instead.length === 1) subject.files.set('seg', instead[0]);
  }
  return [...found.values()].map(({ place, name, files }) => {
    const grade = place.split('/').find((part) => /^(HGG|LGG)$/i.test(part));
    return {
      ...{ name, files, patient: name.replace(/^(BraTS-[A-Z]+-\d+)-\d+$/i, '$1') },
      ...(grade && { grade: grade.toUpperCase() }),
    };
  });
}

/**
 * Grades by subject (HGG, LGG) from every name_mapping.csv, under all names that a subject had over the years.
 * @throws SightlineError E_DATASET for a table without grades
 */
export async function readGrades(folder: DatasetFolder): Promise<Map<string, string>> {
  const grades = new Map<string, string>();
  for (const file of folder.named('name_mapping.csv')) {
    const { rows, columns } = await readTable(folder, file, ['Grade']);
    const names = columns.filter((column) => /^BraTS_?20\d\d_subject_ID$/i.test(column));
    for (const row of rows)
      for (const column of names) if (row.cell(column)) grades.set(row.cell(column), row.cell('Grade'));
  }
  return grades;
}
