import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { tensor } from '../../src/core/tensor.js';
import { i64 } from '../../src/graph/constant.js';
import { readClassifier, type ClassifierOptions } from '../../src/graph/classifier.js';
import { compile, type CompiledGraph } from '../../src/graph/compile.js';
import { layerGradient } from '../../src/graph/passes/layer_gradient.js';
import { peakActivationBytes } from '../../src/graph/memory.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { GraphBuilder } from '../../src/models/builder.js';
import { openSession } from '../../src/runtime/index.js';
import { largestDifference } from '../golden/read_golden.js';
import { smallModel, smallModelBytes, type SmallModel } from './small_models.js';

const batch = 4;

function images(seed = 1): Float32Array {
  const rng = new Rng(seed, 'images');
  // Eighths of 255: exact as bytes, so that the byte model sees the same picture.
  return Float32Array.from({ length: batch * 3 * 64 }, () => rng.int(256) / 255);
}

async function run(compiled: CompiledGraph, classes = [-1, 0, 1, 2]) {
  const session = await openSession(compiled.onnx);
  const outputs = await session.run({
    image: tensor('f32', [compiled.batch, 3, 8, 8], images().slice(0, compiled.batch * 192)),
    class_index: tensor('i64', [compiled.batch], BigInt64Array.from(classes.slice(0, compiled.batch), BigInt)),
  });
  await session.close();
  return outputs as unknown as Record<'logits' | 'activation' | 'gradient', { dims: number[]; data: Float32Array }>;
}

async function explained(model: SmallModel, options: ClassifierOptions = {}) {
  const classifier = readClassifier(smallModelBytes(model), options);
  const compiled = compile(classifier, { batch, passes: [layerGradient()] });
  return { classifier, compiled, outputs: await run(compiled) };
}

const reference = await explained({});

