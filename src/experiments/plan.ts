import { SightlineError } from '../core/errors.js';
import { fullySupervised } from '../loop/run_config.js';
import type { Experiment } from './library.js';
import { readGrid, readScale } from './library.js';
import { laidOver, type Settings } from './merge.js';
import type { DataSpec, GridUse, ScaleFile } from './schema.js';

export interface PlanOptions {
  /** Name of a file below `scales/`; default the paper's own scale. */
  scale?: string;
  /** Laid over every grid's settings last: what the user sets. */
  run?: Settings;
}

/** A grid of an experiment, its settings put together. */
export interface PlannedGrid {
  /** Of its folder, and of published values: the grid's, or the variant's behind it. */
  name: string;
  /** For people: "reversed", or the grid's name. */
  title: string;
  /** Absent: the user's own, by --data. */
  data?: DataSpec;
  /** The data set that takes the first one's place, where the run switches. */
  second?: DataSpec;
  /** A run's configuration without its data. */
  run: Settings;
}

/** The grids of an experiment: settings of grid, scale and variant laid over each other, in this order. */
export function planGrids(experiment: Experiment, { scale, run }: PlanOptions = {}): PlannedGrid[] {
  const scaled = scale === undefined || scale === 'paper' ? undefined : readScale(experiment.folder, scale);
  return experiment.grids.map((use) => planGrid(experiment, use, scaled, run));
}

function planGrid(experiment: Experiment, use: GridUse, scaled: ScaleFile | undefined, own?: Settings): PlannedGrid {
  const chain = gridChain(experiment.folder, use.grid);
  const layers = [
    ...chain,
    ...(scaled ? [whole(scaled), ...chain.map(({ small }) => small)] : []),
    { run: use.run },
    ...(scaled ? [use.small] : []),
    { run: own },
  ] as (Settings | undefined)[];
  const { data, second, run } = laidOver({}, ...layers) as { data?: DataSpec; second?: DataSpec; run: Settings };
  const switches = run.switch !== undefined;
  return {
    name: use.name ? `${use.grid}-${use.name}` : use.grid,
    title: use.name ?? use.grid,
    ...(data && { data }),
    ...(switches && second && { second }),
    run: { ...run, strategies: strategyList(run.strategies as Settings, use.only) },
  };
}

/** Data are replaced as a whole: phantoms have no patients to draw. */
function whole({ data, second, ...rest }: ScaleFile): Settings {
  const replaced = (spec: DataSpec | undefined) => spec && { set: null, patients: null, options: null, ...spec };
  return { ...rest, ...(data && { data: replaced(data) }), ...(second && { second: replaced(second) }) };
}

/** A grid's files, the one that it is laid over first. */
function gridChain(folder: string, name: string, above: readonly string[] = []): ReturnType<typeof readGrid>[] {
  if (above.includes(name)) {
    throw new SightlineError('E_CONFIG', {
      where: name,
      what: `grids extend each other: ${[...above, name].join(' → ')}`,
    });
  }
  const grid = readGrid(folder, name);
  const { extends: base, ...own } = grid;
  return base === undefined ? [own] : [...gridChain(folder, base, [...above, name]), own];
}

/** Strategies by name as the list that a run's configuration has; those of `only` that there are, in its order. */
function strategyList(byName: Settings, only: readonly string[] | undefined): (string | Settings)[] {
  const names = only?.filter((name) => name in byName) ?? Object.keys(byName);
  return names.map((name) => {
    const settings = byName[name] as Settings;
    if (name === fullySupervised || !Object.keys(settings).length) return name;
    const strategy = (settings.strategy as string | undefined) ?? name;
    return { ...settings, strategy, ...(strategy !== name && { name }) };
  });
}
