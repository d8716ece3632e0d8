import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { SightlineError } from '../../core/errors.js';
import { readRecord } from '../../loop/outcome.js';
import { verifyRun } from '../../loop/replay.js';
import { readRunConfig } from '../../loop/run_config.js';
import { findRuns, type RunStatus } from '../../loop/run_status.js';
import { formatDuration, Terminal } from '../terminal.js';

export function addStatus(program: Command): void {
  program
    .command('status')
    .description('where the runs of a configuration stand')
    .argument('<config>', 'YAML file, or the folder that its runs are in')
    .option('--verify', 'make every ranking again from what the runs have stored, and compare')
    .action(async (path: string, { verify }: { verify?: boolean }) => {
      const terminal = new Terminal(program.opts().quiet === true);
      const out = statSync(path, { throwIfNoEntry: false })?.isDirectory() ? path : readRunConfig(path).out;
      const runs = await findRuns(out);
      if (!runs.length) terminal.print(`No run has begun in ${out}.`);
      for (const { folder, status } of runs) {
        for (const line of await standing(folder, status)) terminal.print(line);
        if (verify && status.state !== 'running') {
          const rankings = await verifyRun(folder);
          terminal.print(`    ${rankings} rankings made again from what is stored: the same`);
        }
      }
    });
}

async function standing(folder: string, { strategy, seed, state, round, labelled, why }: RunStatus): Promise<string[]> {
  const record = await readRecord(folder).catch((error) => {
    // A run that is at work holds its store.
    if (error instanceof SightlineError && error.code === 'E_STORE') return null;
    throw error;
  });
  const left = state !== 'finished' && record !== null;
  const shown = left ? (state === 'waiting' ? 'paused' : 'stopped') : state;
  const reason = [why, left ? '--resume goes on' : undefined].filter(Boolean).join('; ');
  const name = `${strategy}, seed ${seed}`.padEnd(32);
  const line = `${name} ${shown.padEnd(9)} round ${round}, ${labelled} labels${reason && `: ${reason}`}`;
  const last = record?.rounds.at(-1);
  if (!record || !last) return [line];
  const auc = last.metrics.get('test auc');
  const seconds = [...record.times.values()].reduce((sum, value) => sum + value, 0);
  const measured = auc === undefined ? '' : `test AUC ${auc.toFixed(3)} after ${last.labelled} labels; `;
  return [
    line,
    `    ${measured}${formatDuration(seconds)}, ${(100 * record.overhead).toFixed(1)} % of it the loop's own`,
  ];
}
