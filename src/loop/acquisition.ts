import type { Criterion } from '../core/criteria.js';
import { tensor } from '../core/tensor.js';
import type { Sample } from '../data/types.js';
import { missingRegions } from '../engine/missing_regions.js';
import { scorePass, type ScoredPass } from '../engine/score_pass.js';
import { gatherRows } from '../selection/rows.js';
import type { StageFindings, StoredQuery } from '../store/run_schema.js';
import { defaultContext, findStrategy, rankPool, vectorsOf } from '../strategies/index.js';
import type { PoolRanking, ScoredPool, Strategy, StrategyContext } from '../strategies/index.js';
import { committeeColumns } from './committee.js';
import { expectedRanks } from './informativeness.js';
import { unlabelled } from './labelled_set.js';
import { predictedRegions } from './predicted_regions.js';
import { reasonOf, seenInPass } from './reasons.js';
import { roundFolder, type SelectionRound } from './round.js';
import { scoringOptions } from './scoring_options.js';

/** Side of the maps and images that codes are learnt from (definitions A§9). */
const mapSize = 64;

/**
 * Scores the unlabelled pool with the last round's model, computes what the strategy needs besides, and ranks. The first `count`
 * of the ranking are the round's queries; where the strategy had to ask about some already, the rest.
 */
export async function acquire(round: SelectionRound): Promise<StageFindings> {
  const { entry, pool, watch, classes } = round;
  const strategy = findStrategy(entry.strategy);
  const context = contextOf(round);
  const seen = needsModel(strategy, context) ? await score(round, strategy, context) : null;
  if (seen) {
    await round.store.quarantine(round.round, seen.pass.quarantined);
    context.maximumEntropy = seen.pass.maximumEntropy;
    if (round.round === 1) tellMissingRegions(round, strategy, seen);
  }
  const scored = seen
    ? scoredRows(seen.pass, range(0, seen.poolRows), range(seen.poolRows, seen.pass.ids.length))
    : blindPool(
        pool.map(({ id }) => id),
        classes.length,
      );
  const prepared = seen ? await prepare(round, strategy, seen) : nothing;
  const free = [...scored.ids.keys()].filter((row) => !prepared.asked.has(scored.ids[row]));
  const features = new Map([...scored.features, ...prepared.columns]);
  const candidates = takeRows({ ...scored, features }, free);
  const count = Math.max(0, Math.min(round.count - prepared.asked.size, free.length));
  const options = { backend: round.backend, count, reverse: entry.reverse };
  const ranking = await watch.during('selecting', () => rankPool(strategy, candidates, context, options));
  const named = namedColumns(strategy, context, features, prepared.columns.keys());
  const queries = queriesOf(ranking, candidates, count, (row, rank) => {
    const own = seen && seenInPass(seen.pass, free[row], named);
    return {
      reason: reasonOf(strategy, rank, free.length, own),
      ...{ predicted: own?.predicted ?? null, confidence: own?.confidence ?? NaN },
    };
  });
  return {
    queries: queries.map((query, i) => ({ ...query, position: prepared.asked.size + i })),
    ranking: {
      ids: Array.from(ranking.order, (row) => candidates.ids[row]),
      scores: Float64Array.from(ranking.order, (row) => ranking.scores[row]),
    },
    clusters: prepared.clusters,
    columns: [...prepared.columns].map(([name, values]) => ({ name, ids: scored.ids, values })),
  };
}

/** The strategy's settings: what the configuration says of them, defaults for the rest. */
export function contextOf({ entry, seed }: Pick<SelectionRound, 'entry' | 'seed'>): StrategyContext {
  const { alpha, combine, uncertainty, radiomicsOf, borda, beta, diversity, roiNeighbours } = entry;
  const given = {
    ...{ alpha, combine, uncertainty, radiomicsOf, borda, beta, diversity, roiNeighbours },
    committee: entry.committee?.measure,
  };
  const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...defaultContext, ...defined, seed };
}

/** The columns that a strategy ranks by beside criteria, in its own order; those that nobody has computed are left out. */
export function namedColumns(
  strategy: Strategy,
  context: StrategyContext,
  columns: ReadonlyMap<string, Float64Array>,
  computed: Iterable<string>,
): Map<string, Float64Array> {
  const names = [...(strategy.features?.(context) ?? []), ...computed];
  return new Map(
    names.flatMap((name): [string, Float64Array][] => {
      const values = columns.get(name);
      return values ? [[name, values]] : [];
    }),
  );
}

/** Whether a model has to look at the pool: a random order needs nothing but ids. */
export function needsModel(strategy: Strategy, context: StrategyContext): boolean {
  return !strategy.blind || vectorsOf(strategy, context).size > 0;
}

/** A pass over the pool; rows of labelled samples, where the strategy wants their vectors, after those of the pool. */
interface Seen {
  pass: ScoredPass;
  /** Rows of the pool come first. */
  poolRows: number;
}

