import { SightlineError } from '../../core/errors.js';
import type { ProgressListener } from '../../core/progress.js';
import { compareRuns, type GridComparison } from '../../loop/comparison.js';
import { fullySupervised } from '../../loop/config/types.js';
import { readRecord, type RunRecord } from '../../loop/outcome.js';
import { readGrid } from '../../loop/read_grid.js';
import { cellsOf, type Cell, type RunConfig } from '../../loop/run_config.js';
import type { QuarantinedSample } from '../../store/run_schema.js';
import { RunStore } from '../../store/run_store.js';
import type { Figure } from '../figures/figure.js';
import { stylesOf, type Styles } from '../figures/palette.js';
import type { Section } from '../page/page.js';

/** A grid of runs as a report reads it. */
export interface ReportGrid {
  /** Unique on the page: begins the ids of its sections and, of several grids, the names of its figures. */
  id: string;
  /** Empty for the only grid of a page, else `<id>-`. */
  prefix: string;
  config: RunConfig;
  /** Runs that have begun and are not at work, with where they are. */
  runs: (RunRecord & { cell: Cell })[];
  /** Runs of the configuration. */
  planned: number;
  comparison: GridComparison;
  /** Labels that are 100 %. */
  trainingSize: number;
  /** By id, the first reason that any run had. */
  quarantined: (QuarantinedSample & { runs: number })[];
  /** One look per strategy in all figures. */
  styles: Styles;
}

/** A section with the figures that are written beside the page. */
export interface ReportSection extends Section {
  figures?: Figure[];
}

/** How sections are made, and whom they tell: pictures of cases take a while, and may lack files. */
export interface SectionOptions {
  /** Whether images of the data are shown. */
  images: boolean;
  onNotice?: (message: string) => void;
  onProgress?: ProgressListener;
}

/** What makes sections of a grid; none where there is nothing to say. Their level is 3 unless they say otherwise. */
export type SectionMaker = (grid: ReportGrid, options: SectionOptions) => Promise<ReportSection[]>;

/**
 * Reads the runs of a configuration (YAML) or of a result folder. Runs that are at work, or damaged, are left out and told.
 * @throws SightlineError E_NOT_FOUND: no run is there; those of the configuration
 */
export async function readReportGrid(
  path: string,
  naming: { id: (name: string) => string; alone: boolean },
  onNotice?: (message: string) => void,
): Promise<ReportGrid> {
  const config = readGrid(path);
  const cells = cellsOf(config);
  const runs: ReportGrid['runs'] = [];
  const quarantined = new Map<string, ReportGrid['quarantined'][number]>();
  for (const cell of cells) {
    try {
      const record = await readRecord(cell.folder);
      if (!record) continue;
      runs.push({ ...record, cell });
      if (record.quarantined) addQuarantined(quarantined, await quarantinedOf(cell.folder));
    } catch (error) {
      if (!(error instanceof SightlineError) || error.code !== 'E_STORE') throw error;
      onNotice?.(`${cell.entry.name}, seed ${cell.seed} is left out: ${error.message}`);
    }
  }
  if (!runs.some(({ rounds }) => rounds.length > 0)) {
    throw new SightlineError('E_NOT_FOUND', {
      where: config.out,
      what: 'no run has ended a round there',
      remedy: 'Start them with sightline run, or name the folder that holds them.',
    });
  }
  const trainingSize = trainingSizeOf(runs);
  const id = naming.id(config.name);
  return {
    ...{ id, prefix: naming.alone ? '' : `${id}-`, config, runs, planned: cells.length, trainingSize },
    comparison: compareRuns(runs, { trainingSize }),
    quarantined: [...quarantined.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    styles: stylesOf(config.strategies.map(({ name }) => name)),
  };
}

/** Labels that are 100 %: the whole pool, the initial set included, which a run's own pool is without. */
export const trainingSizeOf = (runs: readonly Pick<RunRecord, 'poolSize' | 'rounds'>[]): number =>
  Math.max(...runs.map(({ poolSize, rounds }) => poolSize + (rounds[0]?.labelled ?? 0)));

async function quarantinedOf(folder: string): Promise<QuarantinedSample[]> {
  const store = await RunStore.open(folder);
  try {
    return await store.quarantined();
  } finally {
    store.close();
  }
}

function addQuarantined(all: Map<string, ReportGrid['quarantined'][number]>, rows: readonly QuarantinedSample[]): void {
  for (const row of rows) {
    const known = all.get(row.id);
    if (known) known.runs++;
    else all.set(row.id, { ...row, runs: 1 });
  }
}

/** Runs of the strategies that are compared, without the fully supervised ones. */
export const comparedRuns = ({ runs }: ReportGrid): ReportGrid['runs'] =>
  runs.filter(({ strategy, rounds }) => strategy !== fullySupervised && rounds.length > 0);
