import { mkdir } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { writeFileAtomic } from '../core/files.js';
import { version } from '../core/version.js';
import { writeFigure } from '../report/figures/write_figure.js';
import { writeReport } from '../report/run_report.js';
import { resultMakers } from './results/index.js';
import type { Result, ResultListeners, ResultTable } from './results/result.js';
import type { FinishedExperiment } from './run_experiment.js';

export interface WrittenResults {
  /** result.md. */
  file: string;
  /** report.html of all runs, where it was asked for. */
  report: string | null;
  /** The tables, for a terminal. */
  lines: string[];
}

/**
 * Writes what an experiment's runs have come to into its folder: result.md (tables and figures beside the published numbers),
 * `figures/` (SVG, PNG and CSV each), and report.html.
 * @throws SightlineError E_OUTPUT, E_DISK_FULL
 */
export async function writeResults(
  finished: FinishedExperiment,
  { report = true, ...listeners }: ResultListeners & { report?: boolean } = {},
): Promise<WrittenResults> {
  const { experiment, folder, grids } = finished;
  await mkdir(join(folder, 'figures'), { recursive: true });
  const results: Result[] = [];
  for (const name of experiment.results) results.push(await resultMakers[name](finished, listeners));
  const tables = results.flatMap(({ tables = [] }) => tables);
  const pictures: { title: string; file: string; note: string }[] = [];
  for (const figure of results.flatMap(({ figures = [] }) => figures)) {
    const { png } = await writeFigure(join(folder, 'figures'), figure);
    pictures.push({ title: figure.title, file: relative(folder, png), note: figure.caption });
  }
  for (const { name, title, png } of results.flatMap(({ pictures: own = [] }) => own)) {
    const file = join('figures', `${name}.png`);
    await writeFileAtomic(join(folder, file), png);
    pictures.push({ title, file, note: '' });
  }
  const file = join(folder, 'result.md');
  await writeFileAtomic(file, markdown(finished, tables, pictures));
  const written = report
    ? await writeReport({
        ...{ runs: grids.map(({ config }) => config.file), out: folder, title: experiment.title },
        ...listeners,
      })
    : null;
  return { file, report: written?.file ?? null, lines: tables.flatMap(textTable) };
}

function markdown(
  { experiment, scale, grids, skipped, failures, changed }: FinishedExperiment,
  tables: readonly ResultTable[],
  pictures: readonly { title: string; file: string; note: string }[],
): string {
  const remarks = [
    ...(scale === 'paper'
      ? []
      : [`Scale **${scale}**: this shows that everything works, and says nothing of the methods.`]),
    ...(changed.data === undefined
      ? []
      : [`On other images than the paper's: ${basename(dirname(changed.data))}/${basename(changed.data)}.`]),
    ...(Object.keys(changed.run).length
      ? [`With other settings than the paper's: \`${JSON.stringify(changed.run)}\`.`]
      : []),
    ...skipped.map(({ title }) => `${title} is missing: its data set was not given.`),
    ...failures.map(({ cell, error }) => `${cell.entry.name}, seed ${cell.seed} failed: ${error.message}`),
  ];
  return [
    `# ${experiment.title}`,
    `${experiment.paper}, ${experiment.shows}. ${experiment.about}`,
    ...(remarks.length ? [remarks.map((text) => `- ${text}`).join('\n')] : []),
    ...tables.map(({ title, columns, rows, note }) =>
      [`## ${title}`, markdownTable(columns, rows), note].filter(Boolean).join('\n\n'),
    ),
    ...pictures.map(({ title, file, note }) =>
      [`## ${title}`, `![${title}](${file})`, note].filter(Boolean).join('\n\n'),
    ),
    `Made by Sightline ${version} from ${grids.map(({ config }) => `\`runs/${config.name}.yaml\``).join(', ')}.`,
    '',
  ].join('\n\n');
}

const markdownTable = (columns: readonly string[], rows: readonly string[][]): string =>
  [columns, columns.map(() => '---'), ...rows]
    .map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n');

function textTable({ title, columns, rows }: ResultTable): string[] {
  const widths = columns.map((column, i) => Math.max(column.length, ...rows.map((row) => row[i].length)));
  const line = (row: readonly string[]) => `  ${row.map((cell, i) => cell.padEnd(widths[i])).join('  ')}`.trimEnd();
  return ['', title, line(columns), ...rows.map(line)];
}
