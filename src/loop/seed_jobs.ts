import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { SightlineError, type ErrorData } from '../core/errors.js';
import { coreCount, WorkerPool } from '../core/worker_pool.js';
import type { FailedRun, GridOptions } from './grid.js';
import type { RoundReport } from './run.js';
import { cellsOf, type Cell, type RunConfig } from './run_config.js';
import type { StopReason } from './stop_rule.js';

/** The runs of one seed, for a thread. */
export interface SeedTask {
  config: RunConfig;
  seed: number;
  /** Takes `SeedMessage`s. */
  port: MessagePort;
}

/** What a thread tells while it works: the listeners of `GridOptions`, by name. */
export type SeedMessage =
  | { kind: 'notice'; message: string }
  | { kind: 'run'; cell: Cell }
  | { kind: 'round'; report: RoundReport }
  | { kind: 'end'; cell: Cell; stop: StopReason };

/** Runs that failed, in plain data. */
export type SeedResult = { cell: Cell; error: ErrorData }[];

/**
 * Runs a grid seed by seed over a pool of threads, of which each has its share of the cores.
 * @throws SightlineError what stops every run: a full disk, other settings than those of the runs that are there
 */
export async function runSeeds(config: RunConfig, jobs: number, options: GridOptions): Promise<FailedRun[]> {
  const cores = Math.max(1, Math.floor(coreCount() / jobs));
  const own: RunConfig = {
    ...config,
    training: { ...config.training, threads: config.training.threads ?? cores },
    segmentation: { ...config.segmentation, threads: config.segmentation.threads ?? cores },
    compute: { ...config.compute, workers: config.compute.workers ?? cores },
  };
  const pool = new WorkerPool<SeedTask, SeedResult>('loop/seed_worker', { threads: jobs });
  const cells = cellsOf(config).length;
  let begun = 0;
  const hear = (message: SeedMessage): void => {
    if (message.kind === 'notice') options.onNotice?.(message.message);
    else if (message.kind === 'run') options.onRun?.(message.cell, begun++, cells);
    else if (message.kind === 'round') options.onRound?.(message.report);
    else options.onRunEnd?.(message.cell, message.stop);
  };
  try {
    const results = await Promise.allSettled(
      config.seeds.map(async (seed) => {
        const { port1, port2 } = new MessageChannel();
        port1.on('message', hear);
        try {
          return await pool.run({ config: own, seed, port: port2 }, [port2]);
        } finally {
          // Messages that are under way when the task ends still arrive.
          setImmediate(() => port1.close());
        }
      }),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    return results.flatMap((result) =>
      result.status === 'fulfilled'
        ? result.value.map(({ cell, error }) => ({ cell, error: SightlineError.fromData(error) }))
        : [],
    );
  } finally {
    await pool.close();
  }
}
