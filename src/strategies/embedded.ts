import { SightlineError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import { compareIds } from '../selection/ranking.js';
import { finiteRows, gatherRows, stackRows } from '../selection/rows.js';
import type { ScoredPool } from './strategy.js';

/** The samples of a pool whose embeddings are numbers, and those that have labels below them. */
export interface Embedded {
  /** Rows of the pool: n, ordered by id, so that ties and draws do not depend on the order of the pool. */
  rows: Uint32Array;
  /** f32[n+L,D]: row i is that of `rows[i]`; L labelled ones follow. */
  vectors: Tensor<'f32'>;
  /** Positions in `vectors` of the labelled ones. */
  labelled: Uint32Array;
}

/** The embeddings of a pool. @throws SightlineError E_ARGUMENT where it has none; `where` names who asks */
export function embeddingsOf({ embeddings }: ScoredPool, where: string): Tensor<'f32'> {
  if (embeddings) return embeddings;
  throw new SightlineError('E_ARGUMENT', {
    where,
    what: 'the embeddings of the pool (features before the last layer) were not computed',
    remedy: 'Ask the scoring pass for them.',
  });
}

/**
 * Embeddings that distances can be measured between; a sample with a NaN or an infinite number in its own is left out.
 * @throws SightlineError E_ARGUMENT (no embeddings), E_SHAPE (the labelled ones have another width)
 */
export function embeddedSamples(pool: ScoredPool, where: string): Embedded {
  const embeddings = embeddingsOf(pool, where);
  const rows = Uint32Array.from(finiteRows(embeddings).sort((a, b) => compareIds(pool.ids[a], pool.ids[b])));
  const own = gatherRows(embeddings, rows);
  const { labelled } = pool;
  const known = rows.length && labelled?.dims[0] ? gatherRows(labelled, finiteRows(labelled)) : undefined;
  return {
    rows,
    vectors: known ? stackRows(own, known) : own,
    labelled: Uint32Array.from({ length: known?.dims[0] ?? 0 }, (_, i) => rows.length + i),
  };
}
