import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { sizeOf, tensor } from '../../src/core/tensor.js';
import { f32, i64 } from '../../src/graph/constant.js';
import { Emitter, float, type AttributeValue } from '../../src/graph/emitter.js';
import { appendGradient } from '../../src/graph/gradient.js';
import { Inference } from '../../src/graph/infer.js';
import type { Graph } from '../../src/graph/ir.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { differentiableOps } from '../../src/graph/ops/index.js';
import { openSession } from '../../src/runtime/index.js';

interface Build {
  emit: Emitter;
  x: string;
  constant(dims: readonly number[], values?: readonly number[]): string;
}

/** One gradient to check: a scalar function of x, and where its kinks are. */
interface Case {
  name: string;
  dims: readonly number[];
  build: (b: Build) => string;
  opset?: number;
  /** Distance from a kink at which an element is left out; x → list of values that must not be near zero. */
  kinks?: readonly number[];
  /** Values of x are drawn from [low, high]. */
  range?: readonly [number, number];
  /** Distinct values at least this far apart, for ops that compare elements. */
  spaced?: number;
}

function random(rng: Rng, dims: readonly number[], [low, high]: readonly [number, number] = [-2, 2]): Float32Array {
  return Float32Array.from({ length: sizeOf(dims) }, () => low + (high - low) * rng.uniform());
}

function op(
  name: string,
  dims: readonly number[],
  attributes: Record<string, AttributeValue> = {},
  more: Partial<Case> = {},
): Case {
  return { name, dims, build: ({ emit, x }) => emit.op(name.split(' ')[0], [x], attributes), ...more };
}

function conv(
  name: string,
  dims: readonly number[],
  weights: readonly number[],
  attributes: Record<string, AttributeValue>,
): Case {
  return {
    name: `Conv ${name}`,
    dims,
    build: ({ emit, x, constant }) => emit.op('Conv', [x, constant(weights)], attributes),
  };
}

const image = [2, 3, 7, 6];
const kernel3 = { kernel_shape: [3, 3] };

