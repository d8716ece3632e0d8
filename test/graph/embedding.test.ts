import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { sizeOf, tensor, type Tensor } from '../../src/core/tensor.js';
import { readClassifier, type Classifier } from '../../src/graph/classifier.js';
import { compile } from '../../src/graph/compile.js';
import { f32, valuesOf } from '../../src/graph/constant.js';
import { findHeadLayer } from '../../src/graph/head_layer.js';
import type { Graph } from '../../src/graph/ir.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { embedding } from '../../src/graph/passes/embedding.js';
import { layerGradient } from '../../src/graph/passes/layer_gradient.js';
import { relevance } from '../../src/graph/passes/relevance.js';
import { relevancePresets } from '../../src/graph/relevance/presets.js';
import type { GraphPass } from '../../src/graph/passes/pass.js';
import { withPlainWeights } from '../../src/graph/rewriting.js';
import { GraphBuilder } from '../../src/models/builder.js';
import { buildModel } from '../../src/models/index.js';
import { openSession } from '../../src/runtime/index.js';
import { smallModel } from './small_models.js';

const batch = 3;
const drawn = (name: string, dims: readonly number[]) => {
  const rng = new Rng(3, name);
  return Float32Array.from({ length: sizeOf(dims) }, () => rng.normal());
};

async function outputsOf(classifier: Classifier, passes: GraphPass[], size: [number, number]) {
  const { onnx, dims } = compile(classifier, { batch, size, passes });
  const shape = [batch, classifier.channels, ...size];
  const session = await openSession(onnx);
  const given = { image: tensor('f32', shape, drawn('images', shape)) };
  const outputs = await session.run({ ...given, class_index: tensor('i64', [batch], new BigInt64Array(batch)) });
  await session.close();
  return { dims, embedding: outputs.embedding as Tensor<'f32'>, logits: outputs.logits as Tensor<'f32'> };
}

/** Largest distance of the logits from W · embedding + b. */
function distance(classifier: Classifier, features: Tensor<'f32'>, logits: Tensor<'f32'>): number {
  const graph = withPlainWeights(classifier.graph, classifier.logits);
  const found = findHeadLayer(graph, classifier.logits, classifier.classes);
  if ('obstacle' in found) throw new Error('no head');
  const weights = valuesOf(found.weights);
  const bias = graph.initializers.get(found.bias ?? found.node.inputs[2] ?? '');
  const { classes } = classifier;
  const width = features.dims[1];
  let largest = 0;
  for (let b = 0; b < batch; b++) {
    for (let k = 0; k < classes; k++) {
      let sum = bias ? valuesOf(bias)[k] : 0;
      for (let d = 0; d < width; d++)
        sum += features.data[b * width + d] * weights[found.axis === 0 ? k * width + d : d * classes + k];
      largest = Math.max(largest, Math.abs(sum - logits.data[b * classes + k]));
    }
  }
  return largest;
}

const read = (graph: Graph) => readClassifier(exportOnnx(graph));

describe('penultimate features', () => {
  it.each([
    ['densenet121', 0.125],
    ['small-cnn', 1],
    ['resnet50', 0.125],
    ['vgg16', 0.125],
  ])('of %s make its logits', { timeout: 30_000 }, async (name, widthMultiplier) => {
    const classifier = read(buildModel(name, { channels: 1, size: 32, classes: 3, widthMultiplier, seed: 1 }));
    const { dims, embedding: features, logits } = await outputsOf(classifier, [embedding()], [32, 32]);
    expect(dims.embedding).toEqual(features.dims);
    expect(new Set(features.data).size).toBeGreaterThan(batch);
    expect(distance(classifier, features, logits)).toBeLessThan(1e-4);
  });

  it.each([
    ['as they are', {}],
    ['through a Reshape', { reshape: [-1, 6] }],
    ['behind Dropout and Softmax', { tail: ['Dropout', 'Softmax'] }],
    ['of a model of bytes', { dtype: 'u8' as const }],
    ['with channels last', { layout: 'NHWC' as const }],
  ])('of a small net, %s', async (_, options) => {
    const classifier = read(smallModel(options));
    const { embedding: features, logits } = await outputsOf(classifier, [embedding()], [8, 8]);
    expect(features.dims).toEqual([batch, 6]);
    expect(distance(classifier, features, logits)).toBeLessThan(1e-5);
  });

  it('of a fully convolutional head', async () => {
    const b = new GraphBuilder('convolutional');
    const image = b.input('image', [null, 2, 8, 8]);
    const pooled = b.op('GlobalAveragePool', [b.relu(image)]);
    const scores = b.op('Conv', [pooled, b.constant(f32([4, 2, 1, 1], drawn('w', [8])))]);
    b.output(b.op('Add', [b.reshape(scores, [-1, 4]), b.constant(f32([4], drawn('b', [4])))]), 'logits', [null, 4]);
    const classifier = read(b.graph);
    const { embedding: features, logits } = await outputsOf(classifier, [embedding()], [8, 8]);
    expect(features.dims).toEqual([batch, 2]);
    expect(distance(classifier, features, logits)).toBeLessThan(1e-5);
  });

  it('are the same beside any explanation', async () => {
    const classifier = read(buildModel('densenet121', { channels: 1, size: 32, classes: 2, widthMultiplier: 0.125 }));
    const alone = await outputsOf(classifier, [embedding()], [32, 32]);
    const deepTaylor = relevancePresets.find(({ name }) => name === 'deep-taylor')!;
    const preset = relevance(deepTaylor, { low: [0], high: [1] });
    for (const explanation of [layerGradient(), preset]) {
      const beside = await outputsOf(classifier, [explanation, embedding()], [32, 32]);
      expect(beside.embedding.dims).toEqual(alone.embedding.dims);
      const differences = alone.embedding.data.map((v, i) => Math.abs(v - beside.embedding.data[i]));
      expect(Math.max(...differences)).toBeLessThan(1e-5);
    }
  });

  it('do not exist where no single linear layer makes the logits', () => {
    const b = new GraphBuilder('pooled scores');
    const image = b.input('image', [null, 2, 8, 8]);
    const scores = b.op('Conv', [image, b.constant(f32([4, 2, 1, 1], drawn('w', [8])))]);
    b.output(b.op('Flatten', [b.op('GlobalAveragePool', [b.relu(scores)])], { axis: 1 }), 'logits', [null, 4]);
    const compiled = () => compile(read(b.graph), { batch, passes: [embedding()] });
    expect(compiled).toThrow(expect.objectContaining({ code: 'E_MODEL_UNSUPPORTED' }));
    expect(compiled).toThrow(/penultimate features/);
  });
});
