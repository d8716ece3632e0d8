import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { sizeOf, tensor, type Tensor } from '../../src/core/tensor.js';
import type { Constant } from '../../src/graph/constant.js';
import { foldBatchNorm } from '../../src/graph/fold_batchnorm.js';
import type { Graph } from '../../src/graph/ir.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { shareCommon } from '../../src/graph/share.js';
import { GraphBuilder } from '../../src/models/builder.js';
import { openSession } from '../../src/runtime/index.js';

const random = (name: string, dims: readonly number[], low = -1, high = 1) => {
  const rng = new Rng(13, name);
  return Float32Array.from({ length: sizeOf(dims) }, () => low + (high - low) * rng.uniform());
};
const constants = (graph: Graph) => (name: string) => graph.initializers.get(name);
/** The nodes' ops, without the Identity that names an output. */
const ops = (graph: Graph) => graph.nodes.map((node) => node.op).filter((op) => op !== 'Identity');

async function outputsOf(graph: Graph, input: Tensor<'f32'>): Promise<Float32Array[]> {
  const session = await openSession(exportOnnx(graph));
  const outputs = await session.run({ input });
  await session.close();
  return graph.outputs.map(({ name }) => outputs[name].data as Float32Array);
}

async function expectSame(before: Graph, after: Graph, input: Tensor<'f32'>) {
  const [expected, got] = [await outputsOf(before, input), await outputsOf(after, input)];
  expected.forEach((values, i) => values.forEach((value, j) => expect(got[i][j]).toBeCloseTo(value, 4)));
}

function normalised(build: (b: GraphBuilder) => { value: string; count: number; dims: (number | null)[] }) {
  const b = new GraphBuilder('norm');
  const { value, count, dims } = build(b);
  const parameter = (name: string, low: number, high: number) => b.floats([count], random(name, [count], low, high));
  const bounds = [parameter('s', 0.5, 2), parameter('b', -1, 1), parameter('m', -1, 1), parameter('v', 0.1, 2)];
  b.output(b.op('BatchNormalization', [value, ...bounds], { epsilon: 1e-3 }), 'out', dims);
  return b;
}

describe('batch normalisation folds into the layer before it', () => {
  const image = tensor('f32', [2, 4, 5, 6], random('image', [2, 4, 5, 6]));
  const rows = tensor('f32', [2, 4], random('rows', [2, 4]));
  const weights = (b: GraphBuilder, dims: number[]) => b.floats(dims, random(`w${dims.join()}`, dims));
  const layers = {
    'Conv without bias': () =>
      normalised((b) => {
        const value = b.op('Conv', [b.input('input', [2, 4, 5, 6]), weights(b, [3, 4, 3, 3])]);
        return { value, count: 3, dims: [2, 3, 3, 4] };
      }),
    'Conv with bias, grouped': () =>
      normalised((b) => {
        const inputs = [b.input('input', [2, 4, 5, 6]), weights(b, [6, 2, 3, 3]), weights(b, [6])];
        return { value: b.op('Conv', inputs, { group: 2 }), count: 6, dims: [2, 6, 3, 4] };
      }),
    ConvTranspose: () =>
      normalised((b) => {
        const inputs = [b.input('input', [2, 4, 5, 6]), weights(b, [4, 3, 2, 2]), weights(b, [3])];
        return { value: b.op('ConvTranspose', inputs, { strides: [2, 2] }), count: 3, dims: [2, 3, 10, 12] };
      }),
    Gemm: () =>
      normalised((b) => {
        const inputs = [b.input('input', [2, 4]), weights(b, [3, 4]), weights(b, [3])];
        return { value: b.op('Gemm', inputs, { transB: 1 }), count: 3, dims: [2, 3] };
      }),
  };
  it.each(Object.keys(layers) as (keyof typeof layers)[])('%s', async (name) => {
    const { graph } = layers[name]();
    const folded = foldBatchNorm(graph, constants(graph), []);
    expect(ops(folded)).toEqual([name.split(' ')[0]]);
    await expectSame(graph, folded, name === 'Gemm' ? rows : image);
  });

  it('is left where it stands when the layer’s output is wanted as it is', () => {
    const { graph } = layers['Conv without bias']();
    expect(foldBatchNorm(graph, constants(graph), [graph.nodes[0].outputs[0]])).toBe(graph);
    const b = layers['Conv without bias']();
    b.output(b.relu(b.graph.nodes[0].outputs[0]), 'other', [2, 3, 3, 4]);
    expect(ops(foldBatchNorm(b.graph, constants(b.graph), []))).toContain('BatchNormalization');
  });

  it('is left in training mode, on unknown parameters, and where no layer is before it', () => {
    const training = layers.Gemm().graph;
    training.nodes[1].attributes.training_mode = { kind: 'int', value: 1 };
    expect(foldBatchNorm(training, constants(training), [])).toBe(training);
    const open = layers.Gemm().graph;
    const without = (name: string): Constant | undefined =>
      name === open.nodes[1].inputs[3] ? undefined : open.initializers.get(name);
    expect(foldBatchNorm(open, without, [])).toBe(open);
    const bare = normalised((b) => ({ value: b.relu(b.input('input', [2, 4])), count: 4, dims: [2, 4] })).graph;
    expect(foldBatchNorm(bare, constants(bare), [])).toBe(bare);
  });
});

