import type { Backend } from '../../src/backend/index.js';
import { criteria, type Criterion } from '../../src/core/criteria.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { defaultContext, findStrategy, rankPool, type ScoredPool } from '../../src/strategies/index.js';

export interface ToyPool {
  /** One letter a sample. */
  ids: string;
  columns?: Partial<Record<Criterion, number[]>>;
  features?: Record<string, number[]>;
  predicted?: number[];
  probabilities?: number[][];
  activation?: 'softmax' | 'sigmoid';
  embeddings?: number[][];
  labelled?: number[][];
}

/** A pool small enough to rank by hand. Criteria that are left out are NaN, probabilities undecided. */
export function toyPool(toy: ToyPool): ScoredPool {
  const ids = [...toy.ids];
  const none = () => ids.map(() => NaN);
  return {
    ids,
    columns: Object.fromEntries(
      criteria.map((c) => [c, Float64Array.from(toy.columns?.[c] ?? none())]),
    ) as ScoredPool['columns'],
    features: new Map(Object.entries(toy.features ?? {}).map(([name, values]) => [name, Float64Array.from(values)])),
    predicted: Int32Array.from(toy.predicted ?? ids.map(() => 0)),
    probabilities: rows('f64', toy.probabilities ?? ids.map(() => [0.5, 0.5])),
    activation: toy.activation ?? 'softmax',
    ...(toy.embeddings && { embeddings: rows('f32', toy.embeddings) }),
    ...(toy.labelled && { labelled: rows('f32', toy.labelled) }),
  };
}

function rows<T extends 'f32' | 'f64'>(dtype: T, values: number[][]): Tensor<T> {
  const out = tensor<'f32' | 'f64'>(dtype, [values.length, values[0]?.length ?? 2]);
  out.data.set(values.flat());
  return out as Tensor<T>;
}

/** The same samples in another order: row i is that of `order[i]`. */
export function reordered(toy: ToyPool, order: readonly number[]): ToyPool {
  const pick = <T>(values: ArrayLike<T>): T[] => order.map((i) => values[i]);
  const each = <T>(table: Record<string, T[]>) =>
    Object.fromEntries(Object.entries(table).map(([name, values]) => [name, pick(values)]));
  return {
    ...toy,
    ids: pick(toy.ids).join(''),
    columns: each(toy.columns ?? {}),
    features: each(toy.features ?? {}),
    ...(toy.predicted && { predicted: pick(toy.predicted) }),
    ...(toy.probabilities && { probabilities: pick(toy.probabilities) }),
    ...(toy.embeddings && { embeddings: pick(toy.embeddings) }),
  };
}

/** Scores by a strategy that scores. */
export function scoresOf(name: string, toy: ToyPool, context: object = {}): number[] {
  return [...findStrategy(name).score!(toyPool(toy), { ...defaultContext, ...context })];
}

/** The batch: the ids of the first `count`, as one word. */
export async function batchOf(
  backend: Backend,
  name: string,
  toy: ToyPool,
  count: number,
  context: object = {},
): Promise<string> {
  const pool = toyPool(toy);
  const { order } = await rankPool(findStrategy(name), pool, { ...defaultContext, ...context }, { backend, count });
  return [...order.subarray(0, count)].map((row) => pool.ids[row]).join('');
}
