import type { Backend } from '../backend/index.js';
import { expectArgument, SightlineError } from '../core/errors.js';
import { withDefaults } from '../core/options.js';
import type { Tensor } from '../core/tensor.js';
import { kCenterGreedy } from './k_center.js';
import { kMeans, nearestToCentres } from './k_means.js';
import { checkIndices, gatherRows } from './rows.js';
import { embeddingSpace } from './space.js';

export interface DiversityOptions {
  method: 'k-center' | 'k-means';
  /** Candidates for each sample that is chosen: the top of the ranking is `factor` · count long. */
  factor: number;
  /** k-center: rows that are centres from the start. */
  labelled: Uint32Array;
  /** Of k-means. */
  seed: number;
}

const defaults: DiversityOptions = { method: 'k-center', factor: 10, labelled: new Uint32Array(0), seed: 0 };

/**
 * A diverse batch from the top of a ranking, so that a batch does not ask the same thing over and over.
 *   k-center  greedy: the first of the ranking (or the candidate farthest from the labelled ones), then always the candidate
 *             farthest from all centres
 *   k-means   the candidates in `count` clusters, from each the sample nearest to the centre, as Zhdanov, "Diverse mini-batch
 *             Active Learning", 2019 (there with the scores as weights); in the order of the ranking. Where copies leave
 *             clusters without samples, the ranking fills the batch.
 * @param embeddings f32[N,D]; rows of candidates and labelled samples finite @param ranking rows, label first
 * @returns `count` rows of the ranking, or all that it has
 * @throws SightlineError E_SHAPE, E_ARGUMENT
 */
export async function diverseBatch(
  backend: Backend,
  embeddings: Tensor<'f32'>,
  ranking: Uint32Array,
  count: number,
  given: Partial<DiversityOptions> = {},
): Promise<Uint32Array> {
  const { method, factor, labelled, seed } = withDefaults(given, defaults, 'options of the diversity step');
  const wanted = candidateCount(count, factor);
  expectArgument(method === 'k-center' || method === 'k-means', 'method', '"k-center" or "k-means"', method);
  checkIndices(ranking, embeddings.dims[0], 'ranking');
  checkIndices(labelled, embeddings.dims[0], 'labelled');
  const ranked = new Set(ranking);
  const both = labelled.findIndex((row) => ranked.has(row));
  if (both >= 0) {
    const what = `row ${labelled[both]} is in the ranking too`;
    throw new SightlineError('E_ARGUMENT', { where: `labelled[${both}]`, what });
  }
  const candidates = ranking.subarray(0, wanted);
  if (candidates.length <= count) return candidates.slice();
  if (method === 'k-means') {
    const clustering = await kMeans(backend, gatherRows(embeddings, candidates), count, { seed });
    return filled(
      [...nearestToCentres(clustering)].filter((at) => at >= 0),
      count,
    ).map((at) => candidates[at]);
  }
  const rows = gatherRows(embeddings, [...candidates, ...labelled]);
  const centres = labelled.map((_, i) => candidates.length + i);
  const { rows: chosen } = await kCenterGreedy(embeddingSpace(backend, rows), count, centres);
  return chosen.map((at) => candidates[at]);
}

/** How long a top of the ranking the diversity step looks at. @throws SightlineError E_ARGUMENT */
export function candidateCount(count: number, factor: number): number {
  expectArgument(Number.isSafeInteger(count) && count >= 0, 'count', 'a whole number from 0', count);
  expectArgument(factor >= 1 && factor < Infinity, 'factor', 'a number from 1', factor);
  return Math.max(count, Math.round(factor * count));
}

/** The chosen positions in rising order, filled up with the first others. */
function filled(chosen: readonly number[], count: number): Uint32Array {
  const positions = new Set(chosen);
  for (let at = 0; positions.size < count; at++) positions.add(at);
  return Uint32Array.from(positions).sort();
}
