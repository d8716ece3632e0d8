import { describe, expect, it } from 'vitest';
import { openBackend } from '../../src/backend/index.js';
import { Rng } from '../../src/core/rng.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { findExplanation } from '../../src/explain/index.js';
import { readClassifier } from '../../src/graph/classifier.js';
import { compile } from '../../src/graph/compile.js';
import { f32, valuesOf, type Constant } from '../../src/graph/constant.js';
import type { Graph } from '../../src/graph/ir.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { layerGradient } from '../../src/graph/passes/layer_gradient.js';
import { buildModel, isParameter, modelNames, type BuildOptions } from '../../src/models/index.js';
import { openSession } from '../../src/runtime/index.js';

/** As published in depth, an eighth as wide. */
const small: BuildOptions = { channels: 1, size: 64, classes: 3, widthMultiplier: 1 / 8, seed: 5 };
const noise = (batch: number, channels: number, size: number) => {
  const rng = new Rng(1, 'image');
  const data = Float32Array.from({ length: batch * channels * size * size }, () => rng.normal());
  return tensor('f32', [batch, channels, size, size], data);
};
const values = (name: string, parameter: string, options: BuildOptions) =>
  Float32Array.from(valuesOf(buildModel(name, options).initializers.get(parameter) as Constant));

