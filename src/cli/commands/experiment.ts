import { InvalidArgumentError, type Command } from 'commander';
import { parse } from 'yaml';
import { SightlineError } from '../../core/errors.js';
import { coreCount } from '../../core/worker_pool.js';
import { experimentNames, readExperiment } from '../../experiments/library.js';
import type { Settings } from '../../experiments/merge.js';
import { planGrids } from '../../experiments/plan.js';
import { runExperiment, runsOf, setsOf } from '../../experiments/run_experiment.js';
import { writeResults } from '../../experiments/write_results.js';
import { integer } from '../numbers.js';
import { formatDuration, Terminal } from '../terminal.js';

interface ExperimentFlags {
  list?: boolean;
  root: Map<string, string>;
  data?: string;
  scale: string;
  set: Settings;
  out: string;
  jobs?: number;
  report: boolean;
}

export function addExperiment(program: Command): void {
  program
    .command('experiment')
    .description(
      'run an experiment of the papers: all strategies and seeds, then its figure or table beside the published numbers',
    )
    .argument('[names...]', 'names (--list), "all", or YAML files of the same form')
    .option('--list', 'what there is')
    .option('--root <folder>', 'folder of its data set; of several, NAME=FOLDER each', collectRoot, new Map())
    .option('--data <manifest>', 'a manifest of your own in place of the data set (with --set labels=…, finding=…)')
    .option('--scale <name>', 'paper, or small: phantoms and a small network, to see that it works', 'paper')
    .option(
      '--set <key=value>',
      'another setting of the runs, such as seeds=[0,1] or model.size=64',
      collectSetting,
      {},
    )
    .option(
      '--out <folder>',
      'for data, runs and results; experiments over the same grid share its runs',
      'experiments-out',
    )
    .option('--jobs <n>', 'seeds to work on at a time, a thread each (default: half of the cores)', integer(1, 256))
    .option('--no-report', 'figures and tables only')
    .action(async (names: string[], flags: ExperimentFlags) => {
      const terminal = new Terminal(program.opts().quiet === true);
      if (flags.list || !names.length) return list(terminal);
      const chosen = names.includes('all') ? experimentNames() : names;
      for (const name of chosen) {
        try {
          await run(name, flags, terminal);
        } catch (error) {
          // Of several, one that cannot be run does not keep the others from it.
          if (!(error instanceof SightlineError) || chosen.length === 1 || error.code === 'E_DISK_FULL') throw error;
          terminal.notice(`${name}: ${error.message}`);
          process.exitCode = 1;
        }
      }
    });
}

function list(terminal: Terminal): void {
  for (const name of experimentNames()) {
    const experiment = readExperiment(name);
    const sets = [...new Set(planGrids(experiment).flatMap(setsOf))];
    terminal.print(
      `${name.padEnd(24)} ${experiment.paper.replace(/ \(.*/, '')}, ${experiment.shows}: ${experiment.title}`,
    );
    terminal.print(`${' '.repeat(25)}${sets.join(', ')}`);
  }
}

async function run(name: string, flags: ExperimentFlags, terminal: Terminal): Promise<void> {
  const experiment = readExperiment(name);
  const began = performance.now();
  terminal.print(`${experiment.title} (${experiment.paper}, ${experiment.shows})`);
  const finished = await runExperiment(experiment, {
    ...{ out: flags.out, roots: flags.root, data: flags.data, scale: flags.scale, run: flags.set },
    jobs: flags.jobs ?? Math.max(1, Math.ceil(coreCount() / 2)),
    ...{ onNotice: terminal.notice, onProgress: terminal.progress },
    onGrid: ({ title }, config, position, of) =>
      terminal.print(
        `  ${title}${of > 1 ? ` (${position + 1} of ${of})` : ''}: ${runsOf(config)} runs into ${config.out}`,
      ),
    onRunEnd: ({ entry, seed }, stop) => terminal.print(`    ${entry.name}, seed ${seed}: ${stop.text}`),
  });
  const results = await writeResults(finished, {
    report: flags.report,
    onNotice: terminal.notice,
    onProgress: terminal.progress,
  });
  terminal.endProgress();
  for (const line of results.lines) terminal.print(`  ${line}`);
  terminal.print(`  results   ${results.file}`);
  if (results.report) terminal.print(`  report    ${results.report}`);
  terminal.print(`  ${formatDuration((performance.now() - began) / 1000)}\n`);
  if (finished.failures.length) process.exitCode = 1;
}

function collectRoot(text: string, roots: Map<string, string>): Map<string, string> {
  const [, name = '', folder] = /^(?:([a-z0-9-]+)=)?(.+)$/.exec(text) ?? [];
  if (!folder) throw new InvalidArgumentError('Expected FOLDER or NAME=FOLDER.');
  if (roots.has(name)) throw new InvalidArgumentError(name ? `${name} is given twice.` : 'Name the sets: NAME=FOLDER.');
  return roots.set(name, folder);
}

/** "model.size=64" → { model: { size: 64 } }, the value as YAML. */
function collectSetting(text: string, settings: Settings): Settings {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Expected KEY=VALUE, such as model.size=64.');
  const keys = text.slice(0, at).split('.');
  const last = keys.pop()!;
  let section = settings;
  for (const key of keys) section = (section[key] ??= {}) as Settings;
  section[last] = parse(text.slice(at + 1)) as unknown;
  return settings;
}
