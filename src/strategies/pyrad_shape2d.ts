import { bordaStrategy } from './borda.js';

/** IDEAL's shape radiomics of the binarised saliency map: a round region first. */
export const pyradShape2d = bordaStrategy('pyrad-shape2d', 'IDEAL: Borda count of 2-D shape radiomics', [
  { feature: 'shape2D_Sphericity', first: 'high' },
  { feature: 'shape2D_SphericalDisproportion', first: 'low' },
  { feature: 'shape2D_Elongation', first: 'high' },
]);
