import type { Block } from './blocks.js';
import type { Drawing } from './model.js';

/** Another map of the same size, if there is one; else a map made from x. */
function companion(d: Drawing, x: string): string {
  const dims = d.emit.dims(x).join();
  const others = d.maps.filter((map) => map !== x && d.emit.dims(map).join() === dims);
  return others.length > 0 ? d.pick(others) : d.emit.op('Tanh', [x]);
}

function reduced({ emit }: Drawing, op: string, x: string, axes: readonly number[]): string {
  if (op === 'ReduceSum') return emit.reduceSum(x, axes, true);
  return emit.opset < 18 ? emit.op(op, [x], { axes, keepdims: 1 }) : emit.op(op, [x, emit.ints(axes)], { keepdims: 1 });
}

export const fromArithmetic: Record<string, Block> = {
  'Add skip': (d, x) => d.emit.add(x, companion(d, x)),
  'Sub skip': (d, x) => d.emit.sub(x, companion(d, x)),
  'Mul skip': (d, x) => d.emit.mul(x, companion(d, x)),
  'Sum of three': (d, x) => d.emit.op('Sum', [x, companion(d, x), x]),
  'Mean of two': (d, x) => d.emit.op('Mean', [companion(d, x), x]),
  'Extreme of two': (d, x) => d.emit.op(d.pick(['Max', 'Min']), [x, companion(d, x)]),
  'Div by a positive': (d, x) => d.emit.div(x, d.emit.add(d.emit.op('Abs', [companion(d, x)]), d.emit.scalar(x, 0.5))),
  'Scale and shift': (d, x) => {
    const channels = d.emit.dims(x)[1];
    const shape = d.pick([[], [1], [channels, 1, 1], [1, channels, 1, 1]]);
    return d.emit.add(d.emit.mul(x, d.weights(shape)), d.weights(shape));
  },
  'Constant first': (d, x) => d.emit.sub(d.weights([]), d.emit.mul(d.weights([]), x)),
  Square: (d, x) => d.emit.op('Pow', [x, d.emit.scalar(x, 2)]),
  Root: (d, x) => d.emit.op('Sqrt', [d.emit.add(d.emit.mul(x, x), d.emit.scalar(x, 0.1))]),
  'Log of exponentials': (d, x) =>
    d.emit.op('Log', [d.emit.add(d.emit.op('Exp', [d.emit.op('Tanh', [x])]), d.emit.scalar(x, 0.5))]),
  Reciprocal: (d, x) => d.emit.op('Reciprocal', [d.emit.add(d.emit.op('Abs', [x]), d.emit.scalar(x, 0.5))]),
  Negative: (d, x) => d.emit.op('Neg', [x]),
  Where: (d, x) => {
    if (d.emit.opset < 9) return undefined;
    const above = d.emit.op('Greater', [x, d.emit.scalar(x, 0.1)]);
    return d.emit.op('Where', [above, companion(d, x), d.emit.scale(x, 0.3)]);
  },
  // What CBAM calls spatial attention.
  'Channel statistics': (d, x) => {
    const parts = ['ReduceMean', 'ReduceMax'].map((op) => reduced(d, op, x, [1]));
    const joined = d.emit.op('Concat', parts, { axis: 1 });
    return d.emit.mul(x, d.emit.op('Sigmoid', [d.emit.op('Conv', [joined, d.weights([1, 2, 1, 1])])]));
  },
  // Layer normalisation as written out below operator set 17.
  Standardise: (d, x) => {
    const { emit } = d;
    const [, channels, height, width] = emit.dims(x);
    if (channels * height * width < 4) return undefined;
    const centred = emit.sub(x, reduced(d, 'ReduceMean', x, [1, 2, 3]));
    const variance = reduced(d, 'ReduceMean', emit.op('Pow', [centred, emit.scalar(x, 2)]), [1, 2, 3]);
    return emit.div(centred, emit.op('Sqrt', [emit.add(variance, emit.scalar(x, 0.01))]));
  },
  // ConvNeXt-V2's response normalisation.
  'Norm of planes': (d, x) => {
    const norm = reduced(d, 'ReduceL2', x, [2, 3]);
    const mean = d.emit.add(reduced(d, 'ReduceMean', norm, [1]), d.emit.scalar(x, 0.5));
    return d.emit.add(x, d.emit.mul(x, d.emit.div(norm, mean)));
  },
  'Softmax over channels': (d, x) => {
    const last = d.emit.op('Softmax', [d.emit.transpose(x, [0, 2, 3, 1])], { axis: 3 });
    return d.emit.mul(x, d.emit.transpose(last, [0, 3, 1, 2]));
  },
  Reduction: (d, x) => {
    const op = d.pick([
      'ReduceMean',
      'ReduceMax',
      'ReduceMin',
      'ReduceSum',
      'ReduceSumSquare',
      'ReduceLogSumExp',
      'ReduceL1',
    ]);
    return d.emit.add(x, reduced(d, op, x, d.pick([[1], [2], [3], [2, 3], [-1]])));
  },
};
