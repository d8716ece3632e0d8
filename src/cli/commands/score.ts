import type { Command } from 'commander';
import { score, type ScoreSummary } from '../../engine/score.js';
import type { ScoreOptions } from '../../engine/options.js';
import { drawSelection } from '../../report/selection.js';
import { strategyGroups } from '../../strategies/index.js';
import { addModelFlags } from '../model_flags.js';
import { integer } from '../numbers.js';
import { addRegionFlags } from '../region_flags.js';
import { addStrategyFlags } from '../strategy_flags.js';
import { formatDuration, Terminal } from '../terminal.js';

export function addScore(program: Command): void {
  const command = program
    .command('score')
    .description('rank a pool: what to label next, with heatmaps')
    .addHelpText('after', `\nStrategies:\n${strategyLines().join('\n')}`)
    .requiredOption('--pool <path>', 'folder, glob (quoted), or manifest .csv, .jsonl, .parquet');
  addRegionFlags(addStrategyFlags(addModelFlags(command)))
    .option('--top <n>', 'samples to select', integer(1), 50)
    .option('--out <folder>', 'where results go', 'sightline-out')
    .option('--reverse', 'rank the other way round')
    .option('--resume', 'continue the run in --out after a crash, or re-rank a finished one')
    .option('--overwrite', 'discard the run in --out')
    .option('--no-overlays', 'skip the pictures')
    .action(async (flags: ScoreOptions & { overlays: boolean }) => {
      await runScore(flags, new Terminal(program.opts().quiet === true), flags.overlays);
    });
}

function strategyLines(): string[] {
  return strategyGroups.flatMap(([what, members]) => [
    `  ${what}`,
    ...members.map((s) => `    ${s.name.padEnd(19)}${s.summary}${s.columns ? ' (sightline run only)' : ''}`),
  ]);
}

/** Scores, draws the selection and prints the summary: shared with the demo. */
export async function runScore(options: ScoreOptions, terminal: Terminal, overlays = true): Promise<ScoreSummary> {
  const summary = await score({ ...options, onProgress: terminal.progress, onNotice: terminal.notice });
  const pictures = overlays
    ? await drawSelection(summary, { ...options, onProgress: terminal.progress, onNotice: terminal.notice })
    : null;
  terminal.print();
  for (const line of summaryLines(summary)) terminal.print(line);
  if (pictures) {
    terminal.print(`  contact sheet   ${pictures.contactSheet}`);
    terminal.print(`  overlays        ${pictures.folder} (${pictures.count})`);
  }
  return summary;
}

function summaryLines(summary: ScoreSummary): string[] {
  const { scored, samples, quarantined, scoredNow, ran } = summary;
  const lines = [
    `${scored} of ${samples} images scored${scoredNow < scored ? ` (${scoredNow} in this run)` : ''}${quarantined ? `, ${quarantined} quarantined` : ''}` +
      ` in ${formatDuration(summary.seconds)}` +
      (ran
        ? `, ${summary.imagesPerSecond.toFixed(1)} images/s (model on ${ran.provider}, kernels on ${ran.backend})`
        : ''),
  ];
  if (summary.flatMaps)
    lines.push(`${summary.flatMaps} saliency maps are constant (no positive evidence for the class explained)`);
  for (const problem of summary.problems.slice(0, 5))
    lines.push(`  ! ${problem.id}: ${problem.message} [${problem.code}]`);
  if (quarantined > 5) lines.push(`  … and ${quarantined - 5} more in ${summary.files.quarantineCsv}`);
  lines.push(
    '',
    `Label next, by ${summary.strategy}:`,
    `  rank  score   class            conf.  entropy   dice  kurtosis  id`,
  );
  for (const s of summary.selection.slice(0, 10)) {
    const number = (v: number, width: number, digits = 3) =>
      (Number.isNaN(v) ? '–' : v.toFixed(digits)).padStart(width);
    lines.push(
      `  ${String(s.rank).padStart(4)}  ${number(s.score, 5)}   ${s.predictedClass.slice(0, 15).padEnd(15)}  ${number(s.confidence, 5)}` +
        `  ${number(s.criteria.entropy, 7)}  ${number(s.criteria.dice, 5)}  ${number(s.criteria.kurtosis, 8, 2)}  ${s.id}`,
    );
  }
  if (summary.selection.length > 10) lines.push(`  … ${summary.selection.length - 10} more`);
  lines.push(
    '',
    `  selection       ${summary.files.selectionCsv}`,
    `  whole ranking   ${summary.files.scoresCsv}, ${summary.files.scoresParquet}`,
    `  store           ${summary.files.store}`,
  );
  return lines;
}