const cases: Case[] = [
  op('Identity', [5]),
  op('Dropout', [5]),
  op('Relu', image, {}, { kinks: [0] }),
  op('LeakyRelu', image, { alpha: float(0.2) }, { kinks: [0] }),
  {
    name: 'PRelu',
    dims: image,
    kinks: [0],
    build: ({ emit, x, constant }) => emit.op('PRelu', [x, constant([3, 1, 1])]),
  },
  op('Elu', image, { alpha: float(0.7) }, { kinks: [0] }),
  op('Selu', image, {}, { kinks: [0] }),
  op('HardSigmoid', image, { alpha: float(0.25) }, { kinks: [-2, 2] }),
  op('HardSwish', image, {}, { kinks: [-3, 3], range: [-4, 4] }),
  op('Sigmoid', image),
  op('Tanh', image),
  op('Softplus', image),
  op('Softsign', image, {}, { kinks: [0] }),
  op('Gelu', image, {}, { opset: 20 }),
  op('Gelu tanh', image, { approximate: 'tanh' }, { opset: 20 }),
  op('Erf', image),
  op('Exp', image),
  op('Log', image, {}, { range: [0.5, 3] }),
  op('Sqrt', image, {}, { range: [0.5, 3] }),
  op('Reciprocal', image, {}, { range: [0.5, 3] }),
  op('Neg', image),
  op('Abs', image, {}, { kinks: [0] }),
  op('Sin', image),
  op('Cos', image),
  {
    name: 'Clip',
    dims: image,
    kinks: [0, 1.5],
    build: ({ emit, x }) => emit.op('Clip', [x, emit.scalar(x, 0), emit.scalar(x, 1.5)]),
  },
  {
    name: 'Clip lower bound',
    dims: image,
    kinks: [-1],
    build: ({ emit, x }) => emit.op('Clip', [x, emit.scalar(x, -1)]),
  },
  op('Clip opset 10', image, { min: float(0), max: float(1.5) }, { kinks: [0, 1.5], opset: 10 }),
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
  {
    name: 'Gemm',
    dims: [2, 5],
    build: ({ emit, x, constant }) => emit.op('Gemm', [x, constant([5, 3]), constant([3])], { alpha: float(0.5) }),
  },
  {
    name: 'Gemm transB',
    dims: [2, 5],
    build: ({ emit, x, constant }) => emit.op('Gemm', [x, constant([3, 5])], { transB: 1 }),
  },
  {
    name: 'Gemm transA',
    dims: [5, 2],
    build: ({ emit, x, constant }) => emit.op('Gemm', [x, constant([5, 3])], { transA: 1 }),
  },
  {
    name: 'Gemm right and bias',
    dims: [3, 3],
    build: ({ emit, x, constant }) => emit.op('Gemm', [constant([3, 3]), x, x], { transB: 1, beta: float(2) }),
  },
  {
    name: 'Gemm opset 9',
    dims: [2, 5],
    opset: 9,
    build: ({ emit, x, constant }) => emit.op('Gemm', [x, constant([3, 5]), constant([3])], { transB: 1 }),
  },
  { name: 'MatMul', dims: [2, 5], build: ({ emit, x, constant }) => emit.op('MatMul', [x, constant([5, 3])]) },
  {
    name: 'MatMul batched',
    dims: [2, 1, 3, 5],
    build: ({ emit, x, constant }) => emit.op('MatMul', [x, constant([4, 5, 2])]),
  },
  { name: 'MatMul both', dims: [3, 3], build: ({ emit, x }) => emit.op('MatMul', [x, x]) },
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
  op('ReduceMean', image, { axes: [2, 3], keepdims: 0 }),
  {
    name: 'ReduceMean opset 18',
    dims: image,
    opset: 18,
    build: ({ emit, x }) => emit.op('ReduceMean', [x, emit.ints([-1, -2])], { keepdims: 1 }),
  },
  {
    name: 'ReduceSum',
    dims: image,
    build: ({ emit, x }) => emit.mul(emit.reduceSum(x, [0, 2], false), emit.reduceSum(x, [0, 2], false)),
  },
  op('ReduceMax', [2, 3, 4], { axes: [0, 2], keepdims: 0 }, { spaced: 0.02 }),
  op('ReduceMin', [2, 3, 4], { axes: [1], keepdims: 1 }, { spaced: 0.02 }),
  op('ReduceL2', [2, 3, 4], { axes: [1, 2] }),
  op('ReduceSumSquare', [2, 3, 4], { axes: [1] }),
  op('Softmax', [2, 5], { axis: -1 }),
  op('Softmax middle axis', [2, 5, 3], { axis: 1 }),
  op('Softmax opset 11 flattens', [2, 3, 2], { axis: 1 }, { opset: 11 }),
  op('LogSoftmax', [2, 5], { axis: 1 }),
  { name: 'Cast', dims: [4], build: ({ emit, x }) => emit.cast(emit.cast(x, 'f64'), 'f32') },
  { name: 'CastLike', dims: [4], build: ({ emit, x, constant }) => emit.op('CastLike', [x, constant([1])]) },
  op('Swish', image, { alpha: float(1.3) }, { opset: 24 }),
];

/** x ↦ Σ r ⊙ f(x) with fixed random r, and its gradient by the rules. */
async function compiled(test: Case) {
  const opset = test.opset ?? 17;
  const graph: Graph = {
    name: 'case',
    irVersion: opset > 21 ? 12 : 8,
    opsets: new Map([['', opset]]),
    inputs: [{ name: 'x', type: 'f32', dims: [...test.dims] }],
    outputs: [],
    nodes: [],
    initializers: new Map(),
    declared: new Map(),
    metadata: new Map(),
    functions: [],
  };
  const rng = new Rng(1, test.name);
  const known = new Inference(graph);
  known.setShape('x', { type: 'f32', dims: test.dims });
  const emit = new Emitter(graph, known, (node) => known.visit(node));
  const constant = (dims: readonly number[], values?: readonly number[]) =>
    emit.constant(f32(dims, values ?? random(rng, dims)));
  const y = test.build({ emit, x: 'x', constant });
  const dims = known.shape(y)?.dims;
  if (!dims) throw new Error(known.reasons.get(y));
  const seed = constant(dims);
  const gradient = appendGradient(graph, emit, y, seed, 'x');
  emit.op('Identity', [y], {}, 'y_out');
  emit.op('Identity', [gradient], {}, 'dx_out');
  graph.outputs.push(
    { name: 'y_out', type: 'f32', dims: [...dims] },
    { name: 'dx_out', type: 'f32', dims: [...test.dims] },
  );
  const session = await openSession(exportOnnx(graph));
  const seedValues = new Float32Array(graph.initializers.get(seed)?.raw.slice().buffer as ArrayBuffer);
  return { session, seedValues, rng, dims };
}

