import { expectLength, hasNaN, type Values } from '../metrics/inputs.js';
import { normalUpperTail } from '../metrics/normal.js';
import { midRanks } from './mid_ranks.js';

/** Wilcoxon's signed-rank test of first − second. */
export interface WilcoxonTest {
  /** Pairs that differ; the others are left out. */
  count: number;
  /** Sum of the ranks of |first − second| where first is larger, and where it is smaller. */
  positive: number;
  negative: number;
  /** The smaller of the two sums. */
  statistic: number;
  /** Two-sided. */
  pValue: number;
  /** Whether pValue counts every sign pattern, or takes the normal approximation. */
  method: 'exact' | 'normal';
}

/** As SciPy ≥ 1.15: most pairs for the exact distribution without ties and zeros, and with them. */
const mostExact = 50;
const mostExactWithTies = 13;

/**
 * Wilcoxon's signed-rank test of paired values (Biometrics Bulletin 1945), equal to SciPy's wilcoxon with its defaults. Pairs
 * without a difference are left out; equal |differences| share their mean rank. Exact for up to 50 pairs, up to 13 where
 * there are ties or pairs without a difference: twice the smaller of P(R ≤ r), P(R ≥ r) over all sign patterns, at most 1.
 * Beyond: normal approximation with the variance corrected for ties, without continuity correction. Differences tie when they
 * are equal as float64. With n pairs no p-value is below 2^(1−n): five seeds cannot reach 0.05.
 * No pairs or a NaN: statistic and p NaN. No differences at all: p = 1 (SciPy: NaN above 13 pairs).
 * @throws SightlineError E_ARGUMENT for unequal lengths
 */
export function wilcoxonSignedRank(first: Values, second: Values): WilcoxonTest {
  expectLength(second, first.length, 'second');
  const all = Float64Array.from(first, (value, i) => value - second[i]);
  if (all.length === 0 || hasNaN(all)) {
    return { count: 0, positive: NaN, negative: NaN, statistic: NaN, pValue: NaN, method: 'exact' };
  }
  const differences = all.filter((d) => d !== 0);
  const ranks = midRanks(differences.map(Math.abs));
  const sumWhere = (inside: (d: number) => boolean): number =>
    ranks.reduce((sum, rank, i) => (inside(differences[i]) ? sum + rank : sum), 0);
  const [positive, negative] = [sumWhere((d) => d > 0), sumWhere((d) => d < 0)];
  const irregular = differences.length < all.length || new Set(ranks).size < ranks.length;
  const exact = differences.length === 0 || all.length <= (irregular ? mostExactWithTies : mostExact);
  return {
    count: differences.length,
    positive,
    negative,
    statistic: Math.min(positive, negative),
    pValue: exact ? exactPValue(ranks, positive) : normalPValue(ranks, positive),
    method: exact ? 'exact' : 'normal',
  };
}

/** Over all 2^n patterns of signs, counted by their sum of ranks: ranks are multiples of ½, so that twice the sum is an index. */
function exactPValue(ranks: Float64Array, positive: number): number {
  const doubled = ranks.map((rank) => 2 * rank);
  const total = doubled.reduce((sum, rank) => sum + rank, 0);
  let probability = new Float64Array(total + 1);
  probability[0] = 1;
  for (const rank of doubled) {
    const next = probability.map((p) => p / 2);
    for (let sum = 0; sum + rank <= total; sum++) next[sum + rank] += probability[sum] / 2;
    probability = next;
  }
  // The distribution is symmetric: the tail beyond the smaller sum of ranks is the smaller tail.
  const smaller = Math.min(2 * positive, total - 2 * positive);
  const tail = probability.subarray(0, smaller + 1).reduce((sum, p) => sum + p, 0);
  return Math.min(1, 2 * tail);
}

function normalPValue(ranks: Float64Array, positive: number): number {
  const n = ranks.length;
  const tied = new Map<number, number>();
  for (const rank of ranks) tied.set(rank, (tied.get(rank) ?? 0) + 1);
  const tieTerm = [...tied.values()].reduce((sum, t) => sum + (t ** 3 - t), 0);
  const variance = (n * (n + 1) * (2 * n + 1) - tieTerm / 2) / 24;
  const z = (positive - (n * (n + 1)) / 4) / Math.sqrt(variance);
  return 2 * normalUpperTail(Math.abs(z));
}
