import type { z } from 'zod';
import type { ProgressMeter } from '../../core/progress.js';
import type { Sample } from '../types.js';
import type { DatasetFolder } from './folder.js';

/** A sample as a data set describes it; `path` and `mask` are absolute. Becomes a row of the manifest. */
export type ImportedSample = Omit<Sample, 'index'>;

/** A setting of an import: a flag of `sightline import`, a key of `import:` in an experiment. */
export interface DatasetOption<T> {
  /** As commander takes it: "--patients <n>", "--one-label". */
  flag: string;
  help: string;
  /** Takes the flag's text as well as a YAML value; optional or with a default. */
  schema: z.ZodType<T>;
}

/** What an adapter tells and asks while it reads. */
export interface Importing {
  /** Absolute folder for files that the adapter makes: masks, slices. */
  out: string;
  notice(message: string): void;
  /** Progress of long work over `total` items. */
  meter(stage: string, total: number, unit?: string): ProgressMeter;
  /** Counts samples that are left out on purpose, by reason: "lateral views". */
  leaveOut(reason: string, count?: number): void;
  /** An image that an annotation file names and the folder lacks. Such samples are not returned. */
  absent(name: string): void;
}

/**
 * A published data set in the layout in which it is handed out. Adding one is a file and a line in `index.ts`; its test
 * imports a miniature in exactly that layout.
 */
export interface Dataset<O extends object = Record<string, unknown>> {
  /** On the command line: "nih-chestxray14". */
  name: string;
  title: string;
  /** Who hands it out and under which name, for people who do not have it. Never an address that is called. */
  source: string;
  /** Terms of use, in a sentence or two. */
  terms: string;
  citation: string;
  /** Where its regions of interest come from, in a phrase. */
  regions: string;
  /** The folder as it is unpacked, a line an entry. */
  layout: readonly string[];
  /** Whether a folder looks like this set: told to people who chose another adapter. */
  recognises(folder: DatasetFolder): boolean;
  options: { [K in keyof O]: DatasetOption<O[K]> };
  /** @throws SightlineError E_DATASET: annotation files that are missing or not as they are handed out */
  read(folder: DatasetFolder, options: O, importing: Importing): Promise<ImportedSample[]>;
}
