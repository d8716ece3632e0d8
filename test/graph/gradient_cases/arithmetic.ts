import { image, type Case } from './case.js';

export const arithmetic: Case[] = [
  { name: 'Mul SiLU', dims: image, build: ({ emit, x }) => emit.mul(x, emit.op('Sigmoid', [x])) },
  {
    name: 'Add broadcast',
    dims: [3, 1],
    build: ({ emit, x, constant }) => emit.mul(emit.add(x, constant([2, 3, 4])), constant([4])),
  },
  { name: 'Add residual', dims: image, build: ({ emit, x }) => emit.mul(emit.add(x, emit.op('Tanh', [x])), x) },
  { name: 'Sum', dims: [2, 3], build: ({ emit, x, constant }) => emit.op('Sum', [x, emit.mul(x, x), constant([3])]) },
  { name: 'Mean', dims: [2, 3], build: ({ emit, x, constant }) => emit.op('Mean', [x, emit.mul(x, x), constant([3])]) },
  { name: 'Sub right', dims: [1, 4], build: ({ emit, x, constant }) => emit.mul(emit.sub(constant([3, 4]), x), x) },
  {
    name: 'Div both',
    dims: [4],
    range: [0.5, 2],
    build: ({ emit, x, constant }) => emit.div(emit.add(x, constant([4])), emit.mul(x, x)),
  },
  { name: 'Pow square', dims: [4], build: ({ emit, x }) => emit.op('Pow', [x, emit.scalar(x, 2)]) },
  {
    name: 'Pow cube root',
    dims: [4],
    range: [0.5, 2],
    build: ({ emit, x }) => emit.op('Pow', [x, emit.scalar(x, 1 / 3)]),
  },
  { name: 'Min', dims: [4], spaced: 0.1, build: ({ emit, x }) => emit.op('Min', [emit.mul(x, x), x]), kinks: [0, 1] },
  { name: 'Max', dims: [4], spaced: 0.1, build: ({ emit, x }) => emit.op('Max', [emit.mul(x, x), x]), kinks: [0, 1] },
  {
    name: 'Where',
    dims: [4],
    kinks: [0],
    build: ({ emit, x }) =>
      emit.op('Where', [emit.op('Greater', [x, emit.scalar(x, 0)]), emit.mul(x, x), emit.op('Neg', [x])]),
  },
];
