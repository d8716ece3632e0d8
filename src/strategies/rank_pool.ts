import type { Backend } from '../backend/index.js';
import { expectArgument, SightlineError } from '../core/errors.js';
import { candidateCount, diverseBatch } from '../selection/diversity.js';
import { rankOrder } from '../selection/ranking.js';
import { checkIndices } from '../selection/rows.js';
import { embeddedSamples } from './embedded.js';
import type { PoolVectors, ScoredPool, Strategy, StrategyContext } from './strategy.js';

export interface RankingOptions {
  /** Where distances are computed. */
  backend: Backend;
  /** Samples in the batch that will be labelled, from 0; more than the pool has: all. */
  count: number;
  /** Lowest scores first. */
  reverse?: boolean;
}

/** The whole pool in label-first order. */
export interface PoolRanking {
  /** Rows of the pool, the batch first: u32[N]. */
  order: Uint32Array;
  /** Score of each row: f64[N]. Of a strategy that chooses: `count`, `count` − 1 … in the order of choice, NaN for others. */
  scores: Float64Array;
}

/**
 * Ranks the whole pool, so that its first `count` rows are the batch:
 *   a strategy that scores   by score, ties by id, samples without a score (NaN) last
 *   one that chooses         the chosen ones in the order of choice, the others by id
 *   with a diversity step    the diverse batch from the top of that ranking, then the ranking without it. Samples without
 *                            a score or embedding are no candidates. k-center: far from the labelled samples too.
 * Equal arguments give equal rankings, whatever the order of the pool.
 * @throws SightlineError E_ARGUMENT: reversed where there is no other way round, a bad count, or what the strategy throws
 */
export async function rankPool(
  strategy: Strategy,
  pool: ScoredPool,
  context: StrategyContext,
  { backend, count, reverse = false }: RankingOptions,
): Promise<PoolRanking> {
  expectArgument(Number.isSafeInteger(count) && count >= 0, 'count', 'a whole number from 0', count);
  const { diversity } = context;
  if (reverse) requireReversible(strategy, context);
  if (strategy.score) {
    const scores = strategy.score(pool, context);
    const order = rankOrder(scores, pool.ids, reverse);
    if (!diversity) return { order, scores };
    const ranking = order.filter((row) => !Number.isNaN(scores[row]));
    const batch = await diverse(ranking, pool, context, { backend, count });
    const first = new Set(batch);
    return { order: Uint32Array.from([...batch, ...order.filter((row) => !first.has(row))]), scores };
  }
  const wanted = diversity ? candidateCount(count, diversity.factor) : count;
  const chosen = await strategy.choose(pool, context, { backend, count: wanted });
  checkIndices(chosen, pool.ids.length, `rows that ${strategy.name} chose`);
  const batch = diversity ? await diverse(chosen, pool, context, { backend, count }) : chosen;
  const scores = new Float64Array(pool.ids.length).fill(NaN);
  batch.forEach((row, at) => (scores[row] = count - at));
  return { order: rankOrder(scores, pool.ids), scores };
}

/** The vectors that a strategy reads, and those of the diversity step after it. */
export function vectorsOf(strategy: Strategy, { diversity }: StrategyContext): ReadonlySet<PoolVectors> {
  const vectors = new Set(strategy.vectors);
  if (diversity) vectors.add('embeddings');
  if (diversity?.method === 'k-center') vectors.add('labelled');
  return vectors;
}

/** @throws SightlineError E_ARGUMENT for a batch that is chosen as a whole: it has no other way round */
export function requireReversible(strategy: Strategy, { diversity }: StrategyContext): void {
  if (strategy.score && !diversity) return;
  throw new SightlineError('E_ARGUMENT', {
    where: 'reverse',
    what: `${strategy.score ? 'a diversity step' : `strategy ${strategy.name}`} chooses a batch, which has no other way round`,
    remedy: strategy.score ? 'Leave out the diversity step.' : 'Reverse a strategy that scores each sample by itself.',
  });
}

async function diverse(
  ranking: Uint32Array,
  pool: ScoredPool,
  { diversity, seed }: StrategyContext,
  { backend, count }: { backend: Backend; count: number },
): Promise<Uint32Array> {
  const { rows, vectors, labelled } = embeddedSamples(pool, 'diversity step');
  const positions = new Map(Array.from(rows, (row, at) => [row, at]));
  const candidates = Array.from(ranking, (row) => positions.get(row)).filter((at) => at !== undefined);
  const { method, factor } = diversity!;
  const options = { method, factor, seed, ...(method === 'k-center' && { labelled }) };
  const batch = await diverseBatch(backend, vectors, Uint32Array.from(candidates), count, options);
  return batch.map((at) => rows[at]);
}
