import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Rng } from '../../core/rng.js';
import type { Tensor } from '../../core/tensor.js';
import { openEncoder } from '../../engine/encoder.js';
import { contextOf } from '../../loop/acquisition.js';
import { roundFolder } from '../../loop/round.js';
import { RunStore } from '../../store/run_store.js';
import { ScoreStore, type VectorKind } from '../../store/score_store.js';
import { findStrategy, vectorsOf } from '../../strategies/index.js';
import { asProblem, type CaseSource, type FinishedRun } from './case_source.js';

/** Samples of a pool with the vectors that a strategy compares them by, and what it made of them. */
export interface MappedPool {
  run: FinishedRun;
  round: number;
  /** `clusters`: by rank, 1 = most informative; `classes`: by true class. */
  groupedBy: 'clusters' | 'classes';
  samples: MappedSample[];
  /** f32[N,D], a row a sample. */
  vectors: Tensor<'f32'>;
  /** Samples of the pool that were not drawn. */
  leftOut: number;
}

export interface MappedSample {
  id: string;
  /** Rank of its cluster, or its class; "unknown" without a label. */
  group: string;
  /** The oracle was asked about it in that round. */
  selected: boolean;
  /** It stands for its cluster. */
  representative: boolean;
}

/**
 * The pool as the first strategy that has clusters sees it (codes of saliency maps in its last learning round), else as the first
 * one that compares embeddings does. Null where there is neither.
 * @param most samples; more are drawn by seed, and what was selected is always among them
 */
export async function mappedPool(source: CaseSource, most: number): Promise<MappedPool | null> {
  for (const find of [clusteredPool, embeddedPool]) {
    for (const entry of source.strategies) {
      const run = source.finishedRun(entry);
      if (!run) continue;
      try {
        const pool = await find(source, run, most);
        if (pool) return pool;
      } catch (error) {
        source.onNotice(`${entry.name}: its pool is not mapped: ${asProblem(error).message}`);
      }
    }
  }
  return null;
}

/** The store of a run, while `body` reads it. */
async function reading<T>({ folder }: FinishedRun, body: (store: RunStore) => Promise<T>): Promise<T> {
  const store = await RunStore.open(folder);
  try {
    return await body(store);
  } finally {
    store.close();
  }
}

async function clusteredPool({ config }: CaseSource, run: FinishedRun, most: number): Promise<MappedPool | null> {
  if (!findStrategy(run.entry.strategy).columns?.includes('expected_rank')) return null;
  return reading(run, async (store) => {
    const round = Math.max(...((await store.meta<number[]>('learned')) ?? []));
    if (!Number.isFinite(round)) return null;
    const clusters = new Map((await store.clusters(round)).map((row) => [row.id, row]));
    const asked = await store.queries(round);
    const standing = asked.filter(({ reason }) => reason.startsWith('stands for cluster'));
    const representatives = new Set(standing.map(({ id }) => id));
    const selected = new Set(asked.map(({ id }) => id));
    const drawn = await drawnVectors(run, round, 'maps', { wanted: new Set(clusters.keys()), first: selected, most });
    if (!drawn) return null;
    const encoder = openEncoder(join(run.folder, 'encoder', 'encoder.onnx'), { threads: config.training.threads });
    const samples = drawn.ids.map((id) => ({
      ...{ id, group: String(clusters.get(id)!.rank) },
      ...{ selected: selected.has(id), representative: representatives.has(id) },
    }));
    const vectors = await encoder.encode(drawn.vectors);
    return { run, round, groupedBy: 'clusters' as const, samples, vectors, leftOut: drawn.leftOut };
  });
}

async function embeddedPool({ data }: CaseSource, run: FinishedRun, most: number): Promise<MappedPool | null> {
  if (!vectorsOf(findStrategy(run.entry.strategy), contextOf(run)).has('embeddings')) return null;
  return reading(run, async (store) => {
    const round = (await store.rankedRounds()).at(-1);
    if (round === undefined) return null;
    const asked = new Set((await store.queries(round)).map(({ id }) => id));
    const wanted = new Set((await store.ranking(round)).ids);
    const drawn = await drawnVectors(run, round, 'embeddings', { wanted, first: asked, most });
    if (!drawn) return null;
    const samples = drawn.ids.map((id) => {
      const group = data.byId.get(id)?.label ?? 'unknown';
      return { id, group, selected: asked.has(id), representative: false };
    });
    return { run, round, groupedBy: 'classes' as const, samples, vectors: drawn.vectors, leftOut: drawn.leftOut };
  });
}

/**
 * Stored vectors of some samples of a round's pool, in the pool's order; null where they were deleted.
 * @param wanted ids @param first those that are drawn in any case
 */
async function drawnVectors(
  run: FinishedRun,
  round: number,
  kind: VectorKind,
  { wanted, first, most }: { wanted: ReadonlySet<string>; first: ReadonlySet<string>; most: number },
): Promise<{ ids: string[]; vectors: Tensor<'f32'>; leftOut: number } | null> {
  const folder = roundFolder(run, round, 'pool');
  if (!existsSync(join(folder, 'store.duckdb'))) return null;
  const store = await ScoreStore.open(folder);
  try {
    const { ids, indices } = await store.scoredColumns([]);
    const candidates = [...ids.keys()].filter((row) => wanted.has(ids[row]));
    const draw = (row: number) => (first.has(ids[row]) ? -1 : new Rng(run.seed, 'cluster map', ids[row]).uniform());
    const order = candidates.map((row) => ({ row, at: draw(row) })).sort((a, b) => a.at - b.at || a.row - b.row);
    const rows = order
      .slice(0, most)
      .map(({ row }) => row)
      .sort((a, b) => a - b);
    const vectors = await store.vectors(
      kind,
      Int32Array.from(rows, (row) => indices[row]),
    );
    if (!vectors) return null;
    return { ids: rows.map((row) => ids[row]), vectors, leftOut: candidates.length - rows.length };
  } finally {
    store.close();
  }
}
