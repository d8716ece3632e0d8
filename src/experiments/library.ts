import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { z } from 'zod';
import { SightlineError } from '../core/errors.js';
import { readText } from '../core/files.js';
import { nearestNames } from '../core/nearest_names.js';
import {
  experimentSchema,
  gridSchema,
  scaleSchema,
  type ExperimentFile,
  type GridFile,
  type ScaleFile,
} from './schema.js';

/** Of the package: the papers' experiments, with `grids/` and `scales/`. */
const library = fileURLToPath(new URL('../../experiments/', import.meta.url));

export interface Experiment extends ExperimentFile {
  /** Of the file, without extension. */
  name: string;
  /** Folder with `grids/` and `scales/`. */
  folder: string;
}

/** Names of the papers' experiments, in order. */
export function experimentNames(): string[] {
  return readdirSync(library)
    .filter((file) => extname(file) === '.yaml')
    .map((file) => basename(file, '.yaml'))
    .sort();
}

/**
 * An experiment of the library by name, or of a YAML file of the same form, whose grids and scales are looked for beside it and
 * then in the library.
 * @throws SightlineError E_NOT_FOUND; E_CONFIG for what the file says
 */
export function readExperiment(nameOrPath: string): Experiment {
  const isFile = /\.ya?ml$/i.test(nameOrPath);
  const path = isFile ? resolve(nameOrPath) : join(library, `${nameOrPath}.yaml`);
  if (!isFile && !existsSync(path)) {
    const known = experimentNames();
    const [near] = nearestNames(nameOrPath, known, 1);
    throw new SightlineError('E_NOT_FOUND', {
      where: nameOrPath,
      what: `no experiment of this name${near ? `; did you mean ${near}?` : ''}`,
      remedy: `sightline experiment --list shows them: ${known.join(', ')}.`,
    });
  }
  return { ...readFile(path, experimentSchema), name: basename(path, extname(path)), folder: dirname(path) };
}

export const readGrid = (folder: string, name: string): GridFile => readFile(find(folder, 'grids', name), gridSchema);
export const readScale = (folder: string, name: string): ScaleFile =>
  readFile(find(folder, 'scales', name), scaleSchema);

function find(folder: string, kind: 'grids' | 'scales', name: string): string {
  const places = [folder, library].map((place) => join(place, kind, `${name}.yaml`));
  return places.find((place) => existsSync(place)) ?? places[0];
}

function readFile<S extends z.ZodType>(path: string, schema: S): z.output<S> {
  let values: unknown;
  try {
    values = parse(readText(path, 'the file'));
  } catch (cause) {
    if (cause instanceof SightlineError) throw cause;
    throw new SightlineError('E_CONFIG', {
      where: path,
      what: `not readable as YAML: ${(cause as Error).message}`,
      cause,
    });
  }
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path: at, message }) => `${at.map(String).join('.') || 'top level'}: ${message}`,
  );
  throw new SightlineError('E_CONFIG', {
    where: path,
    what: problems.join('; '),
    remedy: 'experiments/README.md describes every key.',
  });
}
