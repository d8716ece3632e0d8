import type { Strategy } from './strategy.js';

/**
 * Monte-Carlo dropout variance (IDEAL's uncertainty baseline, eq. 3): variance between stochastic passes (epistemic) plus
 * within them (aleatoric), of the class probabilities.
 */
export const mcDropout: Strategy = {
  name: 'mc-dropout',
  summary: 'variance over Monte-Carlo dropout passes (IDEAL eq. 3)',
  needs: ['mc_epistemic', 'mc_aleatoric'],
  score: ({ columns }) => columns.mc_epistemic.map((variance, i) => variance + columns.mc_aleatoric[i]),
};
