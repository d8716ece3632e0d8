import type { Op } from '../node_run.js';
import { arithmetic } from './arithmetic.js';
import { convolution } from './convolution.js';
import { gathering } from './gathering.js';
import { joining } from './joining.js';
import { linear } from './linear.js';
import { normalisation } from './normalisation.js';
import { pointwise } from './pointwise.js';
import { pooling } from './pooling.js';
import { quantisation } from './quantisation.js';
import { reduction } from './reduction.js';
import { reshaping } from './reshaping.js';
import { resizing } from './resizing.js';
import { shaping } from './shaping.js';
import { slicing } from './slicing.js';
import { softmax } from './softmax.js';

/** Every ONNX op that TensorFlow.js runs: one entry per op name, from one file per family. */
export const ops = new Map<string, Op>(
  [
    arithmetic,
    convolution,
    gathering,
    joining,
    linear,
    normalisation,
    pointwise,
    pooling,
    quantisation,
    reduction,
    reshaping,
    resizing,
    shaping,
    slicing,
    softmax,
  ].flatMap((family) => Object.entries(family)),
);
