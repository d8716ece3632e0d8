import { mkdir } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { stringify } from 'yaml';
import { SightlineError } from '../core/errors.js';
import { writeFileAtomic } from '../core/files.js';
import type { ProgressListener } from '../core/progress.js';
import { datasetNamed } from '../data/datasets/import_dataset.js';
import { runGrid, type FailedRun, type GridOptions, type GridSummary } from '../loop/grid.js';
import { cellsOf, readRunConfig, type RunConfig } from '../loop/run_config.js';
import type { Experiment } from './library.js';
import type { Settings } from './merge.js';
import { planGrids, type PlannedGrid } from './plan.js';
import { prepareData, setOf } from './prepare_data.js';

export interface ExperimentOptions extends Pick<
  GridOptions,
  'onNotice' | 'onProgress' | 'onRound' | 'onRunEnd' | 'jobs'
> {
  /** Folder that experiments share: `data/`, `runs/<grid>`, and `<experiment>/` with what is made of them. */
  out: string;
  /** Folders of data sets by adapter's name; "" stands for the one set that is needed. */
  roots?: ReadonlyMap<string, string>;
  /** A manifest of the user's in place of every data set. */
  data?: string;
  /** Name of a scale; default paper. */
  scale?: string;
  /** Laid over every grid's settings: a run's configuration in part. */
  run?: Settings;
  /** Before each grid. */
  onGrid?: (grid: PlannedGrid, config: RunConfig, position: number, of: number) => void;
  /** Before each run. */
  onRun?: GridOptions['onRun'];
}

/** A grid with what its runs have come to. */
export interface FinishedGrid {
  plan: PlannedGrid;
  config: RunConfig;
  summary: GridSummary;
}

export interface FinishedExperiment {
  experiment: Experiment;
  scale: string;
  grids: FinishedGrid[];
  /** Grids whose data set was not given. */
  skipped: PlannedGrid[];
  failures: FailedRun[];
  /** What the user has changed: published numbers are then of other settings. */
  changed: { data?: string; run: Settings };
  /** Folder of its results. */
  folder: string;
}

/**
 * Makes the data, writes the configuration of each grid (`runs/<grid>.yaml`, which `sightline run` takes as well) and runs it.
 * What is there already is not done again: killed at any instant, the same call goes on. Experiments over the same grid share its
 * runs.
 * @throws SightlineError E_ARGUMENT: a data set's folder is missing; E_CONFIG, and those of `importDataset` and `runGrid`
 */
export async function runExperiment(experiment: Experiment, options: ExperimentOptions): Promise<FinishedExperiment> {
  const { scale = 'paper', onNotice = () => {} } = options;
  const out = resolve(options.out);
  const plans = planGrids(experiment, { scale, run: options.run });
  const roots = rootsOf(plans, options);
  const folder = join(out, experiment.name);
  await mkdir(join(out, 'runs'), { recursive: true }).catch((error) => {
    throw SightlineError.from(error, 'E_OUTPUT', {
      where: out,
      remedy: 'Choose a folder that you may write to as --out.',
    });
  });
  const ready: { plan: PlannedGrid; config: RunConfig }[] = [];
  const skipped: PlannedGrid[] = [];
  for (const plan of plans) {
    const config = await configure(plan, out, roots, options);
    if (config) ready.push({ plan, config });
    else skipped.push(plan);
  }
  if (!ready.length) throw withoutData(plans);
  for (const plan of skipped)
    onNotice(`${plan.title} is left out: no folder of ${setsOf(plan).join(' and ')} was given.`);
  const grids: FinishedGrid[] = [];
  for (const [position, { plan, config }] of ready.entries()) {
    options.onGrid?.(plan, config, position, ready.length);
    const { onProgress, onRound, onRun, onRunEnd, jobs } = options;
    const summary = await runGrid(config, { resume: true, jobs, onProgress, onNotice, onRound, onRun, onRunEnd });
    grids.push({ plan, config, summary });
  }
  const failures = grids.flatMap(({ summary }) => summary.failures);
  const changed = { data: options.data, run: options.run ?? {} };
  return { experiment, scale, grids, skipped, failures, changed, folder };
}

/** Names of the data sets that a grid is run on; none for phantoms, and where the user gives a manifest. */
export const setsOf = ({ data, second }: PlannedGrid): string[] =>
  [data, second].flatMap((spec) => (spec && setOf(spec)) ?? []);

/** One folder without a name is that of the one set that is needed. */
function rootsOf(
  plans: readonly PlannedGrid[],
  { roots = new Map(), data }: ExperimentOptions,
): ReadonlyMap<string, string> {
  const needed = [...new Set(plans.flatMap(setsOf))];
  const named = new Map([...roots].filter(([name]) => name !== ''));
  for (const name of named.keys()) datasetNamed(name);
  const unnamed = roots.get('');
  if (unnamed === undefined || data !== undefined) return named;
  const open = needed.filter((name) => !named.has(name));
  if (open.length === 1) return named.set(open[0], unnamed);
  throw new SightlineError('E_ARGUMENT', {
    where: '--root',
    what: open.length
      ? `this experiment takes ${open.length} data sets, and the folder does not say which one it is`
      : 'this experiment needs no data set',
    remedy: open.length ? `Write ${open.map((name) => `--root ${name}=FOLDER`).join(' ')}.` : undefined,
  });
}

async function configure(
  plan: PlannedGrid,
  out: string,
  roots: ReadonlyMap<string, string>,
  {
    data: own,
    onNotice,
    onProgress,
  }: { data?: string; onNotice?: (message: string) => void; onProgress?: ProgressListener },
): Promise<RunConfig | null> {
  const prepared = { roots, out: join(out, 'data'), onNotice, onProgress };
  const data = own === undefined ? plan.data && (await prepareData(plan.data, prepared)) : resolve(own);
  const second = plan.second && (await prepareData(plan.second, prepared));
  if (data === undefined || data === null || second === null) return null;
  const file = join(out, 'runs', `${plan.name}.yaml`);
  const from = (path: string) => relative(dirname(file), path);
  const settings: Settings = {
    ...{ name: plan.name, out: plan.name, data: from(data), ...plan.run },
    ...(second !== undefined && { switch: { ...(plan.run.switch as Settings), data: from(second) } }),
  };
  await writeFileAtomic(file, stringify(settings, { lineWidth: 120, flowCollectionPadding: true }));
  return readRunConfig(file);
}

function withoutData(plans: readonly PlannedGrid[]): SightlineError {
  const sets = [...new Set(plans.flatMap(setsOf))].map(datasetNamed);
  if (!sets.length) {
    return new SightlineError('E_ARGUMENT', {
      where: '--data',
      what: 'the experiment names no data set',
      remedy: 'Give a manifest of your own as --data.',
    });
  }
  const flags = sets.map(({ name }) => `--root ${sets.length > 1 ? `${name}=` : ''}FOLDER`).join(' ');
  return new SightlineError('E_ARGUMENT', {
    where: '--root',
    what: `the experiment needs ${sets.map(({ title }) => title).join(' and ')}`,
    remedy:
      `Give the folder of each (${flags}); ` +
      `${sets.map(({ title, source }) => `${title} comes from ${source}`).join('; ')}. ` +
      'Without them, --scale small runs on synthetic phantoms, and --data MANIFEST on images of your own.',
  });
}

/** Number of runs that an experiment's grids have. */
export const runsOf = (config: RunConfig): number => cellsOf(config).length;
