import { float } from '../../../src/graph/emitter.js';
import { image, op, type Case } from './case.js';

/** Ops that are flat between jumps have gradient 0, so that only what goes past them is left. */
const beside = (name: string, kinks: readonly number[]): Case => ({
  name,
  dims: image,
  kinks,
  build: ({ emit, x }) => emit.mul(x, emit.op(name, [x])),
});
const halves = [-1.5, -0.5, 0.5, 1.5];
const wholes = [-2, -1, 0, 1, 2];

export const pointwise: Case[] = [
  op('Identity', [5]),
  op('Dropout', [5]),
  op('Relu', image, {}, { kinks: [0] }),
  op('LeakyRelu', image, { alpha: float(0.2) }, { kinks: [0] }),
  {
    name: 'PRelu',
    dims: image,
    kinks: [0],
    build: ({ emit, x, constant }) => emit.op('PRelu', [x, constant([3, 1, 1])]),
  },
  {
    name: 'PRelu slope',
    dims: [3, 1, 1],
    build: ({ emit, x, constant }) => emit.op('PRelu', [constant(image), x]),
  },
  op('Elu', image, { alpha: float(0.7) }, { kinks: [0] }),
  op('Selu', image, {}, { kinks: [0] }),
  op('Selu attributes', image, { alpha: float(1.5), gamma: float(0.8) }, { kinks: [0] }),
  op('Celu', image, { alpha: float(0.7) }, { kinks: [0] }),
  op('ThresholdedRelu', image, { alpha: float(0.6) }, { kinks: [0.6] }),
  op('Shrink', image, { lambd: float(0.4), bias: float(0.3) }, { kinks: [-0.4, 0.4] }),
  op('HardSigmoid', image, { alpha: float(0.25) }, { kinks: [-2, 2] }),
  op('HardSwish', image, {}, { kinks: [-3, 3], range: [-4, 4] }),
  op('Sigmoid', image),
  op('Tanh', image),
  op('Softplus', image),
  op('Softplus far out', image, {}, { range: [-60, 60] }),
  op('Softsign', image, {}, { kinks: [0] }),
  op('Mish', image, {}, { opset: 18 }),
  op('Mish far out', image, {}, { opset: 18, range: [-30, 30] }),
  op('Gelu', image, {}, { opset: 20 }),
  op('Gelu tanh', image, { approximate: 'tanh' }, { opset: 20 }),
  op('Swish', image, { alpha: float(1.3) }, { opset: 24 }),
  op('Erf', image),
  op('Exp', image),
  op('Log', image, {}, { range: [0.5, 3] }),
  op('Sqrt', image, {}, { range: [0.5, 3] }),
  op('Reciprocal', image, {}, { range: [0.5, 3] }),
  op('Neg', image),
  op('Abs', image, {}, { kinks: [0] }),
  op('Sin', image),
  op('Cos', image),
  op('Tan', image, {}, { range: [-1.3, 1.3] }),
  op('Asin', image, {}, { range: [-0.9, 0.9] }),
  op('Acos', image, {}, { range: [-0.9, 0.9] }),
  op('Atan', image),
  op('Sinh', image),
  op('Cosh', image),
  op('Asinh', image),
  op('Acosh', image, {}, { range: [1.2, 4] }),
  op('Atanh', image, {}, { range: [-0.9, 0.9] }),
  beside('Floor', wholes),
  beside('Ceil', wholes),
  beside('Round', halves),
  beside('Sign', [0]),
  {
    name: 'Clip',
    dims: image,
    kinks: [0, 1.5],
    build: ({ emit, x }) => emit.op('Clip', [x, emit.scalar(x, 0), emit.scalar(x, 1.5)]),
  },
  {
    name: 'Clip lower bound',
    dims: image,
    kinks: [-1],
    build: ({ emit, x }) => emit.op('Clip', [x, emit.scalar(x, -1)]),
  },
  {
    name: 'Clip upper bound opset 11',
    dims: image,
    opset: 11,
    kinks: [1],
    build: ({ emit, x }) => emit.op('Clip', [x, '', emit.scalar(x, 1)]),
  },
  {
    name: 'Clip bounds that depend on x',
    dims: [1],
    range: [0.4, 0.6],
    build: ({ emit, x, constant }) => {
      const bound = emit.reshape(x, []);
      return emit.op('Clip', [constant([12]), emit.op('Neg', [bound]), bound]);
    },
  },
  op('Clip opset 10', image, { min: float(0), max: float(1.5) }, { kinks: [0, 1.5], opset: 10 }),
];
