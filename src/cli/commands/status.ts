import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { SightlineError } from '../../core/errors.js';
import { readRecord } from '../../loop/outcome.js';
import { verifyRun } from '../../loop/replay.js';
import { cellsOf, readRunConfig } from '../../loop/run_config.js';
import { readStatus } from '../../loop/run_status.js';
import { formatDuration, Terminal } from '../terminal.js';

export function addStatus(program: Command): void {
  program
    .command('status')
    .description('where the runs of a configuration stand')
    .argument('<config>', 'YAML file, or the folder that its runs are in')
    .option('--verify', 'make every ranking again from what the runs have stored, and compare')
    .action(async (path: string, { verify }: { verify?: boolean }) => {
      const terminal = new Terminal(program.opts().quiet === true);
      const config = readRunConfig(configAt(path), existsSync(join(path, 'config.yaml')) ? path : undefined);
      for (const { entry, seed, folder } of cellsOf(config)) {
        const status = await readStatus(folder);
        const name = `${entry.name}, seed ${seed}`.padEnd(32);
        if (!status) {
          terminal.print(`${name} not begun`);
          continue;
        }
        const { state, round, labelled, why } = status;
        terminal.print(`${name} ${state.padEnd(9)} round ${round}, ${labelled} labels${why ? `: ${why}` : ''}`);
        const record = await readRecord(folder).catch((error) => {
          // A run that is at work holds its store.
          if (error instanceof SightlineError && error.code === 'E_STORE') return null;
          throw error;
        });
        const last = record?.rounds.at(-1);
        if (record && last) {
          const auc = last.metrics.get('test auc');
          const seconds = [...record.times.values()].reduce((sum, value) => sum + value, 0);
          terminal.print(
            `    ${auc === undefined ? '' : `test AUC ${auc.toFixed(3)} after ${last.labelled} labels; `}` +
              `${formatDuration(seconds)}, ${(100 * record.overhead).toFixed(1)} % of it the loop's own`,
          );
        }
        if (verify && record) {
          const rounds = await verifyRun(folder, entry, seed);
          terminal.print(`    ${rounds} rankings made again from the store: the same`);
        }
      }
    });
}

function configAt(path: string): string {
  const inside = join(path, 'config.yaml');
  return existsSync(inside) ? inside : path;
}