function inputFor(test: Case, rng: Rng): Float32Array {
  const { dims, spaced, kinks = [], range } = test;
  if (spaced) {
    const size = sizeOf(dims);
    const ranks = rng.shuffle(Array.from({ length: size }, (_, i) => i));
    return avoiding(
      Float32Array.from(ranks, (rank) => (rank - size / 2) * spaced + 0.013),
      kinks,
    );
  }
  return avoiding(random(rng, dims, range), kinks);
}

function avoiding(x: Float32Array, kinks: readonly number[]): Float32Array {
  return x.map((value) => {
    const near = kinks.find((kink) => Math.abs(value - kink) < 0.02);
    return near === undefined ? value : near + 0.03;
  });
}

describe('gradient rules against central differences', () => {
  it.each(cases.map((test) => [test.name, test] as const))('%s', async (_name, test) => {
    const { session, seedValues, rng, dims } = await compiled(test);
    const x = inputFor(test, rng);
    const run = async (data: Float32Array) => session.run({ x: tensor('f32', test.dims, data) });
    const outputs = await run(x);
    expect(outputs.y_out.dims).toEqual(dims);
    const analytic = outputs.dx_out.data as Float32Array;
    const value = async (data: Float32Array) => {
      const y = (await run(data)).y_out.data as Float32Array;
      return y.reduce((sum, v, i) => sum + v * seedValues[i], 0);
    };
    const h = 4e-3;
    const probes = Array.from({ length: Math.min(x.length, 24) }, (_, i) =>
      Math.floor((i * x.length) / Math.min(x.length, 24)),
    );
    for (const i of probes) {
      const up = x.slice();
      const down = x.slice();
      up[i] += h;
      down[i] -= h;
      const numeric = ((await value(up)) - (await value(down))) / (up[i] - down[i]);
      expect(Math.abs(numeric - analytic[i]), `element ${i}: ${analytic[i]} against ${numeric}`).toBeLessThan(
        4e-3 + 4e-3 * Math.abs(numeric),
      );
    }
    await session.close();
  });

  it.each([
    ['tiling windows', { kernel_shape: [2, 2], strides: [2, 2] }, [0, 2, 8, 10]],
    // Windows start at row and column −1, 1: the first pixel inside each is the one that all ties go to.
    ['overlapping windows', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }, [0, 1, 4, 5]],
  ] as const)('MaxPool gives ties to the first of them, as PyTorch does: %s', async (_name, attributes, winners) => {
    const test = op('MaxPool ties', [1, 1, 4, 4], attributes);
    const { session, seedValues } = await compiled(test);
    const { dx_out } = await session.run({ x: tensor('f32', test.dims, new Float32Array(16)) });
    const expected = new Float32Array(16);
    winners.forEach((at, window) => (expected[at] += seedValues[window]));
    expect(dx_out.data).toEqual(expected);
    await session.close();
  });

  it.each(['GlobalMaxPool', 'ReduceMax'])('%s gives ties to the first of them', async (name) => {
    const { session, seedValues } = await compiled(
      op(name, [1, 2, 2, 2], name === 'ReduceMax' ? { axes: [2, 3] } : {}),
    );
    const { dx_out } = await session.run({ x: tensor('f32', [1, 2, 2, 2], new Float32Array(8)) });
    expect(Array.from(dx_out.data as Float32Array, (v) => v + 0)).toEqual([
      seedValues[0],
      0,
      0,
      0,
      seedValues[1],
      0,
      0,
      0,
    ]);
    await session.close();
  });

  it('covers every op that claims a gradient rule', () => {
    const covered = new Set(cases.map((test) => test.name.split(' ')[0]));
    expect(differentiableOps().filter((name) => !covered.has(name))).toEqual([]);
  });
});
