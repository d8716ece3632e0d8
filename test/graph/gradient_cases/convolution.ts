import { conv, image, type Case } from './case.js';

export const convolution: Case[] = [
  conv('3x3 same', image, [4, 3, 3, 3], { pads: [1, 1, 1, 1] }),
  conv('valid 2x3', image, [4, 3, 2, 3], {}),
  conv('1x1', image, [5, 3, 1, 1], {}),
  conv('stride 2', image, [4, 3, 3, 3], { pads: [1, 1, 1, 1], strides: [2, 2] }),
  conv('stride 3 leftover', [1, 2, 11, 10], [2, 2, 2, 2], { strides: [3, 3] }),
  conv('asymmetric pads', image, [4, 3, 3, 3], { pads: [0, 2, 1, 0] }),
  conv('asymmetric pads stride 2', image, [4, 3, 3, 3], { pads: [0, 2, 1, 0], strides: [2, 1] }),
  conv('pads beyond the kernel', [1, 1, 4, 4], [2, 1, 2, 2], { pads: [3, 3, 3, 3] }),
  conv('dilated', [1, 3, 9, 9], [4, 3, 3, 3], { dilations: [2, 2], pads: [2, 2, 2, 2] }),
  conv('dilated stride 2', [1, 3, 9, 8], [4, 3, 3, 3], { dilations: [2, 1], strides: [2, 2] }),
  conv('grouped', [2, 4, 6, 6], [6, 2, 3, 3], { group: 2, pads: [1, 1, 1, 1] }),
  conv('grouped stride 2', [2, 4, 6, 6], [6, 2, 3, 3], { group: 2, pads: [1, 1, 1, 1], strides: [2, 2] }),
  conv('depthwise', [1, 4, 5, 5], [4, 1, 3, 3], { group: 4, pads: [1, 1, 1, 1] }),
  conv('SAME_UPPER stride 2', image, [4, 3, 3, 3], { auto_pad: 'SAME_UPPER', strides: [2, 2] }),
  conv('SAME_LOWER', image, [4, 3, 2, 2], { auto_pad: 'SAME_LOWER' }),
  conv('1-D', [2, 3, 9], [4, 3, 3], { strides: [2], pads: [1, 1] }),
];