describe('compiled classifiers agree whatever the form of the model', () => {
  it('has the interface it promises', () => {
    const { compiled, outputs } = reference;
    expect(compiled).toMatchObject({ batch, channels: 3, height: 8, width: 8, classes: 3 });
    expect(compiled.dims.activation).toEqual([batch, 6, 8, 8]);
    expect(compiled.targetLayer).toBe('features');
    expect(outputs.logits.dims).toEqual([batch, 3]);
    expect(outputs.activation.dims).toEqual([batch, 6, 8, 8]);
    expect(outputs.gradient.dims).toEqual([batch, 6, 8, 8]);
    // The gradient through global pooling and a dense layer is its weight over the number of pixels.
    const plane = outputs.gradient.data.subarray(192 * 2, 192 * 2 + 64);
    expect(new Set(plane).size).toBe(1);
    expect(Math.max(...outputs.gradient.data.map(Math.abs))).toBeGreaterThan(1e-4);
  });

  const variants: [string, SmallModel, number][] = [
    ['softmax', { tail: ['Softmax'] }, 1e-6],
    ['log-softmax', { tail: ['LogSoftmax'] }, 1e-6],
    ['sigmoid', { tail: ['Sigmoid'] }, 1e-6],
    ['identity after softmax', { tail: ['Softmax', 'Identity'] }, 1e-6],
    ['NHWC', { layout: 'NHWC' }, 1e-6],
    ['bytes', { dtype: 'u8' }, 1e-5],
    ['bytes, NHWC', { dtype: 'u8', layout: 'NHWC' }, 1e-5],
    ['16-bit floats', { dtype: 'f16' }, 2e-2],
    ['fixed batch of one', { dims: [1, 3, 8, 8] }, 1e-6],
    ['fixed batch, baked reshape', { dims: [1, 3, 8, 8], reshape: [1, 6] }, 1e-6],
    ['fixed batch, reshape [1, -1]', { dims: [1, 3, 8, 8], reshape: [1, -1] }, 1e-6],
    ['fixed batch of two', { dims: [2, 3, 8, 8], reshape: [2, 6] }, 1e-6],
    ['dynamic batch, reshape [-1, 6]', { reshape: [-1, 6] }, 1e-6],
    ['dynamic size', { dims: [null, 3, null, null] }, 1e-6],
    ['input called "image", output "logits"', { inputName: 'image' }, 1e-6],
    ['operator set 8', { opset: 8 }, 1e-6],
    ['operator set 12', { opset: 12 }, 1e-6],
    ['operator set 20', { opset: 20 }, 1e-6],
  ];
  it.each(variants)('%s', async (_name, model, tolerance) => {
    const classifier = readClassifier(smallModelBytes(model));
    expect(classifier.channels).toBe(3);
    const compiled = compile(classifier, { batch, size: [8, 8], passes: [layerGradient()] });
    expect(compiled.batch).toBe(batch);
    expect(compiled.batchNote).toBeUndefined();
    const outputs = await run(compiled);
    for (const name of ['logits', 'activation', 'gradient'] as const) {
      expect(outputs[name].dims).toEqual(reference.outputs[name].dims);
      expect(largestDifference(outputs[name].data, reference.outputs[name].data)).toBeLessThan(tolerance);
    }
  });

  it('gives channels first for a target that the model holds channels last (tf2onnx)', async () => {
    const graph = smallModel();
    const at = graph.nodes.findIndex((node) => node.op === 'GlobalAveragePool');
    const pool = graph.nodes[at];
    graph.nodes.splice(
      at,
      1,
      {
        ...pool,
        name: 'turn',
        op: 'Transpose',
        outputs: ['nhwc'],
        attributes: { perm: { kind: 'ints', value: [0, 2, 3, 1] } },
      },
      {
        ...pool,
        name: 'mean',
        op: 'ReduceMean',
        inputs: ['nhwc'],
        attributes: { axes: { kind: 'ints', value: [1, 2] }, keepdims: { kind: 'int', value: 0 } },
      },
    );
    const classifier = readClassifier(exportOnnx(graph));
    expect(classifier.targetLayer).toMatchObject({ name: 'nhwc', channelAxis: 3 });
    const outputs = await run(compile(classifier, { batch, passes: [layerGradient()] }));
    for (const name of ['logits', 'activation', 'gradient'] as const) {
      expect(outputs[name].dims).toEqual(reference.outputs[name].dims);
      expect(largestDifference(outputs[name].data, reference.outputs[name].data)).toBeLessThan(1e-6);
    }
  });

  it('takes measured shapes where nothing else knows them', async () => {
    const b = new GraphBuilder('measured');
    b.input('input', [null, 3, 8, 8]);
    // A Slice up to a bound that only the run knows: the largest pixel, cast to an integer.
    const peak = b.op('Cast', [b.op('ReduceMax', ['input'], { keepdims: 0 })], { to: 7 });
    const bound = b.op('Add', [b.op('Unsqueeze', [peak, b.constant(i64([1], [0]))]), b.constant(i64([1], [100]))]);
    const cut = b.op('Slice', ['input', b.constant(i64([1], [0])), bound, b.constant(i64([1], [1]))]);
    b.output(
      b.dense(
        b.globalPool(b.op('Relu', [cut], {}, 'map'), 'average'),
        new Float32Array(6).fill(0.5),
        new Float32Array(2),
      ),
      'out',
      [null, 2],
    );
    const graph = b.graph;
    graph.declared.set('map', { name: 'map', type: 'f32', dims: [null, 3, 8, 8] });
    const classifier = readClassifier(exportOnnx(graph));
    classifier.graph.declared.clear();
    expect(() => compile(classifier, { batch, passes: [layerGradient('map')] })).toThrow(
      expect.objectContaining({ code: 'E_MODEL_UNSUPPORTED' }),
    );
    const measured = new Map([['map', { type: 'f32' as const, dims: [1, 3, 8, 8] }]]);
    const { gradient } = await run(compile(classifier, { batch, measured, passes: [layerGradient('map')] }));
    expect(gradient.dims).toEqual([batch, 3, 8, 8]);
    expect(gradient.data[0]).toBeCloseTo(0.5 / 64, 7);
  });

  /** A model for a fixed batch that joins a constant channel to each of its samples. */
  function joined(constant: readonly number[]) {
    const own = constant.length;
    const b = new GraphBuilder('baked');
    b.input('input', [own, 3, 8, 8]);
    const planes = Float32Array.from({ length: own * 64 }, (_, i) => constant[Math.floor(i / 64)]);
    const x = b.op('Concat', ['input', b.floats([own, 1, 8, 8], planes)], { axis: 1 });
    const pooled = b.globalPool(b.relu(x), 'average');
    b.output(b.dense(pooled, new Float32Array(8).fill(0.5), new Float32Array(2)), 'out', [own, 2]);
    return compile(readClassifier(exportOnnx(b.graph)), { batch, passes: [layerGradient()] });
  }

  it("keeps the model's own batch, and says so, where it is baked in", async () => {
    const compiled = joined([1, 2]);
    expect(compiled.batch).toBe(2);
    expect(compiled.batchNote).toMatch(/batch 2 is used/);
    expect((await run(compiled)).logits.dims).toEqual([2, 2]);
  });

  it.each([[[1]], [[1, 1]], [[1, 1, 1]]])(
    'repeats for the new batch what a file repeats for its own: %j',
    async (own) => {
      const compiled = joined(own);
      expect(compiled.batch).toBe(batch);
      expect(compiled.batchNote).toBeUndefined();
      const { logits } = await run(compiled);
      expect(logits.dims).toEqual([batch, 2]);
      const { logits: single } = await run(joined(new Array<number>(batch).fill(1)));
      expect(logits.data).toEqual(single.data);
    },
  );
});

