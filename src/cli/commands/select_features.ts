import { Option, type Command } from 'commander';
import { selectTableFeatures, type FeatureSelection } from '../../engine/select_features.js';
import type { SearchBudget, SearchMethod } from '../../forest/feature_selection.js';
import { integer, searchBudget } from '../numbers.js';
import { Terminal } from '../terminal.js';

interface Flags {
  target: string;
  features?: string[];
  positive?: string;
  maxSize: number;
  method: SearchMethod;
  budget?: SearchBudget;
  trees: number;
  folds: number;
  repeats: number;
  top: number;
  workers?: number;
  seed: number;
  out?: string;
}

export function addSelectFeatures(program: Command): void {
  program
    .command('select-features')
    .description('which few features of a table tell its classes apart best, by random forests')
    .argument('<table>', 'table of features, one row per sample: .csv, .parquet or .jsonl')
    .requiredOption('--target <column>', 'column with the classes')
    .option('--features <names>', 'columns to choose from (default: all with radiomics names)', (text) =>
      text.split(',').map((name) => name.trim()),
    )
    .option('--positive <class>', 'class that counts as the higher one (default: the last in order)')
    .option('--max-size <n>', 'most features in a subset', integer(1), 4)
    .addOption(
      new Option('--method <name>', 'every subset, or one more feature per round')
        .choices(['exhaustive', 'greedy'])
        .default('exhaustive'),
    )
    .option('--budget <limit>', 'when to stop with the best so far: 5min, 90s, 2h or 2000fits', searchBudget)
    .option('--trees <n>', 'trees of a forest', integer(1), 100)
    .option('--folds <n>', 'cross-validated accuracy instead of out-of-bag accuracy (0)', integer(0), 0)
    .option('--repeats <n>', 'seeds to average over', integer(1), 1)
    .option('--top <n>', 'how many of the best subsets go into a .json result', integer(1), 20)
    .option('--workers <n>', 'threads (default: the number of cores)', integer(1, 512))
    .option('--seed <n>', 'seed', integer(0), 0)
    .option('--out <file>', 'result: .json in full; .csv or .parquet with the best features and their directions')
    .action(async (table: string, flags: Flags) => {
      const terminal = new Terminal(program.opts().quiet === true);
      const { progress, notice } = terminal;
      const found = await selectTableFeatures({ ...flags, table, onProgress: progress, onNotice: notice });
      terminal.print(describe(found));
      if (flags.out) terminal.print(`\n${flags.out}`);
    });
}

function describe(found: FeatureSelection): string {
  const { rows, candidates, classes, majority, best, scored, total, ended } = found;
  const high = found.positive ?? classes.at(-1);
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const limits = { complete: '', seconds: 'when the time was up', fits: 'within the number of fits' };
  return [
    `${rows} rows, ${candidates.length} features, ${classes.length} classes of ${found.target}: ${classes.join(', ')}`,
    ended === 'complete'
      ? `${scored} subsets scored (${found.method}), ${found.trees} trees, ${found.scoredBy}`
      : `${scored} of ${total} subsets scored (${found.method}) ${limits[ended]}: the best so far`,
    '',
    'size  accuracy  features',
    ...found.bySize.map(
      ({ features, accuracy }) =>
        `${String(features.length).padStart(4)}  ${percent(accuracy).padStart(8)}  ${features.join(', ')}`,
    ),
    `   0  ${percent(majority.share).padStart(8)}  none: always ${majority.name}, the commonest class`,
    '',
    `best: ${percent(best.accuracy)} with`,
    ...best.features.map(({ feature, direction, correlation }) => {
      const sense = direction === '+' ? 'larger' : direction === '-' ? 'smaller' : 'neither larger nor smaller';
      const strength = correlation === null ? '' : ` (rank correlation ${correlation.toFixed(2)})`;
      return `  ${direction ?? ' '} ${feature}: ${sense} values go with ${high}${strength}`;
    }),
  ].join('\n');
}
