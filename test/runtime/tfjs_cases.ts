import { constantOf } from '../../src/graph/constant.js';
import { GraphBuilder } from '../../src/models/builder.js';
import type { Graph } from '../../src/graph/ir.js';

/** A graph of one op on x f32[dims], for ops and variants that no gradient passes. */
export interface ForwardCase {
  name: string;
  dims: readonly number[];
  graph: Graph;
}

interface Build {
  b: GraphBuilder;
  x: string;
  ints(...values: number[]): string;
  floats(values: readonly number[], dims?: readonly number[]): string;
  /** x > 0 */
  positive: string;
}

function forward(
  name: string,
  dims: readonly number[],
  build: (build: Build) => string | string[],
  opset = 17,
): ForwardCase {
  const b = new GraphBuilder('case');
  b.graph.opsets.set('', opset);
  const x = b.input('x', dims);
  const ints = (...values: number[]) => b.constant(constantOf('i64', [values.length], values));
  const floats = (values: readonly number[], shape: readonly number[] = [values.length]) =>
    b.constant(constantOf('f32', shape, values));
  const positive = b.op('Greater', [x, floats([0], [])]);
  const outputs = [build({ b, x, ints, floats, positive })].flat();
  outputs.forEach((value, i) => {
    // As numbers, whatever the op gives.
    b.op('Cast', [value], { to: 1 }, `y${i}`);
    b.graph.outputs.push({ name: `y${i}`, type: 'f32' });
  });
  return { name, dims, graph: b.graph };
}

const logic = (op: string): ForwardCase =>
  forward(op, [2, 3, 4], ({ b, x, floats, positive }) => b.op(op, [positive, b.op('Less', [x, floats([1], [])])]));

const comparing = (op: string, integers: boolean): ForwardCase =>
  forward(`${op}${integers ? ' integers' : ''}`, [2, 3], ({ b, x, floats }) => {
    const rounded = b.op('Round', [x]);
    const other = floats([0, 1, -1]);
    if (!integers) return b.op(op, [rounded, other]);
    return b.op(op, [b.op('Cast', [rounded], { to: 7 }), b.op('Cast', [other], { to: 7 })]);
  });

/** One op with several outputs. */
function outputs(
  b: GraphBuilder,
  op: string,
  inputs: string[],
  attributes: Parameters<GraphBuilder['op']>[2],
  n: number,
) {
  const first = b.op(op, inputs, attributes);
  const node = b.graph.nodes[b.graph.nodes.length - 1];
  for (let i = 1; i < n; i++) node.outputs.push(`${first}.${i}`);
  return node.outputs;
}

const pixels = [2, 3, 6, 5];
const same = { pads: [1, 1, 1, 1], kernel_shape: [3, 3] };

