import { midRanks } from '../statistics/mid_ranks.js';

/**
 * Ranks scaled to [0, 1]: smallest value 0, largest 1, ties share their mean rank, NaN stays NaN.
 * A single value ranks 0.5.
 */
export function meanRanks(values: Float64Array): Float64Array {
  const ranks = midRanks(values);
  const span = ranks.reduce((count, rank) => count + Number(!Number.isNaN(rank)), 0) - 1;
  return ranks.map((rank) => (Number.isNaN(rank) ? NaN : span > 0 ? (rank - 1) / span : 0.5));
}
