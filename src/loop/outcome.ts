import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { RunStore } from '../store/run_store.js';
import type { RunOutcome } from './comparison.js';
import { metricsByName } from './round_metrics.js';
import { overheadShare } from './stopwatch.js';

/** A run's outcome so far, and where its time went. */
export interface RunRecord extends RunOutcome {
  /** Seconds by activity, over all rounds. */
  times: ReadonlyMap<string, number>;
  /** See `overheadShare`. */
  overhead: number;
  /** Samples that could not be used. */
  quarantined: number;
}

/**
 * Reads what a run has come to; null where there is none.
 * @throws SightlineError E_STORE: the run is at work, or its store is damaged
 */
export async function readRecord(folder: string): Promise<RunRecord | null> {
  if (!existsSync(join(folder, 'run.duckdb'))) return null;
  const store = await RunStore.open(folder);
  try {
    const strategy = await store.meta<string>('strategy');
    if (strategy === undefined) return null;
    const [metrics, answers, ended] = [await store.metrics(), await store.answers(), await store.finishedStages()];
    const given = answers.filter(({ skipped }) => !skipped);
    const rounds = [...new Set(metrics.map(({ round }) => round))].filter((round) => ended.has(`${round} end`));
    const [firstRanked] = await store.rankedRounds();
    const times = new Map<string, number>();
    for (const { activity, seconds } of await store.times()) times.set(activity, (times.get(activity) ?? 0) + seconds);
    return {
      strategy,
      seed: (await store.meta<number>('seed'))!,
      rounds: rounds.map((round) => {
        const { labelled, cost } = metrics.find((row) => row.round === round)!;
        return { round, labelled, cost, metrics: metricsByName(metrics, round) };
      }),
      chosen: rounds.slice(1).map((round) => given.filter((answer) => answer.round === round).map(({ id }) => id)),
      firstRanking: firstRanked === undefined ? [] : (await store.ranking(firstRanked)).ids,
      poolSize: (await store.meta<number>('poolSize'))! - given.filter(({ round }) => round === 0).length,
      ...{ times, overhead: overheadShare(times), quarantined: (await store.quarantined()).length },
    };
  } finally {
    store.close();
  }
}
