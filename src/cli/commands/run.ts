import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { estimateGrid } from '../../loop/estimate.js';
import { runGrid, type GridSummary } from '../../loop/grid.js';
import type { RoundReport } from '../../loop/run.js';
import { readRunConfig, type RunConfig } from '../../loop/run_config.js';
import { overheadShare } from '../../loop/stopwatch.js';
import { figurePng } from '../../report/figures/write_figure.js';
import { curveFigures } from '../../report/runs/mean_curves.js';
import { shownMetrics } from '../../report/runs/metrics.js';
import { integer } from '../numbers.js';
import { formatDuration, Terminal } from '../terminal.js';

interface RunFlags {
  resume?: boolean;
  overwrite?: boolean;
  dryRun?: boolean;
  jobs?: number;
}

export function addRun(program: Command): void {
  program
    .command('run')
    .description('active learning: rounds of scoring, selecting, labelling and training, as a configuration says')
    .argument('<config>', 'YAML file (docs/run_configuration.md)')
    .option('--resume', 'go on with the runs that are there')
    .option('--overwrite', 'discard the runs that are there')
    .option('--jobs <n>', 'seeds to work on at a time, a thread each (default 1)', integer(1, 256))
    .option('--dry-run', 'say what would be done and how long it would take, and do nothing')
    .action(async (path: string, flags: RunFlags) => {
      const terminal = new Terminal(program.opts().quiet === true);
      const config = readRunConfig(path);
      if (flags.dryRun) await dryRun(config, terminal);
      else await run(config, flags, terminal);
    });
}

async function run(config: RunConfig, flags: RunFlags, terminal: Terminal): Promise<void> {
  const leaving = new AbortController();
  // A first Ctrl-C lets an oracle that waits for a person end in order; a second one ends the process as ever.
  process.once('SIGINT', () => {
    leaving.abort();
    process.once('SIGINT', () => process.exit(130));
    if (config.oracle.kind === 'simulated') process.exit(130);
  });
  // Lines of seeds that are worked on at the same time come mixed: each says whose it is.
  const mixed = (flags.jobs ?? 1) > 1 && config.seeds.length > 1;
  const whose = (strategy: string, seed: number) => (mixed ? `  ${strategy}, seed ${seed}:` : '');
  const summary = await runGrid(config, {
    ...flags,
    ...{ onProgress: terminal.progress, onNotice: terminal.notice, signal: leaving.signal },
    onRun: ({ entry, seed }, position, of) => {
      terminal.print(`\n${entry.name}, seed ${seed}${of > 1 ? ` (run ${position + 1} of ${of})` : ''}`);
    },
    onRound: (report) => terminal.print(`${whose(report.strategy, report.seed)}${roundLine(report)}`),
    onRunEnd: ({ entry, seed }, stop) => terminal.print(`${whose(entry.name, seed)}  ended: ${stop.text}`),
  });
  const curves = await drawCurves(summary);
  terminal.print();
  for (const line of describe(summary)) terminal.print(line);
  if (curves) terminal.print(`  curves        ${curves}`);
  if (summary.failures.length) process.exitCode = 1;
}

async function dryRun(config: RunConfig, terminal: Terminal): Promise<void> {
  const plan = await estimateGrid(config, { onNotice: terminal.notice, onProgress: terminal.progress });
  terminal.endProgress();
  const { data, cells, rounds, total, perImage, perPass } = plan;
  const lines = [
    `${config.name}: ${cells} run${cells === 1 ? '' : 's'} (${config.strategies.map(({ name }) => name).join(', ')}; seeds ${config.seeds.join(', ')})`,
    `  data      ${data.pool} in the pool, ${data.validation} validation, ${data.test} test; ${plan.classes.join(', ')}`,
    `  labels    ${rounds.map(({ labelled }) => labelled).join(' → ')}`,
    `  into      ${config.out}`,
    '',
    `Measured here: training ${(1000 * perImage.training).toFixed(1)} ms an image, scoring ${(1000 * perImage.scoring).toFixed(1)} ms, and ${perPass.toFixed(1)} s to begin a pass.`,
    ...plan.strategies.map(({ name, seconds }) => `  ${name.padEnd(24)} about ${formatDuration(seconds)} a run`),
    `All runs: about ${formatDuration(total)}, if no rule stops one before its time.`,
  ];
  for (const line of lines) terminal.print(line);
}