export const forwardCases: ForwardCase[] = [
  ...['And', 'Or', 'Xor'].map(logic),
  forward('Not', [2, 3], ({ b, positive }) => b.op('Not', [positive])),
  ...['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'].flatMap((op) => [
    comparing(op, false),
    comparing(op, true),
  ]),
  forward('Equal booleans', [5], ({ b, x, positive, floats }) =>
    b.op('Equal', [positive, b.op('Greater', [x, floats([1], [])])]),
  ),
  forward('IsNaN', [4], ({ b, x }) => b.op('IsNaN', [b.op('Sqrt', [x])])),
  forward('Atan', [4], ({ b, x }) => b.op('Atan', [x])),
  forward('Tan', [4], ({ b, x }) => b.op('Tan', [x])),
  forward('Hardmax', [2, 5], ({ b, x }) => b.op('Hardmax', [x], { axis: 1 })),
  forward('ArgMax', [2, 5, 3], ({ b, x }) => b.op('ArgMax', [x], { axis: 1, keepdims: 0 })),
  forward('ArgMin', [2, 5, 3], ({ b, x }) => b.op('ArgMin', [x], { axis: -1 })),
  forward('ArgMax last index of ties', [2, 5], ({ b, positive }) =>
    b.op('ArgMax', [b.op('Cast', [positive], { to: 1 })], { axis: 1, select_last_index: 1 }),
  ),
  forward('ArgMax after a convolution', pixels, ({ b, x, floats }) =>
    b.op(
      'ArgMax',
      [
        b.op('Conv', [
          x,
          floats(
            new Array(12).fill(0).map((_, i) => i - 5),
            [4, 3, 1, 1],
          ),
        ]),
      ],
      { axis: 1 },
    ),
  ),
  forward('Div integers', [6], ({ b, x, ints }) =>
    b.op('Div', [b.op('Cast', [b.op('Mul', [x, b.constant(constantOf('f32', [], [9]))])], { to: 7 }), ints(4)]),
  ),
  forward('OneHot', [4], ({ b, x, ints, floats }) => {
    const index = b.op('Cast', [b.op('Round', [x])], { to: 7 });
    return b.op('OneHot', [index, ints(3), floats([-1, 2])], { axis: 0 });
  }),
  forward('QuantizeLinear', [2, 3], ({ b, x, floats }) =>
    b.op('QuantizeLinear', [x, floats([0.05], []), b.constant(constantOf('u8', [], [12]))]),
  ),
  forward('DequantizeLinear per axis', [2, 3], ({ b, x, floats }) => {
    const zero = b.constant(constantOf('i8', [3], [1, -2, 3]));
    const scale = floats([0.1, 0.2, 0.3]);
    return b.op('DequantizeLinear', [b.op('QuantizeLinear', [x, scale, zero], { axis: 1 }), scale, zero], { axis: 1 });
  }),
  forward('MaxPool indices', pixels, ({ b, x }) =>
    outputs(b, 'MaxPool', [x], { ...same, strides: [2, 2], dilations: [1, 1] }, 2),
  ),
  forward('MaxPool indices of ties', pixels, ({ b, positive }) =>
    outputs(b, 'MaxPool', [b.op('Cast', [positive], { to: 1 })], { kernel_shape: [2, 2], strides: [1, 1] }, 2),
  ),
  forward('MaxPool ceil_mode', [1, 2, 7, 8], ({ b, x }) =>
    b.op('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
  ),
  forward('AveragePool ceil_mode, padding counted', [1, 2, 7, 8], ({ b, x }) =>
    b.op('AveragePool', [x], { ...same, strides: [3, 2], ceil_mode: 1, count_include_pad: 1 }),
  ),
  forward('TopK with indices', [3, 6], ({ b, x, ints }) => outputs(b, 'TopK', [x, ints(4)], { axis: 1 }, 2)),
  forward('Slice backwards by two', [5, 6], ({ b, x, ints }) =>
    b.op('Slice', [x, ints(-1, 4), ints(-100, 0), ints(1, 0), ints(-2, -1)]),
  ),
  forward('Slice to nothing', [5, 6], ({ b, x, ints }) =>
    b.op('Concat', [b.op('Slice', [x, ints(3), ints(3), ints(0)]), x], { axis: 0 }),
  ),
  ...['reflect', 'edge', 'wrap'].map((mode) =>
    forward(`Pad ${mode}`, pixels, ({ b, x, ints }) => b.op('Pad', [x, ints(0, 0, 2, 1, 0, 0, 1, 3)], { mode }), 19),
  ),
  forward('Pad negative', pixels, ({ b, x, ints, floats }) =>
    b.op('Pad', [x, ints(0, 1, -2, 1, 0, 0, 1, -1), floats([7], [])]),
  ),
  forward('Where on a broadcast condition', [2, 3, 4], ({ b, x, floats }) =>
    b.op('Where', [b.op('Greater', [floats([1, -1, 1, -1]), floats([0], [])]), x, floats([5], [])]),
  ),
  forward('Constants computed on loading', [2, 3], ({ b, x, floats }) =>
    b.op('Add', [x, b.op('MatMul', [floats([1, 2, 3, 4], [2, 2]), floats([1, 2, 3, 4, 5, 6], [2, 3])])]),
  ),
  forward('Transpose to channels last and back', pixels, ({ b, x }) =>
    b.op('Transpose', [b.op('Relu', [b.op('Transpose', [x], { perm: [0, 2, 3, 1] })])], { perm: [0, 3, 1, 2] }),
  ),
  forward('A right factor under two shapes', [3, 4], ({ b, x, ints }) => {
    const other = b.op('Reshape', [x, ints(4, 3)]);
    return [b.op('MatMul', [x, other]), b.op('MatMul', [other, x])];
  }),
  forward('Numbers beyond 32 bits as ends', [2, 5], ({ b, x, ints }) =>
    b.op('Slice', [x, ints(1), ints(Number.MAX_SAFE_INTEGER), ints(1)]),
  ),
  forward(
    'Resize with antialiasing',
    [1, 2, 9, 7],
    ({ b, x, ints }) => b.op('Resize', [x, '', '', ints(1, 2, 4, 5)], { mode: 'linear', antialias: 1 }),
    18,
  ),
  forward('LeakyRelu of a convolution', pixels, ({ b, x, floats }) =>
    b.op('LeakyRelu', [b.op('Conv', [x, floats(new Array(27).fill(0.1), [1, 3, 3, 3])], same)], { alpha: 0.2 }),
  ),
];
