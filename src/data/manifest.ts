import { access, readdir } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { SightlineError } from '../core/errors.js';
import { parseBoxes } from './boxes.js';
import { manifestFormats, type ManifestRow, type Problem } from './manifest_rows.js';
import type { Sample } from './types.js';

/** Columns that are read; `roi_boxes` is another name of `boxes`. */
const knownColumns = ['id', 'path', 'label', 'mask', 'boxes', 'roi_boxes', 'patient', 'split', 'fold', 'slice'];
const listedProblems = 50;

export function isManifest(path: string): boolean {
  return extname(path).toLowerCase() in manifestFormats;
}

export const manifestExtensions = Object.keys(manifestFormats);

/** A sample with the manifest row it came from. */
type Draft = Omit<Sample, 'index'> & { row: number };

/**
 * Samples of a manifest (CSV, JSONL, Parquet), paths resolved against the manifest's folder. All problems
 * are found before any is reported. Columns that are not known are ignored, with one notice.
 * @param filesMayBeGone whether rows whose image or mask is no longer there are samples all the same. Default false
 * @throws SightlineError E_MANIFEST listing the problems by row and column (the first 50, then a count).
 */
export async function readManifest(
  path: string,
  onNotice: (message: string) => void = () => {},
  filesMayBeGone = false,
): Promise<Sample[]> {
  const open = manifestFormats[extname(path).toLowerCase()];
  if (!open) {
    throw new SightlineError('E_MANIFEST', {
      where: path,
      what: 'a manifest with this extension is not read',
      remedy: `Use ${manifestExtensions.join(', ')}.`,
    });
  }
  const problems: Problem[] = [];
  const { columns, rows } = open(path, problems);
  const folder = dirname(resolve(path));
  const drafts: Draft[] = [];
  const rowOfId = new Map<string, number>();
  for await (const row of rows) {
    const draft = readRow(row, folder, problems);
    if (!draft) continue;
    const earlier = rowOfId.get(draft.id);
    if (earlier === undefined) rowOfId.set(draft.id, draft.row);
    else problems.push({ row: draft.row, column: 'id', what: `duplicate id "${draft.id}", first in row ${earlier}` });
    drafts.push(draft);
  }
  const missing = ['id', 'path'].filter((name) => !columns.has(name));
  if (missing.length && (columns.size || problems.length === 0)) {
    const found = [...columns].join(', ') || 'none';
    // Every row lacks the cell then: one line says it.
    problems.splice(
      0,
      problems.length,
      ...missing.map((column) => ({ column, what: `the column is missing (found: ${found})` })),
    );
  } else if (!filesMayBeGone) problems.push(...(await missingFiles(drafts)));
  if (problems.length) throw manifestError(path, problems);

  const extra = [...columns].filter((name) => !knownColumns.includes(name));
  if (extra.length) onNotice(`${basename(path)}: columns not used: ${extra.join(', ')}.`);
  return drafts.map(({ row: _, ...sample }, index) => ({ index, ...sample }));
}

function readRow({ row, cells }: ManifestRow, folder: string, problems: Problem[]): Draft | undefined {
  const text = (column: string): string | undefined => {
    const cell = cells.get(column);
    if (cell === null || cell === undefined) return undefined;
    const value =
      typeof cell === 'object' ? JSON.stringify(cell) : String(cell as string | number | bigint | boolean).trim();
    return value === '' ? undefined : value;
  };
  const [id, path] = [text('id'), text('path')];
  if (!id) problems.push({ row, column: 'id', what: 'empty' });
  if (!path) problems.push({ row, column: 'path', what: 'empty' });
  const draft: Draft = { row, id: id ?? '', path: path ? resolve(folder, path) : '' };
  for (const column of ['label', 'patient', 'split', 'fold'] as const) {
    const value = text(column);
    if (value !== undefined) draft[column] = value;
  }
  const mask = text('mask');
  if (mask) draft.mask = resolve(folder, mask);
  const slice = text('slice');
  if (slice !== undefined) {
    if (/^\d+$/.test(slice)) draft.slice = Number(slice);
    else problems.push({ row, column: 'slice', what: `expected a whole number from 0, received "${slice}"` });
  }
  const column = text('boxes') ? 'boxes' : 'roi_boxes';
  if (text(column)) {
    const boxes = parseBoxes(cells.get(column));
    if (typeof boxes === 'string') problems.push({ row, column, what: boxes });
    else if (boxes.length) draft.boxes = boxes;
  }
  return id && path ? draft : undefined;
}

/** One directory listing answers for many rows; a folder asked about rarely is asked file by file. */
const worthListing = 8;

async function missingFiles(drafts: readonly Draft[]): Promise<Problem[]> {
  const byFolder = new Map<string, Map<string, { row: number; column: 'path' | 'mask' }[]>>();
  for (const draft of drafts) {
    for (const column of ['path', 'mask'] as const) {
      const file = draft[column];
      if (!file) continue;
      const folder = dirname(file);
      let names = byFolder.get(folder);
      if (!names) byFolder.set(folder, (names = new Map()));
      const uses = names.get(basename(file));
      if (uses) uses.push({ row: draft.row, column });
      else names.set(basename(file), [{ row: draft.row, column }]);
    }
  }
  const problems: Problem[] = [];
  for (const [folder, names] of byFolder) {
    const listed = names.size >= worthListing ? new Set(await readdir(folder).catch(() => [])) : new Set<string>();
    // A name may exist and not be listed: file systems that ignore case, or that store another Unicode form.
    const doubtful = [...names.keys()].filter((name) => !listed.has(name));
    for (let at = 0; at < doubtful.length; at += 256) {
      await Promise.all(
        doubtful.slice(at, at + 256).map(async (name) => {
          const file = resolve(folder, name);
          const there = await access(file).then(
            () => true,
            () => false,
          );
          if (!there) for (const use of names.get(name) ?? []) problems.push({ ...use, what: `no such file: ${file}` });
        }),
      );
    }
  }
  return problems;
}

function manifestError(path: string, problems: Problem[]): SightlineError {
  problems.sort((a, b) => (a.row ?? 0) - (b.row ?? 0));
  const lines = problems.slice(0, listedProblems).map(({ row, column, what }) => {
    const place = [row !== undefined && `row ${row}`, column].filter(Boolean).join(', ');
    return `\n  ${place ? `${place}: ` : ''}${what}`;
  });
  const rest = problems.length - lines.length;
  return new SightlineError('E_MANIFEST', {
    where: path,
    what: `${problems.length} problem${problems.length === 1 ? '' : 's'}:${lines.join('')}${rest > 0 ? `\n  and ${rest} more` : ''}\n`,
    remedy: 'Mend the manifest; its paths are relative to its own folder.',
  });
}
