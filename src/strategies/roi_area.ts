import type { Strategy } from './strategy.js';

/** Fair baseline for XAL, which sees regions of interest: the largest region first, samples without one last. */
export const roiArea: Strategy = {
  name: 'roi-area',
  summary: 'largest region of interest first (the baseline that sees regions but no attention)',
  needs: ['roi_area'],
  score: (pool) => pool.columns.roi_area.slice(),
};