/** "  round  3   148 labels (+16)   test auc 0.871  accuracy 0.79   12 s, overhead 1.2 %" */
function roundLine({ round, labelled, added, metrics, times }: RoundReport): string {
  const seconds = [...times.values()].reduce((sum, value) => sum + value, 0);
  const shown = [
    ['test auc', 'AUC'],
    ['test accuracy', 'accuracy'],
    ['test segmentation dice', 'Dice'],
    ['test attention dice', 'attention–ROI Dice'],
    ...(metrics.has('test auc') ? [] : [['validation auc', 'validation AUC']]),
  ].flatMap(([name, label]) => {
    const value = metrics.get(name);
    return value === undefined || Number.isNaN(value) ? [] : [`${label} ${value.toFixed(3)}`];
  });
  const overhead = overheadShare(times);
  return (
    `  round ${String(round).padStart(2)}  ${String(labelled).padStart(5)} labels (+${added})  ${shown.join('  ')}` +
    `  ${formatDuration(seconds)}${Number.isNaN(overhead) ? '' : `, ${(100 * overhead).toFixed(1)} % of it the loop's own`}`
  );
}

/** @returns the file; null where there is nothing to draw */
async function drawCurves({ out, runs }: GridSummary): Promise<string | null> {
  const file = join(out, 'curves.png');
  const there = shownMetrics(runs);
  if (!there.length) return null;
  await writeFile(file, await figurePng(...curveFigures(runs, there)));
  return file;
}

function describe({ runs, comparison, failures, files }: GridSummary): string[] {
  const name = shownMetrics(runs).find((metric) => metric in comparison.metrics) ?? '';
  const found = comparison.metrics[name];
  const number = (value: number, digits = 3) => (Number.isFinite(value) ? value.toFixed(digits) : '–');
  const lines: string[] = [];
  if (found) {
    const { summary, fullySupervised } = found;
    const range = summary.range ? `${summary.range.from}–${summary.range.to} labels` : 'no labels in common';
    lines.push(
      `${name}, mean over seeds; area: mean height of the curve over ${range}; tests against ${summary.reference}, paired by seed`,
      '  strategy                 seeds   area   ± s.d.    last   difference [95 %]         p (t)  p (Wilcoxon)  labels saved',
      ...summary.strategies.map(({ strategy, seeds, area, test, speedUp }) => {
        const last = runs
          .filter((run) => run.strategy === strategy)
          .map((run) => run.rounds.at(-1)?.metrics.get(name) ?? NaN);
        const mean = last.reduce((sum, value) => sum + value, 0) / last.length;
        const tested = test
          ? `${signed(test.tTest.meanDifference)} [${signed(test.tTest.low)}, ${signed(test.tTest.high)}]   ${number(test.tTest.pValue)}      ${number(test.wilcoxon.pValue)}`
          : '';
        const saved = Number.isNaN(speedUp.factor) ? '' : `   ${bounds[speedUp.bound]}${speedUp.factor.toFixed(2)}×`;
        return `  ${strategy.padEnd(24)} ${String(seeds.length).padStart(4)}   ${number(area.mean)}   ${number(area.deviation)}   ${number(mean)}   ${tested.padEnd(48)}${test ? saved : ''}`;
      }),
      ...(fullySupervised === null ? [] : [`  fully supervised: ${number(fullySupervised)}`]),
    );
  }
  const quarantined = runs.reduce((sum, run) => sum + run.quarantined, 0);
  if (quarantined)
    lines.push(
      `images that could not be used, over all runs: ${quarantined}; table quarantine of a run says which and why`,
    );
  for (const { cell, error } of failures)
    lines.push(`  ! ${cell.entry.name}, seed ${cell.seed}: ${error.message} [${error.code}]`);
  lines.push('', `  comparison    ${files.comparison}`, `  all metrics   ${files.curves}`);
  return lines;
}

const bounds = { exact: '', 'at-least': '≥', 'at-most': '≤', unknown: '' };
const signed = (value: number): string =>
  Number.isFinite(value) ? `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}` : '–';
