import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Criteria } from '../../core/criteria.js';
import type { Sample } from '../../data/types.js';
import { readScoredPass } from '../../engine/score_pass.js';
import { contextOf, namedColumns, needsModel } from '../../loop/acquisition.js';
import { unlabelled } from '../../loop/labelled_set.js';
import { reasonOf, seenInPass, type SeenSample } from '../../loop/reasons.js';
import { roundFolder } from '../../loop/round.js';
import type { StoredQuery } from '../../store/run_schema.js';
import { RunStore } from '../../store/run_store.js';
import { findStrategy, type Strategy } from '../../strategies/index.js';
import type { CaseMap } from './case_maps.js';
import type { CaseSource, FinishedRun } from './case_source.js';

/** A sample with its place in a round's ranking. */
export interface RankedCase {
  /** As the pool knows it: without its label. */
  sample: Sample;
  /** The manifest's, else the oracle's. */
  label: string | undefined;
  /** From 1 = label first. */
  rank: number;
  /** NaN where the strategy gives none. */
  score: number;
  /** Numbers that the pass has stored; null where there is none, or it was deleted. */
  seen: SeenSample | null;
  /** In words; null where neither store nor pass can say. */
  reason: string | null;
}

/** Both ends of a round's ranking. */
export interface RankedRound {
  run: FinishedRun;
  strategy: Strategy;
  round: number;
  /** Rounds of the run that selected. */
  rounds: number;
  /** Labels when the choice was made. */
  labelled: number;
  /** Samples that were ranked. */
  of: number;
  /** Whether a model has looked at the pool. */
  byModel: boolean;
  /** Columns that the loop computed for the ranking, by name and sample. */
  columns: ReadonlyMap<string, ReadonlyMap<string, number>>;
  most: RankedCase[];
  /** Lowest rank last; empty where the order was random. */
  least: RankedCase[];
}

/** The rankings of the first and the last round of a run that selected: one, where these are the same. */
export async function rankedRounds(source: CaseSource, run: FinishedRun, count: number): Promise<RankedRound[]> {
  const store = await RunStore.open(run.folder);
  try {
    const ranked = await store.rankedRounds();
    const ends = [...new Set([ranked.at(-1), ranked[0]])].filter((round) => round !== undefined);
    const found: RankedRound[] = [];
    for (const round of ends)
      found.push(await rankedRound(source, run, store, { round, rounds: ranked.length, count }));
    return found;
  } finally {
    store.close();
  }
}

async function rankedRound(
  { data }: CaseSource,
  run: FinishedRun,
  store: RunStore,
  { round, rounds, count }: { round: number; rounds: number; count: number },
): Promise<RankedRound> {
  const strategy = findStrategy(run.entry.strategy);
  const byModel = needsModel(strategy, contextOf(run));
  const { ids, scores } = await store.ranking(round);
  const queries = new Map((await store.queries(round)).map((query) => [query.id, query]));
  const answers = await store.answers();
  const answered = new Map(answers.map(({ id, label }) => [id, label ?? undefined]));
  const columns = new Map<string, ReadonlyMap<string, number>>();
  for (const name of strategy.columns ?? []) columns.set(name, await store.column(round, name));
  const seenOf = byModel ? await storedPass(run, strategy, round, columns) : () => null;
  const place = (at: number): RankedCase[] => {
    const sample = data.byId.get(ids[at]);
    if (!sample) return [];
    const seen = seenOf(sample.id);
    const own = { rank: at + 1, of: ids.length, known: seen !== null || !byModel };
    return [
      {
        ...{ sample: unlabelled(sample), label: sample.label ?? answered.get(sample.id), seen },
        ...{ rank: at + 1, score: scores[at], reason: storedReason(queries.get(sample.id), strategy, own, seen) },
      },
    ];
  };
  const most = Math.min(count, ids.length);
  const least = byModel ? Math.min(count, ids.length - most) : 0;
  return {
    ...{ run, strategy, round, rounds, of: ids.length, byModel, columns },
    labelled: answers.filter((answer) => answer.round < round && !answer.skipped).length,
    most: Array.from({ length: most }, (_, i) => place(i)).flat(),
    least: Array.from({ length: least }, (_, i) => place(ids.length - least + i)).flat(),
  };
}

/** Of what was asked about, the words in which it was; of the others, the same words from the same numbers. */
function storedReason(
  query: StoredQuery | undefined,
  strategy: Strategy,
  { rank, of, known }: { rank: number; of: number; known: boolean },
  seen: SeenSample | null,
): string | null {
  return query?.reason ?? (known ? reasonOf(strategy, rank, of, seen) : null);
}

/** What a round's pass over the pool knows of its samples, by id; nothing where the pass was deleted. */
async function storedPass(
  run: FinishedRun,
  strategy: Strategy,
  round: number,
  columns: RankedRound['columns'],
): Promise<(id: string) => SeenSample | null> {
  const folder = roundFolder(run, round, 'pool');
  if (!existsSync(join(folder, 'store.duckdb'))) return () => null;
  const pass = await readScoredPass(folder, { vectors: false });
  const rowOf = new Map(pass.ids.map((id, row) => [id, row]));
  const computed = [...columns].map(([name, values]): [string, Float64Array] => [
    name,
    Float64Array.from(pass.ids, (id) => values.get(id) ?? NaN),
  ]);
  const all = new Map([...pass.features, ...computed]);
  const named = namedColumns(strategy, contextOf(run), all, columns.keys());
  return (id) => {
    const row = rowOf.get(id);
    return row === undefined ? null : seenInPass(pass, row, named);
  };
}

/** What a model says of a sample when it is asked again, in place of a pass that was deleted. */
export function seenAgain({ columns }: RankedRound, { sample }: RankedCase, { row, labels }: CaseMap): SeenSample {
  const features = [...columns].map(([name, values]): [string, number] => [name, values.get(sample.id) ?? NaN]);
  return {
    criteria: row.criteria satisfies Criteria,
    features: new Map(features),
    ...{ predicted: labels[row.predicted] ?? String(row.predicted), confidence: row.confidence },
  };
}
