import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CsvError, parse } from 'csv-parse/sync';
import { parseBoxes } from '../data/boxes.js';
import { readLabel, type Answer } from './oracle.js';

/** What a file of answers may hold. */
export interface AnswerRules {
  classes: readonly string[];
  several: boolean;
  /** Ids that were asked for, in this or an earlier sitting. */
  asked: ReadonlySet<string>;
}

export interface ReadAnswers {
  /** In the order of the file; of rows with the same id the last. */
  answers: Answer[];
  /** "row 4: unknown class …": rows as lines of the file. */
  problems: string[];
}

interface Row {
  row: number;
  cells: Record<string, unknown>;
}

/**
 * Answers in a CSV file (commas, semicolons or tabs, as spreadsheets write them) or in JSON lines: id, label, and where given
 * mask (path from the file's folder), boxes, cost (default 1) and skip. Rows without a label are not answered yet. A bad row
 * is a problem and leaves the others as they are.
 * @param path says the format, and what paths are relative to
 */
export function readAnswers(path: string, text: string, rules: AnswerRules): ReadAnswers {
  const problems: string[] = [];
  const rows = /\.jsonl$/i.test(path) ? jsonRows(text, problems) : csvRows(text, problems);
  const answers = new Map<string, Answer>();
  for (const { row, cells } of rows) {
    const read = answerOf(cells, dirname(path), rules);
    if (typeof read === 'string') problems.push(`row ${row}: ${read}`);
    else if (read) answers.set(read.id, read);
  }
  return { answers: [...answers.values()], problems };
}

/** The part of a growing file that is whole lines. */
export function wholeLines(text: string): string {
  return text.slice(0, text.lastIndexOf('\n') + 1);
}

/** @returns what is wrong, or undefined where there is no answer yet */
function answerOf(
  cells: Record<string, unknown>,
  folder: string,
  { classes, several, asked }: AnswerRules,
): Answer | string | undefined {
  const id = textOf(cells.id);
  if (id === '') return 'no id';
  if (!asked.has(id)) return `nobody asked for the id "${id}"`;
  const costText = textOf(cells.cost);
  const cost = costText === '' ? 1 : Number(costText);
  if (!(cost >= 0 && cost < Infinity)) return `expected a cost from 0, received "${costText}"`;
  const skip = textOf(cells.skip).toLowerCase();
  if (['1', 'true', 'yes', 'x', 'skip'].includes(skip)) return { id, cost, skipped: true };
  if (!['', '0', 'false', 'no'].includes(skip)) return `expected yes or no in skip, received "${skip}"`;

  const label = textOf(cells.label);
  const mask = textOf(cells.mask);
  const boxCell = textOf(cells.boxes);
  if (label === '') return mask || boxCell ? 'a region without a label' : undefined;
  const read = readLabel(label, classes, several);
  if ('problem' in read) return read.problem;
  const boxes = boxCell === '' ? [] : parseBoxes(cells.boxes);
  if (typeof boxes === 'string') return `boxes: ${boxes}`;
  const maskPath = mask === '' ? undefined : resolve(folder, mask);
  if (maskPath !== undefined && !statSync(maskPath, { throwIfNoEntry: false })?.isFile())
    return `no such mask file: ${maskPath}`;
  return {
    id,
    label: read.labels.join('|'),
    labels: read.labels,
    ...(maskPath !== undefined && { mask: maskPath }),
    ...(boxes.length > 0 && { boxes }),
    cost,
  };
}

function textOf(cell: unknown): string {
  if (cell === null || cell === undefined) return '';
  return typeof cell === 'object' ? JSON.stringify(cell) : String(cell as string | number | boolean).trim();
}

/** The separator that the header has most of. */
function separatorOf(text: string): string {
  const header = text.slice(0, Math.max(0, text.indexOf('\n'))) || text;
  const count = (mark: string) => header.split(mark).length;
  return [',', ';', '\t'].reduce((a, b) => (count(b) > count(a) ? b : a));
}

function csvRows(text: string, problems: string[]): Row[] {
  const settings = { bom: true, info: true, skip_empty_lines: true, trim: true, relax_column_count: true } as const;
  let records: { record: string[]; info: { lines: number } }[];
  try {
    records = parse(text, { ...settings, delimiter: separatorOf(text) }) as unknown as typeof records;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    problems.push(`not readable as CSV (${error.message})`);
    return [];
  }
  const [header, ...rest] = records;
  if (!header) return [];
  const names = header.record.map((name) => name.toLowerCase());
  if (!names.includes('id') || !names.includes('label')) {
    problems.push(`expected the columns id and label, received ${names.join(', ')}`);
    return [];
  }
  return rest.flatMap(({ record, info }): Row[] => {
    if (record.length > names.length) {
      problems.push(`row ${info.lines}: ${record.length} cells where the header has ${names.length}`);
      return [];
    }
    return [{ row: info.lines, cells: Object.fromEntries(names.map((name, i) => [name, record[i]])) }];
  });
}

function jsonRows(text: string, problems: string[]): Row[] {
  return text.split('\n').flatMap((line, i): Row[] => {
    const written = line.replace(/^\uFEFF/, '').trim();
    if (written === '') return [];
    try {
      const value: unknown = JSON.parse(written);
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
        const cells = Object.entries(value).map(([name, cell]) => [name.toLowerCase(), cell as unknown]);
        return [{ row: i + 1, cells: Object.fromEntries(cells) as Record<string, unknown> }];
      }
    } catch {
      // Told below.
    }
    problems.push(`row ${i + 1}: not a JSON object`);
    return [];
  });
}
