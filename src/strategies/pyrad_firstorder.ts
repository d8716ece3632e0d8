import { bordaStrategy } from './borda.js';

/** IDEAL's first-order radiomics of the saliency map: a focused map has peaked, skewed values and little entropy. */
export const pyradFirstorder = bordaStrategy('pyrad-firstorder', 'IDEAL: Borda count of first-order radiomics', [
  { feature: 'firstorder_Kurtosis', first: 'high' },
  { feature: 'firstorder_Skewness', first: 'high' },
  { feature: 'firstorder_Entropy', first: 'low' },
  { feature: 'firstorder_TotalEnergy', first: 'high' },
]);
