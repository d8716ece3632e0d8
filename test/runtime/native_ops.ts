import { float, type AttributeValue } from '../../src/graph/emitter.js';
import type { Draft } from './native_graph.js';

export interface OpCase {
  name: string;
  build: (draft: Draft) => void;
  opset?: number;
}

const image = [2, 3, 7, 5];

/** An op of one input of these dims. */
function unary(
  op: string,
  dims: readonly number[] = image,
  attributes: Record<string, AttributeValue> = {},
  opset?: number,
): OpCase {
  return {
    name: `${op} ${JSON.stringify(attributes)} of [${dims.join()}]${opset ? `, operator set ${opset}` : ''}`,
    build: ({ emit, input, output }) => output(emit.op(op, [input('x', dims)], attributes)),
    opset,
  };
}

/** An op of inputs of these dims. */
function broadcast(op: string, ...shapes: (readonly number[])[]): OpCase {
  return {
    name: `${op} of ${shapes.map((dims) => `[${dims.join()}]`).join(' and ')}`,
    build: ({ emit, input, output }) =>
      output(
        emit.op(
          op,
          shapes.map((dims, i) => input(`x${i}`, dims)),
        ),
      ),
  };
}

/** The logarithm and the like: of positive values. */
function ofPositive(op: string): OpCase {
  return {
    name: `${op} of positive values`,
    build: ({ emit, input, output }) => output(emit.op(op, [emit.op('Exp', [input('x', image)])])),
  };
}

function withInts(
  op: string,
  dims: readonly number[],
  ints: readonly (readonly number[])[],
  attributes: Record<string, AttributeValue> = {},
): OpCase {
  return {
    name: `${op} ${JSON.stringify(ints)} ${JSON.stringify(attributes)} of [${dims.join()}]`,
    build: ({ emit, input, output }) =>
      output(emit.op(op, [input('x', dims), ...ints.map((list) => emit.ints(list))], attributes)),
  };
}

/** Values where elementary functions change: infinities, NaN, subnormal results, both zeros. */
const corners = [
  0,
  -0,
  1e-30,
  -1e-30,
  0.5,
  -0.7,
  3,
  -3,
  20,
  -20,
  87,
  -87,
  88.6,
  -95,
  -103,
  100,
  -200,
  Infinity,
  -Infinity,
  NaN,
  1e-5,
  -1e-3,
];

function atCorners(op: string): OpCase {
  return {
    name: `${op} at its corners`,
    build: ({ emit, constant, input, output }) => {
      // Added to zeros, so that it is no constant.
      const zeros = emit.mul(input('x', [corners.length]), constant([1], [0]));
      output(emit.op(op, [emit.add(zeros, constant([corners.length], corners))]));
    },
  };
}

const activations = ['Relu', 'LeakyRelu', 'Sigmoid', 'HardSigmoid', 'HardSwish', 'Tanh', 'Erf', 'Softplus', 'Elu'];
const pairs: [readonly number[], readonly number[]][] = [
  [image, image],
  [image, []],
  [[], image],
  [image, [3, 1, 1]],
  [image, [1, 3, 1, 1]],
  [image, [5]],
  [image, [7, 1]],
  [
    [2, 1, 7, 1],
    [3, 1, 5],
  ],
  [[1], [1]],
  [[0, 3], [3]],
  [
    [40, 70, 33],
    [70, 1],
  ],
];
const comparisons = ['Greater', 'Less', 'Equal', 'GreaterOrEqual', 'LessOrEqual'];
const reductions = ['ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceSumSquare', 'ReduceL1', 'ReduceL2'];

