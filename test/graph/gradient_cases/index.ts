import { arithmetic } from './arithmetic.js';
import { convolution } from './convolution.js';
import { linear } from './linear.js';
import { normalisation } from './normalisation.js';
import { pointwise } from './pointwise.js';
import { pooling } from './pooling.js';
import { reduction } from './reduction.js';
import { shaping } from './shaping.js';
import type { Case } from './case.js';

/** Every op with a gradient rule, at least once. */
export const cases: Case[] = [
  ...arithmetic,
  ...convolution,
  ...linear,
  ...normalisation,
  ...pointwise,
  ...pooling,
  ...reduction,
  ...shaping,
];