describe('what is read from the graph', () => {
  it('tells heads apart', () => {
    const read = (model: SmallModel, options?: ClassifierOptions) => readClassifier(smallModelBytes(model), options);
    expect(read({})).toMatchObject({
      activation: 'softmax',
      activationSource: 'assumed',
      multiLabel: false,
      logits: 'scores',
    });
    expect(read({ tail: ['Softmax'] })).toMatchObject({
      activation: 'softmax',
      activationSource: 'graph',
      logits: 'scores',
    });
    expect(read({ tail: ['Sigmoid'] })).toMatchObject({
      activation: 'sigmoid',
      activationSource: 'graph',
      multiLabel: true,
    });
    expect(read({ classes: 1 })).toMatchObject({ activation: 'sigmoid', activationSource: 'assumed', classes: 1 });
    expect(read({}, { activation: 'sigmoid' })).toMatchObject({ activationSource: 'option', multiLabel: true });
  });

  it('reads size, layout, batch and labels', () => {
    const graph = smallModel({ layout: 'NHWC', dims: [2, 8, 8, 3] });
    graph.metadata.set('labels', '["a", "b", "c"]');
    expect(readClassifier(exportOnnx(graph))).toMatchObject({
      size: [8, 8],
      channels: 3,
      batch: 2,
      labels: ['a', 'b', 'c'],
      input: { name: 'input', dtype: 'f32', layout: 'NHWC' },
    });
    graph.metadata.set('labels', "{0: 'x', 1: 'y', 2: 'z'}");
    expect(readClassifier(exportOnnx(graph)).labels).toEqual(['x', 'y', 'z']);
    graph.metadata.set('labels', 'only,two');
    expect(readClassifier(exportOnnx(graph)).labels).toBeNull();
  });

  it('lists layers and takes values and nodes as targets', () => {
    const classifier = readClassifier(smallModelBytes());
    expect(classifier.layers().map((layer) => layer.op)).toEqual(['Conv', 'Relu', 'Conv', 'Relu', 'GlobalAveragePool']);
    expect(classifier.targetLayers).toHaveLength(4);
    const [first] = classifier.targetLayers;
    expect(compile(classifier, { batch: 1, passes: [layerGradient(first.node)] }).targetLayer).toBe(first.name);
    const unknown = () => compile(classifier, { batch: 1, passes: [layerGradient('feature')] });
    expect(unknown).toThrow(
      expect.objectContaining({ code: 'E_ARGUMENT', remedy: expect.stringContaining("'features'") as string }),
    );
    const notSpatial = () => compile(classifier, { batch: 1, passes: [layerGradient('scores')] });
    expect(notSpatial).toThrow(/not a feature map/);
  });

  it('estimates the memory of one sample', () => {
    const bytes = peakActivationBytes(smallModel());
    // Largest moment: a convolution's input and output, then its ReLU: 4 + 6 or 6 + 6 channels of 8×8 floats.
    expect(bytes).toBe(12 * 64 * 4);
    expect(peakActivationBytes(smallModel({ dims: [4, 3, 8, 8] }))).toBe(bytes);
  });
});

