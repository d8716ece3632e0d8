import { arithmetic } from './arithmetic.js';
import { convolution } from './convolution.js';
import { gathering } from './gathering.js';
import { linear } from './linear.js';
import { normalisation } from './normalisation.js';
import { pointwise } from './pointwise.js';
import { pooling } from './pooling.js';
import { reduction } from './reduction.js';
import { resizing } from './resizing.js';
import { shaping } from './shaping.js';
import type { Case } from './case.js';

/** Every op with a gradient rule, at least once. */
export const cases: Case[] = [
  ...arithmetic,
  ...convolution,
  ...gathering,
  ...linear,
  ...normalisation,
  ...pointwise,
  ...pooling,
  ...reduction,
  ...resizing,
  ...shaping,
];
