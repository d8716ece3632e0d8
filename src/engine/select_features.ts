import { extname } from 'node:path';
import { SightlineError } from '../core/errors.js';
import { writeFileAtomic } from '../core/files.js';
import {
  compareSubsets,
  selectFeatures,
  type ScoredSubset,
  type SelectionOptions,
} from '../forest/feature_selection.js';
import { readTable, tableExtensions, writeTable } from '../store/table.js';
import { rankCorrelation } from '../strategies/rank_correlation.js';
import { selectionTable, type TableChoice } from './selection_table.js';

/** A chosen feature and how it goes with the target. */
export interface ChosenFeature {
  feature: string;
  /** "+": larger values go with the higher class; "-": smaller ones do; null: neither. */
  direction: '+' | '-' | null;
  /** Spearman's, with the classes in their order; null where it is undefined. */
  correlation: number | null;
}

export interface NamedSubset {
  features: string[];
  accuracy: number;
}

/** What `select-features` finds; also its JSON file. */
export interface FeatureSelection {
  target: string;
  /** In ascending order: the last one is the highest. */
  classes: string[];
  positive: string | null;
  rows: number;
  candidates: string[];
  /** The commonest class and its share: what a guess without features reaches. */
  majority: { name: string; share: number };
  method: 'exhaustive' | 'greedy';
  scoredBy: string;
  trees: number;
  seed: number;
  /** The best subset, a feature per entry. */
  best: { accuracy: number; features: ChosenFeature[] };
  bySize: NamedSubset[];
  top: NamedSubset[];
  history: (NamedSubset & { added: string })[];
  scored: number;
  total: number;
  fits: number;
  ended: 'complete' | 'seconds' | 'fits';
}

export interface TableSelectionOptions extends SelectionOptions, TableChoice {
  /** Table of features: .csv, .parquet or .jsonl. */
  table: string;
  /** Where the result goes: .json with all of it; .csv or .parquet with the features of the best subset. */
  out?: string;
}

/**
 * Chooses the features of a table that tell its classes apart best.
 * @throws SightlineError E_NOT_FOUND, E_TABLE, E_ARGUMENT, E_OUTPUT
 */
export async function selectTableFeatures(options: TableSelectionOptions): Promise<FeatureSelection> {
  const { table: path, target, features, positive, out, ...search } = options;
  // Before the work, not after it.
  if (out) checkExtension(out);
  const table = selectionTable(await readTable(path), path, { target, features, positive }, (message) =>
    options.onNotice?.(message),
  );
  const found = await selectFeatures(table, search);
  const named = ({ features: columns, accuracy }: ScoredSubset): NamedSubset => ({
    features: columns.map((column) => table.features[column]),
    accuracy,
  });
  const { folds = 0, repeats = 1, trees = 100, seed = 0 } = search;
  const scoredBy = folds ? `${folds}-fold cross-validated accuracy` : 'out-of-bag accuracy';
  const [best] = [...found.bySize].sort(compareSubsets);
  const selection: FeatureSelection = {
    target,
    classes: table.classNames,
    positive: positive ?? null,
    rows: table.labels.data.length,
    candidates: table.features,
    majority: table.majority,
    method: found.method,
    scoredBy: repeats > 1 ? `${scoredBy}, mean of ${repeats} seeds` : scoredBy,
    trees,
    seed,
    best: { accuracy: best.accuracy, features: best.features.map((column) => directionOf(table, column)) },
    bySize: found.bySize.map(named),
    top: found.top.map(named),
    history: found.history.map((step) => ({ ...named(step), added: table.features[step.added] })),
    scored: found.scored,
    total: found.total,
    fits: found.fits,
    ended: found.ended,
  };
  if (out) await writeSelection(out, selection);
  return selection;
}

function directionOf(table: ReturnType<typeof selectionTable>, column: number): ChosenFeature {
  const [rows, width] = table.samples.dims;
  const values = Float64Array.from({ length: rows }, (_, row) => table.samples.data[row * width + column]);
  const correlation = rankCorrelation(values, table.order);
  const direction = correlation > 0 ? '+' : correlation < 0 ? '-' : null;
  return { feature: table.features[column], direction, correlation: Number.isNaN(correlation) ? null : correlation };
}

async function writeSelection(path: string, selection: FeatureSelection): Promise<void> {
  if (extname(path).toLowerCase() === '.json') {
    await writeFileAtomic(path, `${JSON.stringify(selection, null, 2)}\n`);
    return;
  }
  const chosen = selection.best.features;
  const columns = new Map<string, Float64Array | (string | null)[]>([
    ['feature', chosen.map(({ feature }) => feature)],
    ['direction', chosen.map(({ direction }) => direction)],
    ['correlation', Float64Array.from(chosen, ({ correlation }) => correlation ?? NaN)],
  ]);
  await writeTable(path, { rows: chosen.length, columns });
}

function checkExtension(path: string): void {
  const known = ['.json', ...tableExtensions];
  if (known.includes(extname(path).toLowerCase())) return;
  throw new SightlineError('E_ARGUMENT', {
    where: path,
    what: `results with the extension "${extname(path)}" are not written`,
    remedy: `Use ${known.join(', ')}.`,
  });
}
