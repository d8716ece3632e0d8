import { openCpuBackend, type Backend } from '../backend/index.js';
import { SightlineError } from '../core/errors.js';
import { readScoredPass } from '../engine/score_pass.js';
import { RunStore } from '../store/run_store.js';
import { findStrategy, rankPool, type LoopColumn } from '../strategies/index.js';
import { blindPool, contextOf, needsModel, scoredRows } from './acquisition.js';
import type { StrategyConfig } from './run_config.js';
import { roundFolder } from './round.js';

/**
 * Makes every ranking of a run again from what it has stored (the pass over the pool with its vectors, the loop's own columns,
 * the labels), without a model or an image, and compares.
 * @returns rankings that were compared
 * @throws SightlineError E_STORE naming the first difference; E_NOT_FOUND where a round's pass has been deleted
 */
export async function verifyRun(folder: string): Promise<number> {
  const store = await RunStore.open(folder);
  const backend = openCpuBackend({ onNotice: () => {} });
  try {
    const entry = (await store.meta<StrategyConfig>('entry'))!;
    const seed = (await store.meta<number>('seed'))!;
    const rounds = await store.rankedRounds();
    for (const round of rounds) {
      const { ids } = await store.ranking(round);
      const found = await replay({ store, backend, folder, entry, seed, round, ids });
      const at = ids.findIndex((id, i) => id !== found[i]);
      if (at < 0) continue;
      throw new SightlineError('E_STORE', {
        where: `${folder}, round ${round}`,
        what: `rank ${at + 1} is ${found[at]}, where the stored ranking has ${ids[at]}`,
        remedy: 'The store was changed, or was made by another release: choose a new output folder.',
      });
    }
    return rounds.length;
  } finally {
    backend.close();
    store.close();
  }
}

interface Replayed {
  store: RunStore;
  backend: Backend;
  folder: string;
  entry: StrategyConfig;
  seed: number;
  round: number;
  /** Of the stored ranking: who took part in it. */
  ids: readonly string[];
}

async function replay({ store, backend, folder, entry, seed, round, ids }: Replayed): Promise<string[]> {
  const strategy = findStrategy(entry.strategy);
  const context = contextOf({ entry, seed });
  // In the order of the ids: the stored order must come out by itself.
  const sorted = [...ids].sort();
  const asked = (await store.queries(round)).filter(({ id }) => sorted.includes(id)).length;
  let pool = blindPool(sorted, 0);
  if (needsModel(strategy, context)) {
    const pass = await readScoredPass(roundFolder({ folder }, round, 'pool'));
    context.maximumEntropy = pass.maximumEntropy;
    const rowOf = new Map(pass.ids.map((id, row) => [id, row]));
    const before = (await store.answers()).filter((answer) => answer.round < round);
    const labelled = before.flatMap(({ id }) => rowOf.get(id) ?? []);
    pool = scoredRows(
      pass,
      sorted.map((id) => rowOf.get(id)!),
      labelled,
    );
    const columns = new Map<string, Float64Array>();
    for (const name of strategy.columns ?? ([] as LoopColumn[])) {
      const values = await store.column(round, name);
      columns.set(
        name,
        Float64Array.from(sorted, (id) => values.get(id) ?? NaN),
      );
    }
    pool = { ...pool, features: new Map([...pool.features, ...columns]) };
  }
  const { order } = await rankPool(strategy, pool, context, { backend, count: asked, reverse: entry.reverse });
  return Array.from(order, (row) => pool.ids[row]);
}