async function score(round: SelectionRound, strategy: Strategy, context: StrategyContext): Promise<Seen> {
  const { pool, labelled, entry, watch, model } = round;
  const vectors = vectorsOf(strategy, context);
  const roi = await predictedRegions(round, strategy);
  const samples: Sample[] = pool.map(unlabelled);
  if (vectors.has('labelled')) samples.push(...labelled.map(unlabelled));
  const maps = strategy.columns?.includes('expected_rank')
    ? { of: entry.radiomicsOf ?? ('saliency' as const), size: mapSize }
    : undefined;
  const criteria = [...new Set<Criterion>([...strategy.needs, ...(strategy.uses ?? [])])];
  const pass = await watch.during('scoring', () =>
    scorePass({
      ...scoringOptions(round, 'pool', strategy, context),
      ...{ model, samples, criteria: strategy.needs, seed: round.seed },
      ...{ features: strategy.features?.(context), radiomicsOf: context.radiomicsOf },
      vectors: { embeddings: vectors.has('embeddings'), ...(maps && { maps }) },
      ...(criteria.some((name) => name === 'dice' || name === 'roi_area') && roi),
      out: roundFolder(round, round.round, 'pool'),
      resume: true,
    }),
  );
  const poolRows = pass.positions.findIndex((position) => position >= pool.length);
  return { pass, poolRows: poolRows < 0 ? pass.ids.length : poolRows };
}

function tellMissingRegions({ entry, onNotice }: SelectionRound, strategy: Strategy, { pass, poolRows }: Seen): void {
  if (entry.roi === 'none') return;
  const withRoi = pass.columns.roi_area.subarray(0, poolRows).filter((area) => !Number.isNaN(area)).length;
  const missing = missingRegions(strategy, { scored: poolRows, withRoi });
  if (missing) onNotice(`${entry.name}: ${missing}`);
}

/** What the strategy reads besides the pass, and what had to be asked for it. */
interface Prepared {
  columns: ReadonlyMap<string, Float64Array>;
  /** Ids of this round that the oracle has been asked about already. */
  asked: ReadonlySet<string>;
  clusters?: StageFindings['clusters'];
}

const nothing: Prepared = { columns: new Map(), asked: new Set() };

async function prepare(round: SelectionRound, strategy: Strategy, seen: Seen): Promise<Prepared> {
  const { columns = [] } = strategy;
  if (columns.some((name) => name.startsWith('committee'))) {
    return { ...nothing, columns: await committeeColumns(round, seen.pass, seen.poolRows) };
  }
  if (columns.includes('expected_rank')) return expectedRanks(round, seen.pass, seen.poolRows);
  return nothing;
}

/** Rows of a pass as strategies take them. @param labelled rows of samples that have labels */
export function scoredRows(pass: ScoredPass, rows: readonly number[], labelled: readonly number[]): ScoredPool {
  const { embeddings } = pass;
  return {
    ...takeRows(pass, rows),
    ...(embeddings && labelled.length > 0 && { labelled: gatherRows(embeddings, labelled) }),
  };
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** Some rows of a pool, in that order. */
export function takeRows(pool: ScoredPool, rows: readonly number[]): ScoredPool {
  const { columns, features, probabilities, embeddings } = pool;
  const classes = probabilities.dims[1];
  const take = (values: Float64Array) => Float64Array.from(rows, (row) => values[row]);
  const chosen = tensor('f64', [rows.length, classes]);
  rows.forEach((row, i) =>
    chosen.data.set(probabilities.data.subarray(row * classes, (row + 1) * classes), i * classes),
  );
  return {
    ...{ activation: pool.activation, labelled: pool.labelled },
    ids: rows.map((row) => pool.ids[row]),
    columns: Object.fromEntries(
      Object.entries(columns).map(([name, values]) => [name, take(values)]),
    ) as ScoredPool['columns'],
    features: new Map([...features].map(([name, values]) => [name, take(values)])),
    predicted: Int32Array.from(rows, (row) => pool.predicted[row]),
    probabilities: chosen,
    ...(embeddings && { embeddings: gatherRows(embeddings, rows) }),
  };
}

/** A pool of which nothing is known but its ids. */
export function blindPool(ids: readonly string[], classes: number): ScoredPool {
  return {
    ids,
    columns: {} as ScoredPool['columns'],
    features: new Map(),
    predicted: new Int32Array(ids.length).fill(-1),
    probabilities: tensor('f64', [ids.length, classes]),
    activation: 'softmax',
  };
}

function queriesOf(
  { order, scores }: PoolRanking,
  { ids }: ScoredPool,
  count: number,
  describe: (row: number, rank: number) => Pick<StoredQuery, 'reason' | 'predicted' | 'confidence'>,
): Omit<StoredQuery, 'position'>[] {
  return Array.from(order.subarray(0, count), (row, i) => ({
    id: ids[row],
    score: scores[row],
    ...describe(row, i + 1),
  }));
}
