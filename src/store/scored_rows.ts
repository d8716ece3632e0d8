import type { DuckDBConnection, DuckDBListValue, DuckDBValue } from '@duckdb/node-api';
import { tensor, type Tensor } from '../core/tensor.js';
import type { AttentionAgreement } from '../metrics/attention.js';

/** Numbers of the scored pool by column, in pool order; NULL is NaN. */
export interface ScoredColumns<N extends string> {
  /** Positions in the pool. */
  indices: Int32Array;
  ids: string[];
  values: Record<N, Float64Array>;
}

/** @param names criteria and features @param withFeatures whether the run has a table of features */
export async function readColumns<N extends string>(
  connection: DuckDBConnection,
  names: readonly N[],
  withFeatures: boolean,
): Promise<ScoredColumns<N>> {
  const scored = await countScored(connection);
  const indices = new Int32Array(scored);
  const ids = new Array<string>(scored);
  const values = Object.fromEntries(names.map((name) => [name, new Float64Array(scored)])) as Record<N, Float64Array>;
  const columns = ['idx', 'id', ...names.map((name) => `"${name}"`)];
  const from = `scores JOIN samples USING (idx) ${withFeatures ? 'JOIN features USING (idx)' : ''}`;
  await scan(connection, columns, from, ([index, id, ...row], at) => {
    indices[at] = index as number;
    ids[at] = id as string;
    names.forEach((name, n) => (values[name][at] = (row[n] as number | null) ?? NaN));
  });
  return { indices, ids, values };
}

/** Predicted class i32[N] and logits f32[N,K], in pool order. */
export async function readPredictions(
  connection: DuckDBConnection,
): Promise<{ predicted: Int32Array; logits: Tensor<'f32'> }> {
  const scored = await countScored(connection);
  const predicted = new Int32Array(scored);
  let logits = tensor('f32', [scored, 0]);
  await scan(connection, ['predicted', 'logits'], 'scores', ([best, list], at) => {
    const row = (list as DuckDBListValue).items as number[];
    if (at === 0) logits = tensor('f32', [scored, row.length]);
    predicted[at] = best as number;
    logits.data.set(row, at * row.length);
  });
  return { predicted, logits };
}

/** Agreement of map and expert's region, in pool order; without a region NaN, and a share of 0. */
export async function readAttention(connection: DuckDBConnection): Promise<AttentionAgreement[]> {
  const rows: AttentionAgreement[] = [];
  const columns = ['a.dice', 'a.hit', 'a.energy', 'a.roi_share', 'coalesce(a.flat, s.flat)'];
  await scan(connection, columns, 'scores s LEFT JOIN attention a USING (idx)', (row) => {
    const [dice, hit, energy] = row.slice(0, 3).map((value) => (value as number | null) ?? NaN);
    rows.push({ dice, hit, energy, roiShare: (row[3] as number | null) ?? 0, flat: Boolean(row[4]) });
  });
  return rows;
}

async function countScored(connection: DuckDBConnection): Promise<number> {
  return Number((await connection.runAndReadAll('SELECT count(*) FROM scores')).getRows()[0][0]);
}

/** Visits rows in pool order, a part of the result in memory at a time. */
async function scan(
  connection: DuckDBConnection,
  columns: readonly string[],
  from: string,
  visit: (row: DuckDBValue[], at: number) => void,
): Promise<void> {
  const result = await connection.stream(`SELECT ${columns.join(', ')} FROM ${from} ORDER BY idx`);
  let at = 0;
  for (let part = await result.fetchChunk(); part && part.rowCount > 0; part = await result.fetchChunk())
    for (const row of part.getRows()) visit(row, at++);
}
