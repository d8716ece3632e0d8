import { i64 } from '../../../src/graph/constant.js';
import { op, type Case } from './case.js';

export const shaping: Case[] = [
  {
    name: 'Reshape',
    dims: [2, 6],
    build: ({ emit, x, constant }) => emit.mul(emit.reshape(x, [3, 4]), constant([3, 4])),
  },
  op('Flatten', [2, 3, 4], { axis: 1 }),
  {
    name: 'Squeeze',
    dims: [2, 1, 3],
    build: ({ emit, x, constant }) => emit.mul(emit.op('Squeeze', [x, emit.ints([1])]), constant([2, 3])),
  },
  {
    name: 'Unsqueeze',
    dims: [2, 3],
    build: ({ emit, x, constant }) => emit.mul(emit.op('Unsqueeze', [x, emit.ints([0])]), constant([2, 2, 3])),
  },
  op('Transpose', [2, 3, 4], { perm: [2, 0, 1] }),
  {
    name: 'Expand',
    dims: [3, 1],
    build: ({ emit, x, constant }) => emit.mul(emit.op('Expand', [x, emit.ints([2, 3, 4])]), constant([2, 3, 4])),
  },
  {
    name: 'Concat',
    dims: [2, 3],
    build: ({ emit, x, constant }) => emit.op('Concat', [x, constant([2, 2]), emit.mul(x, x)], { axis: 1 }),
  },
  {
    name: 'Split',
    dims: [2, 5],
    build: ({ emit, x }) => {
      const [a, , c] = emit.ops('Split', [x, emit.ints([2, 1, 2])], { axis: 1 }, ['a', 'b', 'c']);
      return emit.mul(a, c);
    },
  },
  { name: 'Slice', dims: [4, 5], build: ({ emit, x }) => emit.slice(x, [1, 0], [1, -2], [-1, 1000]) },
  { name: 'Slice opset 9', dims: [4, 5], opset: 9, build: ({ emit, x }) => emit.slice(x, [1], [1], [3]) },
  {
    name: 'Pad',
    dims: [2, 3],
    build: ({ emit, x, constant }) => emit.mul(emit.pad(x, [1, 0, 0, 2], 3), constant([3, 5])),
  },
  {
    name: 'Gather',
    dims: [2, 4, 3],
    build: ({ emit, x, constant }) =>
      emit.mul(emit.op('Gather', [x, emit.constant(i64([], [-2]))], { axis: 1 }), constant([2, 3])),
  },
  {
    name: 'Gather repeated positions',
    dims: [2, 4, 3],
    build: ({ emit, x, constant }) =>
      emit.mul(emit.op('Gather', [x, emit.constant(i64([2, 2], [3, 0, -1, 2]))], { axis: 1 }), constant([2, 2, 2, 3])),
  },
  { name: 'Cast', dims: [4], build: ({ emit, x }) => emit.cast(emit.cast(x, 'f64'), 'f32') },
  { name: 'CastLike', dims: [4], build: ({ emit, x, constant }) => emit.op('CastLike', [x, constant([1])]) },
];
