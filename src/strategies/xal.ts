import { meanRanks } from './ranks.js';
import type { ScoringStrategy } from './strategy.js';

/**
 * XAL's dual criterion (arXiv 2602.13308): uncertainty and misalignment of attention.
 *   sum       α·U + (1 − α)·(1 − Dice)
 *   product   U·(1 − Dice)
 *   rank-sum  as sum, with each criterion replaced by its mean rank in the pool, scaled to [0, 1]
 * U is entropy / (largest possible entropy), or 1 − margin; Dice is between the binarised saliency
 * map and the region of interest. A sample without a region of interest scores U (its rank) alone.
 */
export const xal: ScoringStrategy = {
  name: 'xal',
  summary: 'XAL: uncertainty and misalignment (1 − Dice) of saliency map and region of interest',
  needs: ['entropy', 'margin'],
  uses: ['dice'],
  score(pool, { alpha, combine, uncertainty, maximumEntropy }) {
    let u: Float64Array =
      uncertainty === 'entropy'
        ? pool.columns.entropy.map((h) => h / maximumEntropy)
        : pool.columns.margin.map((m) => 1 - m);
    let misalignment: Float64Array = pool.columns.dice.map((d) => 1 - d);
    if (combine === 'rank-sum') {
      u = meanRanks(u);
      misalignment = meanRanks(misalignment);
    }
    return u.map((value, i) => {
      const m = misalignment[i];
      if (Number.isNaN(m)) return value;
      return combine === 'product' ? value * m : alpha * value + (1 - alpha) * m;
    });
  },
};
