import { float } from '../../../src/graph/emitter.js';
import { image, type Case } from './case.js';

export const normalisation: Case[] = [
  {
    name: 'BatchNormalization',
    dims: image,
    build: ({ emit, x, constant }) =>
      emit.op('BatchNormalization', [x, constant([3]), constant([3]), constant([3]), constant([3], [0.5, 1, 2])], {
        epsilon: float(1e-3),
      }),
  },
  {
    name: 'LayerNormalization',
    dims: [2, 3, 8],
    build: ({ emit, x, constant }) => emit.op('LayerNormalization', [x, constant([8]), constant([8])], { axis: -1 }),
  },
  {
    name: 'InstanceNormalization',
    dims: image,
    build: ({ emit, x, constant }) => emit.op('InstanceNormalization', [x, constant([3]), constant([3])]),
  },
  {
    name: 'GroupNormalization',
    dims: [2, 4, 3, 3],
    opset: 21,
    build: ({ emit, x, constant }) =>
      emit.op('GroupNormalization', [x, constant([4]), constant([4])], { num_groups: 2 }),
  },
];
