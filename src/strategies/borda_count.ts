import { fullName } from '../features/radiomics/features.js';
import { featureColumn } from './columns.js';
import { meanRanks } from './ranks.js';
import type { ScoredPool } from './strategy.js';

/** A feature with the end of its scale that is labelled first. */
export interface BordaTerm {
  /** Radiomics feature, with or without the prefix that says what it is of: "glcm_Idn", "saliency_glcm_Idn". */
  feature: string;
  first: 'high' | 'low';
}

/**
 * "firstorder_Kurtosis+, glcm_SumEntropy-": + where high values are labelled first (the default), - where low ones are.
 * @throws SightlineError E_ARGUMENT for a feature that does not exist
 */
export function parseBorda(text: string): BordaTerm[] {
  return text
    .split(/[,;\s]+/)
    .filter(Boolean)
    .map((item) => {
      const [, name, sign] = /^(.*?)([+-]?)$/.exec(item)!;
      return { feature: fullName(name), first: sign === '-' ? 'low' : 'high' };
    });
}

/**
 * Borda count over features (IDEAL, eq. 2): every feature ranks the pool, a sample's points are the number of samples
 * it beats, ties share their mean, and its score is the sum of its points, here divided by the most that can be had:
 * 1 for a sample that leads by every feature, 0 for one that is last by all. A feature that does not exist for a sample
 * (no region) gives it no points; a sample without any feature scores NaN.
 * @throws SightlineError E_ARGUMENT when the pool lacks a feature
 */
export function bordaCount(pool: Pick<ScoredPool, 'ids' | 'features'>, terms: readonly BordaTerm[]): Float64Array {
  const score = new Float64Array(pool.ids.length);
  const known = new Uint8Array(pool.ids.length);
  for (const { feature, first } of terms) {
    const ranks = meanRanks(featureColumn(pool, feature));
    ranks.forEach((rank, i) => {
      if (Number.isNaN(rank)) return;
      known[i] = 1;
      score[i] += (first === 'high' ? rank : 1 - rank) / terms.length;
    });
  }
  return score.map((value, i) => (known[i] ? value : NaN));
}