describe('every value is computed once', () => {
  it('equal nodes become one; different attributes, random ops and outputs do not', async () => {
    const b = new GraphBuilder('twins');
    const x = b.input('input', [2, 6]);
    const [first, second] = [b.op('Softmax', [x], { axis: 1 }), b.op('Softmax', [x], { axis: 1 })];
    const other = b.op('Softmax', [x], { axis: 0 });
    b.output(b.op('Sum', [b.op('Mul', [first, first]), b.op('Mul', [second, first]), other]), 'out', [2, 6]);
    const shared = shareCommon(b.graph, new Set(['out']));
    expect(ops(shared).sort()).toEqual(['Mul', 'Softmax', 'Softmax', 'Sum']);
    await expectSame(b.graph, shared, tensor('f32', [2, 6], random('x', [2, 6])));

    const c = new GraphBuilder('kept');
    const y = c.input('input', [2, 6]);
    for (const name of ['a', 'b']) c.op('Relu', [y], {}, name);
    expect(ops(shareCommon(c.graph, new Set(['a', 'b'])))).toEqual(['Relu', 'Relu']);

    const d = new GraphBuilder('random');
    const z = d.input('input', [2, 6]);
    const draws = [d.op('RandomNormalLike', [z]), d.op('RandomNormalLike', [z])];
    d.output(d.op('Add', draws), 'out', [2, 6]);
    expect(ops(shareCommon(d.graph, new Set(['out'])))).toEqual(['RandomNormalLike', 'RandomNormalLike', 'Add']);
  });

  it('a Concat that begins like another takes its result', async () => {
    const b = new GraphBuilder('dense block');
    const x = b.input('input', [2, 6]);
    const [p, q, r] = [b.relu(x), b.op('Neg', [x]), b.op('Abs', [x])];
    const two = b.op('Concat', [p, q], { axis: 1 });
    const three = b.op('Concat', [p, q, r], { axis: 1 });
    const elsewhere = b.op('Concat', [p, q, r], { axis: 0 });
    b.output(b.op('Exp', [two]), 'two', [2, 12]);
    b.output(three, 'three', [2, 18]);
    b.output(elsewhere, 'elsewhere', [6, 6]);
    const shared = shareCommon(b.graph, new Set(['two', 'three', 'elsewhere']));
    const inputs = shared.nodes.filter(({ op }) => op === 'Concat').map((node) => node.inputs.length);
    expect(inputs).toEqual([2, 2, 3]);
    await expectSame(b.graph, shared, tensor('f32', [2, 6], random('x', [2, 6])));
  });
});
