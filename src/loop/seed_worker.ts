import { workerTask } from '../core/worker_pool.js';
import { runCells } from './grid.js';
import { cellsOf } from './run_config.js';
import { openLoopData } from './run_data.js';
import type { SeedMessage, SeedResult, SeedTask } from './seed_jobs.js';

/** All runs of one seed, in a thread of their own. What the data have to say the main thread has told already. */
export default workerTask(async ({ config, seed, port }: SeedTask): Promise<SeedResult> => {
  const tell = (message: SeedMessage): void => port.postMessage(message);
  try {
    const cells = cellsOf({ ...config, seeds: [seed] });
    const failures = await runCells(config, cells, await openLoopData(config), {
      onNotice: (message) => tell({ kind: 'notice', message }),
      onRun: (cell) => tell({ kind: 'run', cell }),
      onRound: (report) => tell({ kind: 'round', report }),
      onRunEnd: (cell, stop) => tell({ kind: 'end', cell, stop }),
    });
    return failures.map(({ cell, error }) => ({ cell, error: error.toData() }));
  } finally {
    port.close();
  }
});
