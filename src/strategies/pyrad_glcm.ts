import { bordaStrategy } from './borda.js';

/** IDEAL's texture radiomics of the saliency map: a smooth, homogeneous, correlated map first. */
export const pyradGlcm = bordaStrategy('pyrad-glcm', 'IDEAL: Borda count of co-occurrence (GLCM) radiomics', [
  { feature: 'glcm_SumEntropy', first: 'low' },
  { feature: 'glcm_Idn', first: 'high' },
  { feature: 'glcm_DifferenceEntropy', first: 'low' },
  { feature: 'glcm_MCC', first: 'high' },
]);
