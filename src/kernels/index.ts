import type { Op } from '../backend/op.js';
import { dice } from './dice.js';
import { gradcam } from './gradcam.js';
import { histogram } from './histogram.js';
import { nearest } from './nearest.js';
import { pairwise } from './pairwise.js';
import { resize } from './resize.js';

/** Every kernel, for the tests, the bench and `doctor`. */
export const kernels = [gradcam, dice, histogram, pairwise, nearest, resize] as unknown as readonly Op[];
