import { mkdir } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { csvText } from '../../core/csv.js';
import { SightlineError } from '../../core/errors.js';
import { writeFileAtomic } from '../../core/files.js';
import { ProgressMeter, type ProgressListener } from '../../core/progress.js';
import { Rng } from '../../core/rng.js';
import { version } from '../../core/version.js';
import type { Dataset, ImportedSample } from './dataset.js';
import { DatasetFolder } from './folder.js';
import { datasets } from './index.js';

/** What every import takes. */
export interface ImportOptions {
  /** Folder of the set as it was unpacked. It is only read. */
  root: string;
  /** Folder for manifest.csv, dataset.json and what the adapter makes; made where it is not there. */
  out: string;
  /** Of the adapter, as flags or YAML give them. */
  options?: Readonly<Record<string, unknown>>;
  /** Import what is there, where images are missing. Default false: that is an error. */
  partial?: boolean;
  /** So many patients (samples, where no patients are known), drawn by `seed`. Default all. */
  patients?: number;
  /** Share of an official training part's patients that becomes validation. Default 0.1. */
  validation?: number;
  /** Of the draws. Default 0. */
  seed?: number;
  onNotice?: (message: string) => void;
  onProgress?: ProgressListener;
}

export interface ImportSummary {
  dataset: Pick<Dataset, 'name' | 'title' | 'terms' | 'citation'>;
  /** Absolute path of manifest.csv. */
  manifest: string;
  samples: number;
  /** 0 where the set knows none. */
  patients: number;
  /** Samples with a mask or boxes. */
  withRegion: number;
  byLabel: ReadonlyMap<string, number>;
  bySplit: ReadonlyMap<string, number>;
  /** Samples left out on purpose, by reason. */
  leftOut: ReadonlyMap<string, number>;
  /** Images that annotations name and the folder lacks. */
  absent: number;
}

/**
 * Writes the manifest of a published data set: `manifest.csv` (paths relative to it) and `dataset.json` (terms of use, settings,
 * counts). Nothing is downloaded, and the set's own folder is only read.
 * @throws SightlineError E_ARGUMENT: unknown set or option; E_NOT_FOUND; E_DATASET: another set, missing files or images, or
 *   nothing left; E_OUTPUT, E_DISK_FULL
 */
export async function importDataset(name: string, given: ImportOptions): Promise<ImportSummary> {
  const set = datasetNamed(name);
  const { partial = false, patients, validation = 0.1, seed = 0, onNotice = () => {}, onProgress } = given;
  const options = readOptions(set, given.options ?? {});
  const out = resolve(given.out);
  const folder = await DatasetFolder.open(given.root);
  expectSet(set, folder);
  await mkdir(out, { recursive: true }).catch((error) => {
    throw SightlineError.from(error, 'E_OUTPUT', { where: out, remedy: 'Choose a folder that you may write to.' });
  });
  const leftOut = new Map<string, number>();
  const absent: string[] = [];
  const read = await set.read(folder, options, {
    out,
    notice: onNotice,
    meter: (stage, total, unit) => new ProgressMeter(stage, total, onProgress, 0, undefined, unit),
    leaveOut: (reason, count = 1) => leftOut.set(reason, (leftOut.get(reason) ?? 0) + count),
    absent: (image) => absent.push(image),
  });
  if (absent.length && (!partial || !read.length)) throw absentError(set, folder, absent, read.length);
  if (absent.length) onNotice(`${count(absent.length)} images are not there and were left out.`);
  const drawn = patients === undefined ? read : drawPatients(read, patients, seed);
  const samples = withValidation(drawn, validation, seed);
  if (!samples.length) {
    const reasons = [...leftOut].map(([reason, n]) => `${reason}: ${count(n)}`).join(', ');
    throw new SightlineError('E_DATASET', {
      where: folder.root,
      what: `no sample is left${reasons && ` (${reasons})`}`,
      remedy: 'Choose other settings for the import.',
    });
  }
  const manifest = join(out, 'manifest.csv');
  const summary: ImportSummary = {
    dataset: { name: set.name, title: set.title, terms: set.terms, citation: set.citation },
    ...{ manifest, samples: samples.length, leftOut, absent: absent.length },
    patients: new Set(samples.flatMap(({ patient }) => patient ?? [])).size,
    withRegion: samples.filter(({ mask, boxes }) => mask !== undefined || boxes?.length).length,
    byLabel: counted(samples.flatMap(({ label }) => label?.split('|') ?? [])),
    bySplit: counted(samples.flatMap(({ split }) => split ?? [])),
  };
  await writeFileAtomic(
    join(out, 'dataset.json'),
    datasetJson(set, summary, { ...options, patients, validation, seed }),
  );
  await writeFileAtomic(manifest, manifestText(samples, out));
  return summary;
}

/** @throws SightlineError E_ARGUMENT */
export function datasetNamed(name: string): Dataset {
  const set = datasets.get(name);
  if (set) return set;
  throw new SightlineError('E_ARGUMENT', {
    where: name,
    what: 'no data set of this name is known',
    remedy: `Known: ${[...datasets.keys()].join(', ')}.`,
  });
}

