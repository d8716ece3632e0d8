import { SightlineError } from '../core/errors.js';
import { tensor } from '../core/tensor.js';
import type { LabelledSamples } from '../forest/feature_selection.js';
import type { Table } from '../store/table.js';

/** Which part of a table to learn from. */
export interface TableChoice {
  /** Column with the classes. */
  target: string;
  /** Columns to choose from. Default: the numeric ones that are named as pyradiomics names features. */
  features?: readonly string[];
  /** The class that counts as higher; the others as lower. Default: the order of the classes. */
  positive?: string;
}

/** A table's rows as a forest takes them. */
export interface SelectionTable extends LabelledSamples {
  features: string[];
  /** Class names; numbers in ascending order, text in alphabetical order. */
  classNames: string[];
  /** Class of each row as a place in an order: for the direction in which a feature goes with it. */
  order: Float64Array;
  /** Share of the commonest class: what a guess without features reaches. */
  majority: { name: string; share: number };
}

const radiomicsName = /^[^_]+(?:[-_].+)?_(firstorder|glcm|shape|shape2D|glrlm|glszm|gldm|ngtdm)_[A-Za-z0-9]+$/;
const mostClasses = 20;
const fewestRows = 10;
const listed = 12;

/**
 * Takes the features and the target out of a table. Rows with an empty or infinite cell in one of them are left out,
 * and so are columns that never vary, both with a notice.
 * @throws SightlineError E_TABLE: a column is missing or not of numbers, one class only, too few rows
 */
export function selectionTable(
  table: Table,
  where: string,
  choice: TableChoice,
  notice: (message: string) => void,
): SelectionTable {
  const names = featureNames(table, where, choice);
  const columns = names.map((name) => table.columns.get(name) as Float64Array);
  const targets = targetColumn(table, where, choice.target);
  const kept = usableRows(names, columns, targets, choice.target, notice);
  const varying = names.filter((name, i) => {
    const values = kept.map((row) => Math.fround(columns[i][row]));
    if (values.some((value) => value !== values[0])) return true;
    if (kept.length) notice(`${name} has the same value in every row: left out`);
    return false;
  });
  const classNames = [...new Set(kept.map((row) => targets[row]!))].sort(byValue);
  const counts = classNames.map((name) => kept.filter((row) => targets[row] === name).length);
  const rarest = Math.min(...counts);
  if (kept.length < fewestRows) {
    const what = `${kept.length} of ${table.rows} rows can be used, fewer than ${fewestRows}`;
    const remedy = 'Add rows, or leave out columns with empty cells (--features names those to use).';
    throw new SightlineError('E_TABLE', { where, what, remedy });
  }
  if (classNames.length < 2) {
    const what = `the target "${choice.target}" has one class only: ${classNames[0]}`;
    throw new SightlineError('E_TABLE', {
      where,
      what,
      remedy: 'Choose a column with at least two classes as --target.',
    });
  }
  if (classNames.length > mostClasses) {
    const what = `the target "${choice.target}" has ${classNames.length} different values, more than ${mostClasses} classes`;
    throw new SightlineError('E_TABLE', {
      where,
      what,
      remedy: 'Choose a column of classes, not of measurements, as --target.',
    });
  }
  if (rarest < 2) {
    const what = `the class ${classNames[counts.indexOf(rarest)]} of "${choice.target}" has one row only`;
    throw new SightlineError('E_TABLE', {
      where,
      what,
      remedy: 'Add rows of that class, or take it out of the table.',
    });
  }
  if (!varying.length) {
    throw new SightlineError('E_TABLE', {
      where,
      what: 'no feature varies',
      remedy: 'Name other columns with --features.',
    });
  }
  const data = new Float32Array(kept.length * varying.length);
  varying.forEach((name, d) => {
    const column = columns[names.indexOf(name)];
    kept.forEach((row, i) => (data[i * varying.length + d] = column[row]));
  });
  const labels = Uint32Array.from(kept, (row) => classNames.indexOf(targets[row]!));
  const most = Math.max(...counts);
  return {
    features: varying,
    classNames,
    classes: classNames.length,
    samples: tensor('f32', [kept.length, varying.length], data),
    labels: tensor('u32', [kept.length], labels),
    order: placesOf(labels, classNames, where, choice.positive),
    majority: { name: classNames[counts.indexOf(most)], share: most / kept.length },
  };
}

function featureNames({ columns }: Table, where: string, { target, features }: TableChoice): string[] {
  const numeric = [...columns.keys()].filter((name) => name !== target && columns.get(name) instanceof Float64Array);
  const some = `${numeric.slice(0, listed).join(', ')}${numeric.length > listed ? ', …' : ''}`;
  if (!features) {
    const found = numeric.filter((name) => radiomicsName.test(name));
    if (found.length) return found;
    throw new SightlineError('E_TABLE', {
      where,
      what: 'no numeric column is named as a radiomics feature (original_firstorder_Kurtosis …)',
      remedy: numeric.length ? `Name the columns with --features; numeric ones are ${some}.` : 'Choose another table.',
    });
  }
  for (const name of features) {
    if (numeric.includes(name)) continue;
    const what =
      name === target
        ? `"${name}" is the target and cannot be a feature`
        : columns.has(name)
          ? `the column "${name}" does not hold numbers`
          : `there is no column "${name}"`;
    throw new SightlineError('E_TABLE', { where, what, remedy: `Numeric columns are ${some || 'none'}.` });
  }
  return [...new Set(features)];
}

/** The target as text; null where a cell is empty. */
function targetColumn({ columns }: Table, where: string, target: string): (string | null)[] {
  const column = columns.get(target);
  if (column)
    return Array.from<string | number | null, string | null>(column, (cell) =>
      cell === null || Number.isNaN(cell) ? null : String(cell),
    );
  const names = [...columns.keys()].filter((name) => !radiomicsName.test(name)).slice(0, listed);
  throw new SightlineError('E_TABLE', {
    where,
    what: `there is no column "${target}"`,
    remedy: `Name the column with the classes as --target${names.length ? `: ${names.join(', ')}` : ''}.`,
  });
}

function usableRows(
  names: readonly string[],
  columns: readonly Float64Array[],
  targets: readonly (string | null)[],
  target: string,
  notice: (message: string) => void,
): number[] {
  const gaps = new Map<string, number>();
  const kept: number[] = [];
  targets.forEach((label, row) => {
    // Forests take float32: what overflows it is as useless as an empty cell.
    const empty = names.filter((_, i) => !Number.isFinite(Math.fround(columns[i][row])));
    if (label === null) empty.push(target);
    for (const name of empty) gaps.set(name, (gaps.get(name) ?? 0) + 1);
    if (!empty.length) kept.push(row);
  });
  if (gaps.size) {
    const worst = [...gaps].sort((a, b) => b[1] - a[1]).slice(0, 3);
    const most = worst.map(([name, count]) => `${name} in ${count}`).join(', ');
    notice(`${targets.length - kept.length} of ${targets.length} rows left out for empty or infinite cells (${most})`);
  }
  return kept;
}

function placesOf(labels: Uint32Array, names: readonly string[], where: string, positive?: string): Float64Array {
  if (positive === undefined) return Float64Array.from(labels);
  const high = names.indexOf(positive);
  if (high < 0) {
    const what = `the target has no class "${positive}"`;
    throw new SightlineError('E_TABLE', { where, what, remedy: `Its classes are ${names.join(', ')}.` });
  }
  return Float64Array.from(labels, (label) => Number(label === high));
}

function byValue(a: string, b: string): number {
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? (a < b ? -1 : 1) : x - y;
}
