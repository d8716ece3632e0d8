import { image, kernel3, op, type Case } from './case.js';

export const pooling: Case[] = [
  op('MaxPool 2x2', [2, 2, 6, 6], { kernel_shape: [2, 2], strides: [2, 2] }, { spaced: 0.02 }),
  op('MaxPool odd size', [1, 2, 7, 5], { kernel_shape: [2, 2], strides: [2, 2] }, { spaced: 0.02 }),
  op('MaxPool ceil', [1, 2, 7, 5], { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 }, { spaced: 0.02 }),
  op('MaxPool overlapping', [1, 2, 7, 6], { ...kernel3, strides: [2, 2], pads: [1, 1, 1, 1] }, { spaced: 0.02 }),
  op('MaxPool stride 1', [1, 1, 5, 5], { ...kernel3, pads: [1, 1, 1, 1] }, { spaced: 0.02 }),
  op('MaxPool SAME_UPPER', [1, 2, 6, 6], { ...kernel3, strides: [2, 2], auto_pad: 'SAME_UPPER' }, { spaced: 0.02 }),
  op('AveragePool 2x2', image, { kernel_shape: [2, 2], strides: [2, 2] }),
  op('AveragePool padded', image, { ...kernel3, pads: [1, 1, 1, 1] }),
  op('AveragePool counting pads', image, { ...kernel3, pads: [1, 1, 1, 1], count_include_pad: 1, strides: [2, 2] }),
  op('AveragePool ceil', [1, 2, 7, 6], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
  op('AveragePool whole', [2, 3, 4, 4], { kernel_shape: [4, 4] }),
  op('AveragePool 1x1', image, { kernel_shape: [1, 1] }),
  op('GlobalAveragePool', image),
  op('GlobalMaxPool', [2, 2, 4, 3], {}, { spaced: 0.02 }),
];
