import { expectArgument, SightlineError } from '../core/errors.js';

export interface NdcgOptions {
  /** Positions of the ranking that count; default: all of the reference. */
  p?: number;
  /** What a relevance is worth: itself (default), or 2^relevance − 1. */
  gain?: 'linear' | 'exponential';
}

/** How close a ranking comes to a reference ranking. */
export interface Ndcg {
  /** In [0, 1]; 1 where the first p positions are the reference's, in its order. */
  value: number;
  /** What a random order of the reference's samples gives on average. Graded relevance keeps it far above 0. */
  chance: number;
  p: number;
}

/** Relevance of the reference's last sample, and what each position further up adds (IDEAL §V). */
const lowest = 1;
const step = 0.5;

/**
 * Normalised discounted cumulative gain of a ranking against a reference ranking of N samples (IDEAL eq. 4–5, after
 * Järvelin and Kekäläinen, ACM TOIS 2002): relevance from 1 at the reference's end, by 0.5 per position, to 1 + (N − 1)/2 at
 * its top; DCG = Σ gain(relevance of the sample at position i) / log2(i + 1) over i = 1 … p; nDCG = DCG / DCG of the reference.
 * @param ranking sample ids, best first; samples that the reference lacks have gain 0
 * @param reference sample ids, best first
 * @returns NaN for an empty reference (p = 0)
 * @throws SightlineError E_ARGUMENT for ids that occur twice in a ranking, or p that is no integer from 1 to N
 */
export function ndcg(ranking: readonly string[], reference: readonly string[], options: NdcgOptions = {}): Ndcg {
  const size = reference.length;
  const { p = size, gain = 'linear' } = options;
  expectDistinct(ranking, 'ranking');
  expectDistinct(reference, 'reference');
  if (size === 0) return { value: NaN, chance: NaN, p: 0 };
  expectArgument(Number.isInteger(p) && p >= 1 && p <= size, 'p', `an integer from 1 to ${size}`, p);
  const highest = lowest + step * (size - 1);
  // Exponential gains are divided by 2^highest: they would overflow from some 2000 samples on.
  const worth = (relevance: number): number =>
    gain === 'linear' ? relevance : 2 ** (relevance - highest) - 2 ** -highest;
  const gains = new Map(reference.map((id, position) => [id, worth(highest - step * position)]));
  const cumulated = (order: readonly string[]): number =>
    order.slice(0, p).reduce((sum, id, i) => sum + (gains.get(id) ?? 0) / Math.log2(i + 2), 0);
  const ideal = cumulated(reference);
  const mean = [...gains.values()].reduce((sum, value) => sum + value, 0) / size;
  const discounts = Array.from({ length: p }, (_, i) => 1 / Math.log2(i + 2)).reduce((sum, d) => sum + d, 0);
  return { value: cumulated(ranking) / ideal, chance: (mean * discounts) / ideal, p };
}

function expectDistinct(ids: readonly string[], where: string): void {
  const seen = new Set<string>();
  for (const id of ids) {
    if (seen.has(id)) throw new SightlineError('E_ARGUMENT', { where, what: `sample "${id}" occurs twice` });
    seen.add(id);
  }
}
