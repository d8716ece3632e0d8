import { readFile } from 'node:fs/promises';
import { CsvError, parse } from 'csv-parse/sync';
import { SightlineError } from '../../core/errors.js';
import type { DatasetFolder } from './folder.js';

/** A row of an annotation file: cells by the header's names, and the line it stands in. */
export interface TableRow {
  line: number;
  cell(column: string): string;
  /** A number; NaN for an empty cell. @throws SightlineError E_DATASET naming line and column */
  number(column: string): number;
}

/** An annotation file in CSV. */
export interface Table {
  /** Relative to the set's folder. */
  file: string;
  columns: readonly string[];
  rows: TableRow[];
}

/**
 * Reads an annotation file. Blanks around names and cells are dropped, surplus cells ignored: published files have both.
 * @param columns that must be there
 * @throws SightlineError E_DATASET: not CSV, or columns are missing
 */
export async function readTable(folder: DatasetFolder, file: string, columns: readonly string[]): Promise<Table> {
  let records: string[][];
  let lines: number[];
  try {
    const parsed = parse(await readFile(folder.path(file)), {
      ...{ bom: true, trim: true, skip_empty_lines: true, relax_column_count: true, info: true },
    }) as unknown as { record: string[]; info: { lines: number } }[];
    records = parsed.map(({ record }) => record);
    lines = parsed.map(({ info }) => info.lines);
  } catch (error) {
    const what = error instanceof CsvError ? `not readable as CSV (${error.message})` : 'the file cannot be read';
    throw new SightlineError('E_DATASET', { where: folder.path(file), what, remedy: again, cause: error });
  }
  const header = records[0] ?? [];
  const missing = columns.filter((name) => !header.includes(name));
  if (missing.length) {
    throw new SightlineError('E_DATASET', {
      where: folder.path(file),
      what: `no column ${missing.map((name) => `"${name}"`).join(', ')} (found: ${header.filter(Boolean).join(', ') || 'none'})`,
      remedy: again,
    });
  }
  const at = new Map(header.map((name, i) => [name, i]));
  const rows = records.slice(1).map((record, i): TableRow => {
    const cell = (column: string): string => record[at.get(column) ?? -1] ?? '';
    const number = (column: string): number => {
      const text = cell(column);
      const value = text === '' ? NaN : Number(text);
      if (text !== '' && Number.isNaN(value)) {
        throw new SightlineError('E_DATASET', {
          where: `${folder.path(file)}, line ${lines[i + 1]}, ${column}`,
          what: `expected a number, received "${text}"`,
          remedy: again,
        });
      }
      return value;
    };
    return { line: lines[i + 1], cell, number };
  });
  return { file, columns: header, rows };
}

const again = 'Copy the file again as it is handed out; spreadsheets change such files when they save them.';
