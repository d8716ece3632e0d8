import { conv, image, type Case } from './case.js';

type Attributes = Parameters<typeof conv>[3];

/** The same convolution, x as its weights. */
function weights(
  name: string,
  input: readonly number[],
  dims: readonly number[],
  attributes: Attributes,
  op = 'Conv',
): Case {
  return {
    name: `${op} weights ${name}`,
    dims,
    build: ({ emit, x, constant }) => emit.op(op, [constant(input), x], attributes),
  };
}

/** x and then the weights of one transposed convolution. */
function turned(name: string, input: readonly number[], filters: readonly number[], attributes: Attributes): Case[] {
  const test: Case = {
    name: `ConvTranspose ${name}`,
    dims: input,
    build: ({ emit, x, constant }) => emit.op('ConvTranspose', [x, constant(filters)], attributes),
  };
  return [test, weights(name, input, filters, attributes, 'ConvTranspose')];
}

const small = [2, 3, 4, 5];

export const convolution: Case[] = [
  conv('3x3 same', image, [4, 3, 3, 3], { pads: [1, 1, 1, 1] }),
  conv('valid 2x3', image, [4, 3, 2, 3], {}),
  conv('1x1', image, [5, 3, 1, 1], {}),
  conv('1x1 stride 2', image, [5, 3, 1, 1], { strides: [2, 2] }),
  conv('stride 2', image, [4, 3, 3, 3], { pads: [1, 1, 1, 1], strides: [2, 2] }),
  conv('stride 3 leftover', [1, 2, 11, 10], [2, 2, 2, 2], { strides: [3, 3] }),
  conv('stride beyond the kernel', [1, 1, 9, 8], [2, 1, 1, 2], { strides: [4, 3] }),
  conv('asymmetric pads', image, [4, 3, 3, 3], { pads: [0, 2, 1, 0] }),
  conv('asymmetric pads stride 2', image, [4, 3, 3, 3], { pads: [0, 2, 1, 0], strides: [2, 1] }),
  conv('pads beyond the kernel', [1, 1, 4, 4], [2, 1, 2, 2], { pads: [3, 3, 3, 3] }),
  conv('dilated', [1, 3, 9, 9], [4, 3, 3, 3], { dilations: [2, 2], pads: [2, 2, 2, 2] }),
  conv('dilated stride 2', [1, 3, 9, 8], [4, 3, 3, 3], { dilations: [2, 1], strides: [2, 2] }),
  conv('grouped', [2, 4, 6, 6], [6, 2, 3, 3], { group: 2, pads: [1, 1, 1, 1] }),
  conv('grouped stride 2', [2, 4, 6, 6], [6, 2, 3, 3], { group: 2, pads: [1, 1, 1, 1], strides: [2, 2] }),
  conv('depthwise', [1, 4, 5, 5], [4, 1, 3, 3], { group: 4, pads: [1, 1, 1, 1] }),
  conv('depthwise multiplied', [1, 3, 5, 5], [6, 1, 3, 3], { group: 3, pads: [1, 1, 1, 1] }),
  conv('SAME_UPPER stride 2', image, [4, 3, 3, 3], { auto_pad: 'SAME_UPPER', strides: [2, 2] }),
  conv('SAME_LOWER', image, [4, 3, 2, 2], { auto_pad: 'SAME_LOWER' }),
  conv('SAME_LOWER stride 2', image, [4, 3, 3, 3], { auto_pad: 'SAME_LOWER', strides: [2, 2] }),
  conv('VALID', image, [4, 3, 3, 3], { auto_pad: 'VALID' }),
  conv('whole image', image, [4, 3, 7, 6], {}),
  conv('one pixel', [2, 3, 1, 1], [4, 3, 3, 3], { pads: [1, 1, 1, 1] }),
  conv('1-D', [2, 3, 9], [4, 3, 3], { strides: [2], pads: [1, 1] }),
  conv('3-D', [1, 2, 4, 3, 5], [3, 2, 2, 3, 2], { strides: [2, 1, 1], pads: [0, 1, 0, 1, 1, 1] }),

  weights('same', image, [4, 3, 3, 3], { pads: [1, 1, 1, 1] }),
  weights('stride 2', image, [4, 3, 3, 3], { pads: [1, 1, 1, 1], strides: [2, 2] }),
  weights('stride 3 leftover', [1, 2, 11, 10], [2, 2, 2, 2], { strides: [3, 3] }),
  weights('asymmetric pads', image, [4, 3, 3, 3], { pads: [0, 2, 1, 0], strides: [2, 1] }),
  weights('dilated stride 2', [1, 3, 9, 8], [4, 3, 3, 3], { dilations: [2, 1], strides: [2, 2] }),
  weights('grouped', [2, 4, 6, 6], [6, 2, 3, 3], { group: 2, pads: [1, 1, 1, 1], strides: [2, 2] }),
  weights('depthwise', [1, 4, 5, 5], [4, 1, 3, 3], { group: 4, pads: [1, 1, 1, 1] }),
  weights('SAME_UPPER', image, [4, 3, 3, 3], { auto_pad: 'SAME_UPPER', strides: [2, 2] }),
  weights('1-D', [2, 3, 9], [4, 3, 3], { strides: [2], pads: [1, 1] }),
  {
    name: 'Conv bias',
    dims: [4],
    build: ({ emit, x, constant }) => emit.op('Conv', [constant(image), constant([4, 3, 3, 3]), x]),
  },
  {
    name: 'Conv weights from x too',
    dims: [1, 2, 3, 3],
    build: ({ emit, x }) => emit.op('Conv', [x, x], { pads: [1, 1, 1, 1] }),
  },
  {
    name: 'Conv weights computed, stride 1',
    dims: [1, 2, 4, 4],
    build: ({ emit, x, constant }) =>
      emit.op('Conv', [x, emit.op('Tanh', [emit.add(emit.reduceSum(x, [0, 2, 3], true), constant([3, 2, 2, 2]))])]),
  },

  ...turned('plain', small, [3, 2, 3, 2], {}),
  ...turned('stride 2', small, [3, 2, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }),
  ...turned('stride 2 output_padding', small, [3, 2, 3, 3], {
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    output_padding: [1, 1],
  }),
  ...turned('output_padding beyond pads', small, [3, 2, 2, 2], { strides: [3, 3], output_padding: [2, 1] }),
  ...turned('asymmetric pads', small, [3, 2, 3, 3], { strides: [2, 1], pads: [0, 2, 1, 0] }),
  ...turned('dilated', small, [3, 2, 3, 2], { dilations: [2, 3], strides: [1, 2], pads: [1, 0, 2, 1] }),
  ...turned('grouped', [2, 4, 4, 3], [4, 3, 3, 3], { group: 2, strides: [2, 2], pads: [1, 1, 1, 1] }),
  ...turned('depthwise', [1, 4, 4, 3], [4, 1, 2, 2], { group: 4, strides: [2, 2] }),
  ...turned('SAME_UPPER', small, [3, 2, 3, 3], { auto_pad: 'SAME_UPPER', strides: [2, 2] }),
  ...turned('SAME_LOWER', small, [3, 2, 3, 3], { auto_pad: 'SAME_LOWER', strides: [2, 2] }),
  ...turned('VALID', small, [3, 2, 3, 3], { auto_pad: 'VALID', strides: [2, 2] }),
  ...turned('output_shape', small, [3, 2, 3, 3], { output_shape: [8, 10], strides: [2, 2] }),
  ...turned('1-D', [2, 3, 5], [3, 2, 4], { strides: [2], pads: [1, 1] }),
  {
    name: 'ConvTranspose bias',
    dims: [2],
    build: ({ emit, x, constant }) => emit.op('ConvTranspose', [constant(small), constant([3, 2, 2, 2]), x]),
  },
];