function readOptions(set: Dataset, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const problems: string[] = [];
  for (const key of Object.keys(given))
    if (!(key in set.options)) problems.push(`${key}: not an option of ${set.name}`);
  const entries = Object.entries(set.options).map(([key, { schema }]): [string, unknown] => {
    const parsed = schema.safeParse(given[key]);
    if (!parsed.success) problems.push(...parsed.error.issues.map(({ message }) => `${key}: ${message}`));
    return [key, parsed.data];
  });
  if (!problems.length) return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  const known = Object.keys(set.options).join(', ');
  throw new SightlineError('E_ARGUMENT', {
    where: `import of ${set.name}`,
    what: problems.join('; '),
    remedy: known ? `Options: ${known}.` : 'This set has no options of its own.',
  });
}

/** Somebody who points at another set is told which one it is. */
function expectSet(set: Dataset, folder: DatasetFolder): void {
  if (set.recognises(folder)) return;
  const others = [...datasets.values()].filter((other) => other.name !== set.name && other.recognises(folder));
  if (!others.length) return; // the adapter itself says which file is missing
  throw new SightlineError('E_DATASET', {
    where: folder.root,
    what: `this is not ${set.title}; it looks like ${others.map(({ title }) => title).join(' or ')}`,
    remedy: `Run sightline import ${others[0].name}, or give the folder of ${set.title} as --root.`,
  });
}

function absentError(set: Dataset, folder: DatasetFolder, absent: readonly string[], present: number): SightlineError {
  const all = absent.length + present;
  const some = absent.slice(0, 3).join(', ');
  return new SightlineError('E_DATASET', {
    where: folder.root,
    what: `${count(absent.length)} of ${count(all)} images that the annotations name are not there: ${some}${absent.length > 3 ? ' …' : ''}`,
    remedy: present
      ? 'Unpack the archives that are missing into this folder, or add --partial to import what is there.'
      : `Unpack the images beside the annotations; the set comes from ${set.source}.`,
  });
}

/** Samples of `wanted` patients, or single samples where patients are not known; the order stays. */
function drawPatients(samples: ImportedSample[], wanted: number, seed: number): ImportedSample[] {
  const groups = [...new Set(samples.map(groupOf))];
  const drawn = new Set(new Rng(seed, 'import', 'patients').shuffle(groups).slice(0, wanted));
  return samples.filter((sample) => drawn.has(groupOf(sample)));
}

/** An official split without a validation part gives one away, by patient: the share of its patients, at least one. */
function withValidation(samples: ImportedSample[], share: number, seed: number): ImportedSample[] {
  const parts = new Set(samples.map(({ split }) => split));
  if (!parts.has('train') || parts.has('validation') || share === 0) return samples;
  const groups = [...new Set(samples.filter(({ split }) => split === 'train').map(groupOf))];
  const wanted = Math.max(1, Math.round(share * groups.length));
  const heldOut = new Set(new Rng(seed, 'import', 'validation').shuffle(groups).slice(0, wanted));
  return samples.map((sample) =>
    sample.split === 'train' && heldOut.has(groupOf(sample)) ? { ...sample, split: 'validation' } : sample,
  );
}

const groupOf = ({ patient, id }: ImportedSample): string =>
  patient === undefined ? `id ${id}` : `patient ${patient}`;

const columns = ['id', 'path', 'label', 'mask', 'boxes', 'patient', 'split', 'fold', 'slice'] as const;

/** Columns that no sample fills are left out. */
function manifestText(samples: readonly ImportedSample[], out: string): string {
  const local = (path: string | undefined) => path && relative(out, path).split(sep).join('/');
  const cells = samples.map(({ boxes, path, mask, ...rest }): Record<string, string | number | undefined> => ({
    ...rest,
    path: local(path),
    mask: local(mask),
    boxes: boxes?.map(({ x0, y0, x1, y1 }) => [x0, y0, x1, y1].map(shortNumber).join(';')).join('|'),
  }));
  const used = columns.filter((column) => cells.some((row) => row[column] !== undefined));
  return csvText([used, ...cells.map((row) => used.map((column) => row[column] ?? ''))]);
}

/** Thousandths of a pixel are enough. */
const shortNumber = (value: number): string => String(Math.round(value * 1000) / 1000);

function datasetJson(set: Dataset, summary: ImportSummary, settings: object): string {
  const { manifest: _, dataset: __, byLabel, bySplit, leftOut, ...counts } = summary;
  const plain = { byLabel, bySplit, leftOut };
  const about = { sightline: version, ...{ name: set.name, title: set.title, source: set.source } };
  const record = {
    ...about,
    ...{ terms: set.terms, citation: set.citation, regions: set.regions, settings, ...counts },
    ...Object.fromEntries(Object.entries(plain).map(([key, map]) => [key, Object.fromEntries(map)])),
  };
  return `${JSON.stringify(record, null, 2)}\n`;
}

function counted(values: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return new Map([...counts].sort((a, b) => b[1] - a[1]));
}

const count = (n: number): string => n.toLocaleString('en');