export const opCases: OpCase[] = [
  ...['Abs', 'Neg', 'Sign', 'Exp', 'Reciprocal', 'Floor', 'Ceil', ...activations].map((op) => unary(op)),
  ...['Exp', 'Sigmoid', 'Tanh', 'Relu', 'Abs', 'Erf'].map(atCorners),
  unary('Relu', [0, 3]),
  unary('Exp', []),
  unary('Tanh', [50_003]),
  unary('LeakyRelu', image, { alpha: float(0.3) }),
  unary('Elu', image, { alpha: float(0.7) }),
  unary('HardSigmoid', image, { alpha: float(0.3), beta: float(0.4) }),
  unary('Gelu', image, {}, 20),
  unary('Gelu', image, { approximate: 'tanh' }, 20),
  ...['Log', 'Sqrt'].map(ofPositive),
  ...['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min'].flatMap((op) => pairs.map(([a, b]) => broadcast(op, a, b))),
  ...['Max', 'Min', 'Sum', 'Mean'].flatMap((op) => [
    broadcast(op, image),
    broadcast(op, [5], image, [7, 1], [3, 1, 1]),
  ]),
  ...[2, 1, 0.5, 3, -1.5].map((power) => ({
    name: `Pow ${power}`,
    build: ({ emit, input, output, constant }: Draft) =>
      output(emit.op('Pow', [emit.op('Exp', [input('x', image)]), constant([], [power])])),
  })),
  {
    name: 'Pow of two tensors',
    build: ({ emit, input, output }) => output(emit.op('Pow', [emit.op('Exp', [input('x', image)]), input('y', [5])])),
  },
  ...(['i32', 'i64'] as const).flatMap((type) =>
    ['Add', 'Sub', 'Mul', 'Max', 'Min', ...comparisons].map((op) => ({
      name: `${op} of ${type}`,
      build: ({ emit, input, output }: Draft) =>
        output(emit.op(op, [input('x', image, type), input('y', [7, 1], type)])),
    })),
  ),
  ...comparisons.map((op) => ({
    name: `${op} of floats, equal ones among them`,
    build: ({ emit, input, output }: Draft) =>
      output(emit.op(op, [emit.op('Floor', [input('x', image)]), emit.op('Floor', [input('y', [3, 1, 5])])])),
  })),
  ...['And', 'Or', 'Xor'].map((op) => ({
    name: op,
    build: ({ emit, input, output }: Draft) =>
      output(emit.op(op, [input('x', image, 'bool'), input('y', [7, 1], 'bool')])),
  })),
  { name: 'Not', build: ({ emit, input, output }) => output(emit.op('Not', [input('x', image, 'bool')])) },
  {
    name: 'Where',
    build: ({ emit, input, output }) =>
      output(emit.op('Where', [input('c', [3, 1, 5], 'bool'), input('a', image), input('b', [1])])),
  },
  ...(['f32', 'i32', 'i64', 'bool'] as const)
    .flatMap((from) =>
      [1, 6, 7, 9, 2].map((to) => ({
        name: `Cast from ${from} to type ${to}`,
        build: ({ emit, input, output }: Draft) => {
          const x = input('x', image, from);
          // Negative numbers have no bytes.
          output(emit.op('Cast', [to === 2 && from === 'f32' ? emit.op('Abs', [x]) : x], { to }));
        },
      })),
    )
    .filter(({ name }) => !/i\d\d to type 2/.test(name)),
  {
    name: 'Clip by constants',
    build: ({ emit, input, output, constant }) => {
      const x = input('x', image);
      output(emit.op('Clip', [x, constant([], [-0.5]), constant([], [0.7])]));
      output(emit.op('Clip', [x, '', constant([], [0.1])]));
      output(emit.op('Clip', [x, constant([], [0.1])]));
    },
  },
  {
    name: 'Clip by computed bounds',
    build: ({ emit, input, output }) =>
      output(emit.op('Clip', [input('x', image), emit.op('Neg', [emit.op('Abs', [input('low', [])])]), ''])),
  },
  ...[[0], [1], [3], [-1, 0], [2, 3], [0, 2, 3], [1, 2], [0, 1, 2, 3]].flatMap((axes) => [
    withInts('ReduceSum', image, [axes]),
    withInts('ReduceSum', [4, 6, 10, 300], [axes], { keepdims: 0 }),
    ...reductions.map((op) => unary(op, image, { axes, keepdims: 0 })),
  ]),
  unary('ReduceMean', image),
  unary('ReduceMax', [1, 1], { axes: [1] }),
  withInts('ReduceSum', [0, 3], [[0]]),
  ...['Softmax', 'LogSoftmax'].flatMap((op) => [
    unary(op, [4, 9]),
    unary(op, [2, 5, 9, 11], { axis: 1 }),
    unary(op, [2, 5, 3], { axis: 0 }),
    unary(op, [2, 5, 3], {}, 11),
    unary(op, [3, 1]),
  ]),
  ...['ArgMax', 'ArgMin'].flatMap((op) => [
    unary(op, image, { axis: 1 }),
    unary(op, image, { axis: -1, keepdims: 0 }),
    {
      name: `${op} among equals`,
      build: ({ emit, input, output }: Draft) => {
        const x = emit.op('Sign', [input('x', [3, 8])]);
        output(emit.op(op, [x], { axis: 1 }));
        output(emit.op(op, [x], { axis: 1, select_last_index: 1 }));
      },
    },
  ]),
  ...[
    [3, 2, 1, 0],
    [0, 2, 3, 1],
    [0, 3, 1, 2],
    [1, 0, 2, 3],
    [0, 1, 3, 2],
  ].flatMap((perm) => [unary('Transpose', image, { perm }), unary('Transpose', [3, 17, 40, 33], { perm })]),
  unary('Transpose', [4, 5]),
  unary('Transpose', [1, 5, 1], { perm: [2, 0, 1] }),
  {
    name: 'Transpose of i64 and booleans',
    build: ({ emit, input, output }) => {
      output(emit.op('Transpose', [input('x', [3, 20], 'i64')], { perm: [1, 0] }));
      output(emit.op('Transpose', [input('y', [3, 20], 'bool')], { perm: [1, 0] }));
    },
  },
  ...[0, 1, -1].map((axis) => ({
    name: `Concat along ${axis}, an empty part and one part twice`,
    build: ({ emit, input, output }: Draft) => {
      const dims = (size: number) => [2, 3, 4].map((dim, i) => (i === (axis + 3) % 3 ? size : dim));
      const x = input('x', dims(3));
      output(emit.op('Concat', [x, input('y', dims(0)), input('z', dims(5)), x], { axis }));
    },
  })),
  withInts('Slice', image, [
    [1, 2],
    [7, -1],
    [2, 3],
  ]),
  withInts('Slice', image, [
    [0, 0],
    [3, 99],
    [1, 2],
    [2, 3],
  ]),
  withInts('Slice', image, [
    [-1, 4],
    [-99, 0],
    [2, 3],
    [-2, -1],
  ]),
  withInts('Slice', image, [[5], [2], [2]]),
  {
    name: 'Split',
    build: ({ emit, input, output }) => {
      const x = input('x', image);
      const parts = emit.ops('Split', [x, emit.ints([2, 1, 4])], { axis: 2 }, ['a', 'b', 'c']);
      for (const part of parts) output(part);
      // The second output is nobody's.
      output(emit.ops('Split', [x, emit.ints([1, 1])], { axis: 0 }, ['d', 'e'])[0]);
    },
  },
  withInts('Pad', image, [[0, 0, 1, 2, 0, 0, 3, 0]]),
  withInts('Pad', image, [[0, 0, -1, 2, 0, 1, 3, -2]]),
  {
    name: 'Pad with a value',
    build: ({ emit, input, output, constant }) =>
      output(emit.op('Pad', [input('x', [3, 4]), emit.ints([1, 0, 0, 2]), constant([], [-1.5])])),
  },
  withInts('Expand', [3, 1, 5], [[2, 3, 7, 5]]),
  withInts('Expand', [3, 1], [[1, 4]]),
  withInts('Expand', [], [[2, 2]]),
  withInts('Tile', [2, 3], [[3, 2]]),
  ...[0, 1, -1].map((axis) => ({
    name: `Gather along ${axis}`,
    build: ({ emit, input, output }: Draft) => {
      const x = input('x', [4, 4, 4]);
      output(emit.op('Gather', [x, emit.ints([1, -1, 3])], { axis }));
      output(emit.op('Gather', [x, emit.op('ArgMax', [input('y', [2, 3, 4])], { axis: 2, keepdims: 0 })], { axis }));
    },
  })),
];