describe('what cannot be done is said', () => {
  it('a model without a spatial layer', () => {
    const b = new GraphBuilder('flat');
    b.input('input', [null, 1, 4, 4]);
    const x = b.op('Flatten', ['input'], { axis: 1 });
    b.output(b.dense(x, new Float32Array(32).fill(0.1), new Float32Array(2)), 'out', [null, 2]);
    const classifier = readClassifier(exportOnnx(b.graph));
    expect(classifier.targetLayers).toEqual([]);
    expect(classifier.targetLayer).toBeNull();
    expect(compile(classifier, { batch: 2 }).outputs).toEqual(['logits']);
    const explain = () => compile(classifier, { batch: 2, passes: [layerGradient()] });
    expect(explain).toThrow(
      expect.objectContaining({ code: 'E_MODEL_UNSUPPORTED', remedy: expect.stringContaining('entropy') as string }),
    );
  });

  it('an op without gradient rule names itself; the same op before the target does no harm', async () => {
    const build = (after: boolean) => {
      const b = new GraphBuilder('hardmax');
      b.graph.opsets.set('', 18);
      b.input('input', [null, 3, 8, 8]);
      const early = after ? 'input' : b.op('Hardmax', ['input'], { axis: 1 });
      const map = b.relu(b.conv(early, { dims: [2, 3, 1, 1], data: new Float32Array([1, 2, 3, 3, 2, 1]) }));
      const pooled = b.globalPool(map, 'average');
      const late = after ? b.op('Hardmax', [pooled]) : pooled;
      b.output(b.dense(late, new Float32Array([1, -1, 2, 1]), new Float32Array(2)), 'out', [null, 2]);
      return readClassifier(exportOnnx(b.graph));
    };
    expect(() => compile(build(true), { batch: 2, passes: [layerGradient()] })).toThrow(
      expect.objectContaining({
        code: 'E_OP_UNSUPPORTED',
        message: expect.stringMatching(/Hardmax node 'hardmax_\d+'.*--layer/) as string,
      }),
    );
    const { gradient } = await run(compile(build(false), { batch, passes: [layerGradient()] }), [0, 0, 0, 0]);
    expect(gradient.data[0]).toBeCloseTo(1 / 64, 6);
  });

  it('an op nobody knows, before the target, is bridged by declared shapes', () => {
    const b = new GraphBuilder('custom');
    b.graph.opsets.set('com.example', 1);
    b.input('input', [null, 3, 8, 8]);
    const odd = b.op('Odd', ['input']);
    b.graph.nodes[0].domain = 'com.example';
    b.graph.declared.set(odd, { name: odd, type: 'f32', dims: [null, 3, 8, 8] });
    b.output(b.dense(b.globalPool(b.relu(odd), 'max'), new Float32Array(6).fill(1), new Float32Array(2)), 'out', [
      null,
      2,
    ]);
    const compiled = compile(readClassifier(exportOnnx(b.graph)), { batch: 5, passes: [layerGradient()] });
    expect(compiled.dims.activation.slice(1)).toEqual([3, 8, 8]);
    b.graph.declared.clear();
    // Without the declaration nothing is known of the feature map, only the scores' declared shape.
    const blind = readClassifier(exportOnnx(b.graph));
    expect(blind.targetLayer).toBeNull();
    expect(blind.classes).toBe(2);
  });

  it.each([
    [
      'another size',
      () => compile(readClassifier(smallModelBytes()), { batch: 1, size: [9, 8] }),
      'E_ARGUMENT',
      /8×8 only/,
    ],
    [
      'no size',
      () => compile(readClassifier(smallModelBytes({ dims: [null, 3, null, null] })), { batch: 1 }),
      'E_ARGUMENT',
      /--size/,
    ],
    ['batch 0', () => compile(readClassifier(smallModelBytes()), { batch: 0 }), 'E_ARGUMENT', /positive/],
    [
      'a size option that differs',
      () => readClassifier(smallModelBytes(), { size: [224, 224] }),
      'E_ARGUMENT',
      /8×8 only/,
    ],
    [
      'an input that is not there',
      () => readClassifier(smallModelBytes(), { input: 'x' }),
      'E_ARGUMENT',
      /'input' \[\?, 3, 8, 8\]/,
    ],
    [
      'an output that is not there',
      () => readClassifier(smallModelBytes(), { output: 'x' }),
      'E_ARGUMENT',
      /no output 'x'/,
    ],
  ])('%s', (_name, action, code, message) => {
    expect(action).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) as string }));
  });

  it('a model that is no classifier', () => {
    const b = new GraphBuilder('segmentation');
    b.input('input', [null, 3, 8, 8]);
    b.output(b.relu('input'), 'mask', [null, 3, 8, 8]);
    expect(() => readClassifier(exportOnnx(b.graph))).toThrow(expect.objectContaining({ code: 'E_MODEL_UNSUPPORTED' }));
    const table = new GraphBuilder('table');
    table.input('rows', [null, 12]);
    table.output(table.dense('rows', new Float32Array(24), new Float32Array(2)), 'out', [null, 2]);
    expect(() => readClassifier(exportOnnx(table.graph))).toThrow(/expected one image input/);
  });
});