describe('classifiers', () => {
  const last = {
    densenet121: 'features.relu5',
    resnet50: 'layer4.2',
    vgg16: 'features.30',
    'small-cnn': 'blocks.2.relu',
  };

  it.each(Object.entries(last))('%s is read, compiled with Grad-CAM at %s, and explained', async (name, layer) => {
    const classifier = readClassifier(exportOnnx(buildModel(name, small)));
    expect(classifier).toMatchObject({ size: [64, 64], channels: 1, classes: 3, batch: null, activation: 'softmax' });
    expect(classifier.targetLayer?.name).toBe(layer);
    const compiled = compile(classifier, { batch: 2, passes: [layerGradient()] });
    expect(compiled.batch).toBe(2);
    const session = await openSession(compiled.onnx);
    const image = noise(2, 1, 64);
    const outputs = await session.run({ image, class_index: tensor('i64', [2], BigInt64Array.of(0n, 2n)) });
    await session.close();
    expect([...(outputs.logits.data as Float32Array)].every(Number.isFinite)).toBe(true);
    const backend = await openBackend({ prefer: 'reference' });
    const run = { images: image, outputs, again: () => Promise.reject(new Error('Grad-CAM needs one run')) };
    const { maps } = await findExplanation('grad-cam').maps(run, backend, { height: 64, width: 64, keep: false });
    backend.close();
    const map = (maps as Tensor<'f32'>).data;
    expect(map.every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  it.each([
    ['vgg16', undefined, [0.5, 0.5]],
    ['vgg16', 0.3, [0.3, 0.3]],
    ['resnet50', 0.25, [0.25]],
    ['small-cnn', 0.25, [0.25]],
    ['densenet121', 0.1, Array.from({ length: 58 }, () => 0.1)],
  ])('%s with dropout %s has Dropout nodes where Monte Carlo dropout finds them', (name, dropout, rates) => {
    const classifier = readClassifier(exportOnnx(buildModel(name, { ...small, dropout })));
    const { masks, placement } = compile(classifier, { batch: 1, dropout: {} }).dropout ?? {};
    expect(placement).toBe('model');
    expect(masks?.map(({ rate }) => Number(rate.toFixed(6)))).toEqual(rates);
  });

  it.each(['densenet121', 'resnet50', 'small-cnn'])('%s has no Dropout node unless asked', (name) => {
    expect(buildModel(name, small).nodes.some(({ op }) => op === 'Dropout')).toBe(false);
  });
});

describe('buildModel', () => {
  it.each(modelNames)('%s gives equal graphs for equal options, other weights for another seed', (name) => {
    const narrow = { ...small, widthMultiplier: 1 / 64 };
    const [first, second, other] = [narrow, narrow, { ...narrow, seed: 6 }].map((options) => buildModel(name, options));
    expect({ ...first, initializers: null }).toEqual({ ...second, initializers: null });
    for (const [parameter, constant] of first.initializers) {
      const equals = (graph: Graph) =>
        Buffer.from((graph.initializers.get(parameter) as Constant).raw).equals(constant.raw);
      expect([parameter, equals(second)]).toEqual([parameter, true]);
      const start = valuesOf(constant);
      const isDrawn = isParameter(parameter) && start[0] !== 0 && start[0] !== 1;
      expect([parameter, equals(other)]).toEqual([parameter, !isDrawn]);
    }
    expect(other.nodes).toEqual(first.nodes);
  });

  it('draws each parameter by its name, whatever the rest of the network', () => {
    const parameter = 'layer2.0.conv2.weight';
    const rgb = values('resnet50', parameter, { ...small, channels: 3, classes: 7 });
    expect(rgb).toEqual(values('resnet50', parameter, small));
    expect(rgb).not.toEqual(values('resnet50', 'layer2.1.conv2.weight', small));
  });

  it('starts from given weights and draws the others', () => {
    const given = f32([3], [1, 2, 3]);
    const graph = buildModel('resnet50', { ...small, weights: new Map([['fc.bias', given]]) });
    expect(graph.initializers.get('fc.bias')).toBe(given);
    expect(graph.initializers.get('fc.weight')).toEqual(buildModel('resnet50', small).initializers.get('fc.weight'));
  });

  it('takes widths down to one channel', async () => {
    for (const name of modelNames) {
      const session = await openSession(exportOnnx(buildModel(name, { ...small, widthMultiplier: 1e-3 })));
      const outputs = await session.run({ image: noise(1, 1, 64) });
      await session.close();
      for (const { data } of Object.values(outputs))
        expect([...(data as Float32Array)].every(Number.isFinite)).toBe(true);
    }
  });

  it('refuses what it cannot build', () => {
    const build = (name: string, options: Partial<BuildOptions>) => () => buildModel(name, { ...small, ...options });
    expect(build('alexnet', {})).toThrow(/there is no architecture "alexnet".*densenet121, resnet50, vgg16/);
    expect(build('toString', {})).toThrow(/no architecture/);
    expect(build('resnet50', { channels: 0 })).toThrow(/channels: expected a positive integer/);
    expect(build('resnet50', { size: 32.5 })).toThrow(/size: expected a positive integer/);
    expect(build('resnet50', { classes: 0 })).toThrow(/classes: expected/);
    expect(build('unet', { widthMultiplier: 0 })).toThrow(/widthMultiplier: expected a positive number/);
    expect(build('unet', { seed: Number.NaN })).toThrow(/seed: expected/);
    expect(build('vgg16', { dropout: 1 })).toThrow(/dropout: expected a share in \[0, 1\)/);
    expect(build('vgg16', { size: 31 })).toThrow(/size: the map that reaches features.30 is 1 × 1/);
    expect(build('densenet121', { size: 16 })).toThrow(/size: the map that reaches features.transition3.pool/);
    const weights = new Map([['fc.bias', f32([4], [0, 0, 0, 0])]]);
    expect(build('resnet50', { weights })).toThrow(/fc.bias: expected f32\[3\], received f32\[4\]/);
  });

  it('builds at the smallest sizes', () => {
    expect(buildModel('vgg16', { ...small, size: 32 }).outputs[0].dims).toEqual([null, 3]);
    expect(buildModel('densenet121', { ...small, size: 32 }).outputs[0].dims).toEqual([null, 3]);
    expect(buildModel('resnet50', { ...small, size: 1 }).outputs[0].dims).toEqual([null, 3]);
    expect(buildModel('unet', { ...small, size: 4 }).outputs[0].dims).toEqual([null, 3, 4, 4]);
  });
});
