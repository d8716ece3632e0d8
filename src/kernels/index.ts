import type { Op } from '../backend/op.js';
import { dice } from './dice.js';
import { dropoutMask } from './dropout_mask.js';
import { firstOrder } from './first_order.js';
import { forestFit } from './forest_fit.js';
import { forestPredict } from './forest_predict.js';
import { glcm } from './glcm.js';
import { gradcam } from './gradcam.js';
import { gradientNorm } from './gradient_norm.js';
import { histogram } from './histogram.js';
import { nearest } from './nearest.js';
import { optimiserStep } from './optimiser_step.js';
import { pairwise } from './pairwise.js';
import { quantile } from './quantile.js';
import { resize } from './resize.js';
import { shape2d } from './shape2d.js';
import { warp } from './warp.js';

/** Every kernel, for the tests, the bench and `doctor`. */
export const kernels = [
  gradcam,
  dice,
  histogram,
  quantile,
  firstOrder,
  glcm,
  shape2d,
  pairwise,
  nearest,
  resize,
  warp,
  forestFit,
  forestPredict,
  gradientNorm,
  optimiserStep,
  dropoutMask,
] as unknown as readonly Op[];
