import { image, op, type Case } from './case.js';

export const reduction: Case[] = [
  op('ReduceMean', image, { axes: [2, 3], keepdims: 0 }),
  {
    name: 'ReduceMean opset 18',
    dims: image,
    opset: 18,
    build: ({ emit, x }) => emit.op('ReduceMean', [x, emit.ints([-1, -2])], { keepdims: 1 }),
  },
  {
    name: 'ReduceSum',
    dims: image,
    build: ({ emit, x }) => emit.mul(emit.reduceSum(x, [0, 2], false), emit.reduceSum(x, [0, 2], false)),
  },
  op('ReduceMax', [2, 3, 4], { axes: [0, 2], keepdims: 0 }, { spaced: 0.02 }),
  op('ReduceMin', [2, 3, 4], { axes: [1], keepdims: 1 }, { spaced: 0.02 }),
  op('ReduceL2', [2, 3, 4], { axes: [1, 2] }),
  op('ReduceSumSquare', [2, 3, 4], { axes: [1] }),
  op('Softmax', [2, 5], { axis: -1 }),
  op('Softmax middle axis', [2, 5, 3], { axis: 1 }),
  op('Softmax opset 11 flattens', [2, 3, 2], { axis: 1 }, { opset: 11 }),
  op('LogSoftmax', [2, 5], { axis: 1 }),
];
