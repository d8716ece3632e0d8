import { i64 } from '../../../src/graph/constant.js';
import { image, type Case } from './case.js';

/** A case of an op with two inputs, x once on either side. */
function sides(name: string, more: Partial<Case> = {}, attributes: Record<string, number> = {}): Case[] {
  const range = [0.5, 2] as const;
  const values = [0.7, 1.9, 1.2, 0.6, 1.4, 0.9, 1.1, 1.7, 0.8, 1.3, 1.6, 1.5];
  return [
    {
      name: `${name} left, spread`,
      dims: [3, 1],
      range,
      build: ({ emit, x, constant }) => emit.op(name, [x, constant([4, 3, 1], values)], attributes),
      ...more,
    },
    {
      name: `${name} right, spread`,
      dims: [4, 1, 1],
      range,
      build: ({ emit, x, constant }) => emit.op(name, [constant([3, 4], values), x], attributes),
      ...more,
    },
  ];
}

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
  ...['Add', 'Sub', 'Mul', 'Div', 'Pow'].flatMap((name) => sides(name)),
  ...['Add', 'Sub', 'Mul', 'Div'].flatMap((name) => sides(name, { opset: 9 })).map(renamed('opset 9')),
  { name: 'Sub right', dims: [1, 4], build: ({ emit, x, constant }) => emit.mul(emit.sub(constant([3, 4]), x), x) },
  {
    name: 'Div both',
    dims: [4],
    range: [0.5, 2],
    build: ({ emit, x, constant }) => emit.div(emit.add(x, constant([4])), emit.mul(x, x)),
  },
  { name: 'Pow square', dims: [4], build: ({ emit, x }) => emit.op('Pow', [x, emit.scalar(x, 2)]) },
  { name: 'Pow cube of both signs', dims: [6], build: ({ emit, x }) => emit.op('Pow', [x, emit.scalar(x, 3)]) },
  {
    name: 'Pow integer exponent',
    dims: [6],
    build: ({ emit, x }) => emit.op('Pow', [x, emit.constant(i64([], [3]))]),
  },
  {
    name: 'Pow cube root',
    dims: [4],
    range: [0.5, 2],
    build: ({ emit, x }) => emit.op('Pow', [x, emit.scalar(x, 1 / 3)]),
  },
  { name: 'Pow both', dims: [4], range: [0.5, 2], build: ({ emit, x }) => emit.op('Pow', [x, x]) },
  {
    name: 'Mod fmod',
    dims: [3, 4],
    kinks: [-1.5, -0.75, 0, 0.75, 1.5],
    build: ({ emit, x }) => emit.mul(emit.op('Mod', [x, emit.scalar(x, 0.75)], { fmod: 1 }), x),
  },
  { name: 'Min', dims: [4], spaced: 0.1, build: ({ emit, x }) => emit.op('Min', [emit.mul(x, x), x]), kinks: [0, 1] },
  { name: 'Max', dims: [4], spaced: 0.1, build: ({ emit, x }) => emit.op('Max', [emit.mul(x, x), x]), kinks: [0, 1] },
  {
    name: 'Max of three, spread',
    dims: [5, 1],
    build: ({ emit, x, constant }) => emit.op('Max', [constant([7]), x, constant([5, 7])]),
  },
  {
    name: 'Min of three, spread',
    dims: [7],
    build: ({ emit, x, constant }) => emit.op('Min', [constant([7]), constant([5, 1]), x]),
  },
  {
    name: 'Max opset 9',
    dims: [5, 1],
    opset: 9,
    build: ({ emit, x, constant }) => emit.op('Max', [constant([5, 7]), x]),
  },
  {
    name: 'Max opset 7, spread by the emitter',
    dims: [5, 1],
    opset: 7,
    build: ({ emit, x, constant }) => emit.op('Min', [emit.op('Max', [constant([5, 7]), x]), constant([1, 7])]),
  },
  {
    name: 'Expand opset 7, spread by the emitter',
    dims: [5, 1],
    opset: 7,
    build: ({ emit, x }) => emit.op('Expand', [emit.mul(x, x), emit.ints([2, 5, 3])]),
  },
  {
    name: 'Where',
    dims: [4],
    kinks: [0],
    build: ({ emit, x }) =>
      emit.op('Where', [emit.op('Greater', [x, emit.scalar(x, 0)]), emit.mul(x, x), emit.op('Neg', [x])]),
  },
  {
    name: 'Where spread',
    dims: [4, 1],
    kinks: [0],
    build: ({ emit, x, constant }) =>
      emit.op('Where', [emit.op('Greater', [constant([3]), emit.scalar(x, 0)]), x, emit.op('Sin', [x])]),
  },
];

function renamed(what: string): (test: Case) => Case {
  return (test) => ({ ...test, name: `${test.name} ${what}` });
}
