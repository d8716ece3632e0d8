import { existsSync } from 'node:fs';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openCpuBackend } from '../backend/index.js';
import { SightlineError, type ErrorCode } from '../core/errors.js';
import { compareRuns, writeComparison, type GridComparison } from './comparison.js';
import { readRecord, type RunRecord } from './outcome.js';
import { DecodedData } from './decoded_data.js';
import { writeResolved } from './read_grid.js';
import { initialFolder } from './round.js';
import { LoopRun, type RunListeners } from './run.js';
import { cellsOf, type Cell, type RunConfig } from './run_config.js';
import { openLoopData, type LoopData } from './run_data.js';
import { runSeeds } from './seed_jobs.js';
import type { StopReason } from './stop_rule.js';

export interface GridOptions extends RunListeners {
  /** Go on with the runs that are there, and begin those that are not. */
  resume?: boolean;
  /** Discard the runs that are there. */
  overwrite?: boolean;
  /** Before each run. */
  onRun?: (cell: Cell, position: number, of: number) => void;
  /** After each run. */
  onRunEnd?: (cell: Cell, stop: StopReason) => void;
  /**
   * Seeds that are worked on at a time, a thread each; default 1. Never changes a result: runs of a seed stay together and share
   * its first training. Runs that ask people go one after another all the same.
   */
  jobs?: number;
}

/** A run that could not go on. */
export interface FailedRun {
  cell: Cell;
  error: SightlineError;
}

/** What a grid leaves behind. */
export interface GridSummary {
  out: string;
  runs: RunRecord[];
  comparison: GridComparison;
  /** Runs that could not go on. The others did. */
  failures: FailedRun[];
  files: { comparison: string; curves: string };
}

/** What stops one run would stop the next as well, or is no failure. */
const forAll: readonly ErrorCode[] = ['E_PAUSED', 'E_DISK_FULL', 'E_OUTPUT', 'E_RESUME_MISMATCH', 'E_INTERNAL'];

/**
 * Runs every strategy under every seed, one after another, and compares them. Resumable at any instant; a run that fails does
 * not keep the others from ending. Into `out`: a folder a run (`run.duckdb`, `rounds/`, `status.json`), config.yaml
 * as it was and resolved.json as it was understood, comparison.json and curves.csv.
 * @throws SightlineError E_OUTPUT: `out` holds runs and neither flag is set; E_PAUSED: a person's answers are missing; those of
 *   data and settings
 */
export async function runGrid(config: RunConfig, options: GridOptions = {}): Promise<GridSummary> {
  const { resume, overwrite, onNotice } = options;
  const cells = cellsOf(config);
  const standing = cells.filter(({ folder }) => existsSync(join(folder, 'run.duckdb')));
  if (standing.length && !resume && !overwrite) {
    throw new SightlineError('E_OUTPUT', {
      where: config.out,
      what: `${standing.length} of the ${cells.length} runs are there already`,
      remedy: 'Add --resume to go on with them, --overwrite to discard them, or choose another folder as out.',
    });
  }
  const data = await openLoopData(config, onNotice);
  if (overwrite)
    for (const folder of [...cells.map((cell) => cell.folder), initialFolder(config)])
      await rm(folder, { recursive: true, force: true });
  await mkdir(config.out, { recursive: true }).catch((error) => {
    throw SightlineError.from(error, 'E_OUTPUT', { where: config.out, what: 'the output folder cannot be created' });
  });
  await copyFile(config.file, join(config.out, 'config.yaml'));
  await writeResolved(config);
  const jobs = config.oracle.kind === 'simulated' ? Math.min(options.jobs ?? 1, config.seeds.length) : 1;
  const failures = jobs > 1 ? await runSeeds(config, jobs, options) : await runCells(config, cells, data, options);
  return { ...(await summariseGrid(config, data.first.pool.length)), failures };
}

/** Runs some of a grid's cells one after another, over the same decoded images and threads. @returns those that failed */
export async function runCells(
  config: RunConfig,
  cells: readonly Cell[],
  data: LoopData,
  options: GridOptions,
): Promise<FailedRun[]> {
  const { onNotice } = options;
  const backend = openCpuBackend({ threads: config.training.threads, onNotice });
  const onlyOne = cellsOf(config).length === 1;
  const failures: FailedRun[] = [];
  let decoded: DecodedData | undefined;
  try {
    decoded = await DecodedData.open(config, data);
    for (const [position, cell] of cells.entries()) {
      options.onRun?.(cell, position, cells.length);
      let run: LoopRun | undefined;
      try {
        run = await LoopRun.open(config, cell, data, { backend, decoded }, options);
        const stop = await run.run();
        options.onRunEnd?.(cell, stop);
      } catch (error) {
        if (!(error instanceof SightlineError) || forAll.includes(error.code) || onlyOne) throw error;
        failures.push({ cell, error });
        onNotice?.(`${cell.entry.name}, seed ${cell.seed}: ${error.message}`);
      } finally {
        run?.close();
      }
    }
    return failures;
  } finally {
    await decoded?.close();
    backend.close();
  }
}

/** Reads what the runs have come to, compares them and writes the comparison. */
export async function summariseGrid(config: RunConfig, poolSize: number): Promise<Omit<GridSummary, 'failures'>> {
  const runs: RunRecord[] = [];
  for (const { folder } of cellsOf(config)) {
    const record = await readRecord(folder);
    if (record) runs.push(record);
  }
  const comparison = compareRuns(runs, { trainingSize: poolSize });
  return { out: config.out, runs, comparison, files: await writeComparison(config.out, comparison, runs) };
}
