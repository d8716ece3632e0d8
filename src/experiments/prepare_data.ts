import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeFileAtomic } from '../core/files.js';
import type { ProgressListener } from '../core/progress.js';
import { datasetNamed, importDataset } from '../data/datasets/import_dataset.js';
import { writePhantoms } from '../data/phantom.js';
import type { DataSpec } from './schema.js';

export interface DataOptions {
  /** Folders of data sets by adapter's name. */
  roots: ReadonlyMap<string, string>;
  /** Folder for what is made; a folder below it per set and settings. */
  out: string;
  onNotice?: (message: string) => void;
  onProgress?: ProgressListener;
}

/** The manifest that data are described by, made where it is not there yet. @returns null: the set's folder was not given */
export async function prepareData(spec: DataSpec, { roots, out, ...listeners }: DataOptions): Promise<string | null> {
  const { set, phantoms, patients, options } = spec;
  if (phantoms) {
    return once(join(out, `phantoms-${phantoms.count}-${phantoms.size}-${phantoms.seed}`), phantoms, async (folder) => {
      await writePhantoms({ ...phantoms, out: folder, onProgress: listeners.onProgress });
    });
  }
  const name = datasetNamed(set ?? '').name;
  const root = roots.get(name);
  if (root === undefined) return null;
  const settings = { set: name, root: resolve(root), patients: patients ?? undefined, options: options ?? {} };
  return once(join(out, `${name}-${digest(settings)}`), settings, async (folder) => {
    await importDataset(name, { ...settings, ...listeners, out: folder });
  });
}

/** The name of the set that data come from; null for phantoms. */
export const setOf = ({ set, phantoms }: DataSpec): string | null => (phantoms ? null : (set ?? null));

const digest = (value: object): string => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 8);

/** Data that were made whole with the same settings are not made again. */
async function once(folder: string, settings: object, make: (folder: string) => Promise<void>): Promise<string> {
  const record = join(folder, 'made.json');
  const manifest = join(folder, 'manifest.csv');
  const text = JSON.stringify(settings);
  if (existsSync(manifest) && existsSync(record) && (await readFile(record, 'utf8')) === text) return manifest;
  await make(folder);
  await writeFileAtomic(record, text);
  return manifest;
}
