import type { Command } from 'commander';
import type { Dataset } from '../../data/datasets/dataset.js';
import { importDataset, type ImportSummary } from '../../data/datasets/import_dataset.js';
import { datasets } from '../../data/datasets/index.js';
import { fraction, integer } from '../numbers.js';
import { Terminal } from '../terminal.js';

interface ImportFlags {
  root: string;
  out: string;
  partial?: boolean;
  patients?: number;
  validation: number;
  seed: number;
  /** Of the adapter, by camel-cased flag. */
  [option: string]: unknown;
}

export function addImport(program: Command): void {
  const command = program
    .command('import')
    .description('manifest of a published data set, or of files in a common layout (nothing is downloaded)');
  for (const set of datasets.values()) addDataset(command, program, set);
}

function addDataset(command: Command, program: Command, set: Dataset): void {
  const own = command
    .command(set.name)
    .summary(set.title)
    .description(`${set.title}, from ${set.source}`)
    .requiredOption('--root <folder>', 'the set as it was unpacked; it is only read')
    .option('--out <folder>', 'for manifest.csv and what is made of the files', set.name)
    .option('--partial', 'import what is there, where images are missing')
    .option('--patients <n>', 'so many patients only, drawn by seed', integer(1))
    .option(
      '--validation <share>',
      "share of an official training part's patients that becomes validation",
      fraction,
      0.1,
    )
    .option('--seed <n>', 'of the draws', integer(0), 0)
    .addHelpText('after', details(set));
  for (const { flag, help } of Object.values(set.options)) own.option(flag, help);
  own.action(async ({ root, out, partial, patients, validation, seed, ...options }: ImportFlags) => {
    const terminal = new Terminal(program.opts().quiet === true);
    const summary = await importDataset(set.name, {
      ...{ root, out, partial, patients, validation, seed, options },
      ...{ onNotice: terminal.notice, onProgress: terminal.progress },
    });
    for (const line of describe(summary)) terminal.print(line);
  });
}

const details = ({ layout, regions, terms, citation }: Dataset): string =>
  [
    '\nFiles:',
    ...layout.map((line) => `  ${line}`),
    `\nRegions of interest: ${regions}.`,
    `Terms of use: ${terms}`,
    `Cite: ${citation}`,
  ].join('\n');

function describe(summary: ImportSummary): string[] {
  const { dataset, samples, patients, withRegion, byLabel, bySplit, leftOut, manifest } = summary;
  const list = (counts: ReadonlyMap<string, number>, most = 20): string => {
    const shown = [...counts].slice(0, most).map(([name, count]) => `${name} ${count.toLocaleString('en')}`);
    return shown.join(', ') + (counts.size > most ? `, and ${counts.size - most} more` : '');
  };
  return [
    `${dataset.title}: ${samples.toLocaleString('en')} samples${patients ? ` of ${patients.toLocaleString('en')} patients` : ''}, ${withRegion.toLocaleString('en')} with a region of interest`,
    ...(byLabel.size ? [`  labels     ${list(byLabel)}`] : []),
    ...(bySplit.size ? [`  parts      ${list(bySplit)}`] : []),
    ...(leftOut.size ? [`  left out   ${list(leftOut)}`] : []),
    `  manifest   ${manifest}`,
    `Terms of use: ${dataset.terms}`,
  ];
}
