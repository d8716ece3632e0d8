import { featureColumn } from './columns.js';
import type { Strategy } from './strategy.js';

const ofImage = 'original_firstorder_Kurtosis';

/**
 * IDEAL's observational strategy (Mahapatra et al., IEEE TMI 2021): kurtosis m4/m2² of the saliency map's 256-bin
 * histogram over [0, 1]; a focused map has a high one. 0 for a constant map. With `radiomicsOf: 'image'` (IDEAL's
 * ablation, §V-D) it is pyradiomics' kurtosis of the image's values.
 */
export const kurtosis: Strategy = {
  name: 'kurtosis',
  summary: "IDEAL: kurtosis of the saliency map's histogram",
  needs: ['kurtosis'],
  features: ({ radiomicsOf }) => (radiomicsOf === 'image' ? [ofImage] : []),
  score: (pool, { radiomicsOf }) =>
    (radiomicsOf === 'image' ? featureColumn(pool, ofImage) : pool.columns.kurtosis).slice(),
};
