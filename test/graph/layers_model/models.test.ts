import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { tensor } from '../../../src/core/tensor.js';
import { readClassifier } from '../../../src/graph/classifier.js';
import { compile } from '../../../src/graph/compile.js';
import { inputGradient } from '../../../src/graph/passes/input_gradient.js';
import { layerGradient } from '../../../src/graph/passes/layer_gradient.js';
import { openSession } from '../../../src/runtime/index.js';
import { sharedFolder } from '../../support/files.js';
import { greyClassifier, mobileNet, nestedDenseNet, siamese } from './classifiers.js';
import { channelsFirst, difference, inputOf, predicted, saveModel } from './tfjs_models.js';

let folder: string;
beforeAll(async () => {
  folder = await sharedFolder();
});

const makers = { mobileNet, nestedDenseNet, greyClassifier, siamese };
const names = Object.keys(makers) as (keyof typeof makers)[];

describe('whole models', () => {
  it.each(names)('%s computes what TensorFlow.js computes', async (name) => {
    expect(await difference(makers[name](), join(folder, name))).toBeLessThan(1e-5);
  });

  it.each(names)('%s, saved in shards of 100 bytes', async (name) => {
    expect(await difference(makers[name](), join(folder, `${name}_shards`), { shardBytes: 100 })).toBeLessThan(1e-5);
  });

  it.each([
    ['uint16', 1e-3],
    ['float16', 5e-3],
    ['uint8', 0.1],
  ] as const)('weights stored as %s come back within their precision', async (quantization, tolerance) => {
    const model = nestedDenseNet();
    const found = await difference(model, join(folder, quantization), { quantization, shardBytes: 333 });
    expect(found).toBeLessThan(tolerance);
    expect(found).toBeGreaterThan(0);
  });
});

/** Logits of the compiled model, its probabilities by TensorFlow.js, and Grad-CAM's ingredients. */
async function compiledRun(name: keyof typeof makers) {
  const model = makers[name]();
  const path = await saveModel(model, join(folder, `${name}_compiled`));
  const classifier = readClassifier(path);
  const { dims, values } = inputOf(model, 2);
  const compiled = compile(classifier, { batch: 2, passes: [layerGradient(), inputGradient()] });
  const session = await openSession(compiled.onnx);
  const outputs = await session.run({
    image: tensor('f32', [2, dims[3], dims[1], dims[2]], channelsFirst(values, dims)),
    class_index: tensor('i64', [2], BigInt64Array.of(-1n, 0n)),
  });
  await session.close();
  return { classifier, compiled, outputs, probabilities: predicted(model, 2)[0] };
}

function softmax(logits: readonly number[]): number[] {
  const top = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

describe('as classifiers', () => {
  it.each([
    [
      'mobileNet',
      { size: [32, 32], channels: 3, classes: 5, activation: 'softmax', activationSource: 'graph' },
      'relu_3',
    ],
    [
      'nestedDenseNet',
      { size: [24, 24], channels: 3, classes: 4, activation: 'softmax', activationSource: 'graph' },
      'densenet/final_relu',
    ],
    [
      'greyClassifier',
      { size: [20, 20], channels: 1, classes: 1, activation: 'sigmoid', activationSource: 'graph', multiLabel: true },
      'pool_b',
    ],
    [
      'siamese',
      { size: [12, 12], channels: 3, classes: 3, activation: 'softmax', activationSource: 'assumed' },
      'joined',
    ],
  ] as const)('%s: input, head and target layer are found, maps are finite', async (name, facts, target) => {
    const { classifier, compiled, outputs, probabilities } = await compiledRun(name);
    expect(classifier).toMatchObject({ ...facts, batch: null, input: { layout: 'NCHW', dtype: 'f32' } });
    expect(classifier.targetLayer?.name).toBe(target);
    expect(compiled.batch).toBe(2);
    const logits = [...(outputs.logits.data as Float32Array)];
    const expected =
      facts.activationSource === 'assumed'
        ? logits
        : facts.activation === 'softmax'
          ? [0, 1].flatMap((i) => softmax(logits.slice(i * facts.classes, (i + 1) * facts.classes)))
          : logits.map((logit) => 1 / (1 + Math.exp(-logit)));
    expected.forEach((value, i) => expect(value).toBeCloseTo(probabilities[i], 5));
    for (const output of ['activation', 'gradient', 'input_gradient']) {
      const values = outputs[output].data as Float32Array;
      expect(values.every(Number.isFinite)).toBe(true);
      expect(values.some((value) => value !== 0)).toBe(true);
    }
  });

  it('layers are named as in Keras, nested ones after their model', async () => {
    const path = await saveModel(nestedDenseNet(), join(folder, 'names'));
    expect(readClassifier(path, { targetLayer: 'densenet/pool2_pool' }).targetLayer?.shape).toEqual([1, 7, 3, 3]);
    expect(() => readClassifier(path, { targetLayer: 'densenet/final_rleu' })).toThrow(
      /Closest: 'densenet\/final_relu'/,
    );
  });

  it('any image size where the model leaves it open', async () => {
    const path = await saveModel(mobileNet([null, null, 3]), join(folder, 'open'));
    const classifier = readClassifier(path);
    expect(classifier.size).toBeNull();
    const { dims } = compile(classifier, { batch: 1, size: [45, 38], passes: [layerGradient()] });
    expect(dims.activation).toEqual([1, 12, 11, 9]);
  });

  it('Dropout stays in the graph for Monte-Carlo dropout', async () => {
    const path = await saveModel(mobileNet(), join(folder, 'dropout'));
    const { dropout } = compile(readClassifier(path), { batch: 2, dropout: {} });
    expect(dropout).toMatchObject({ placement: 'model', masks: [{ rate: expect.closeTo(0.1, 6) as number }] });
  });

  it('class names from the metadata; all files of the model are known', async () => {
    const at = join(folder, 'labels');
    const metadata = { labels: ['a', 'b', 'c', 'd'] };
    const path = await saveModel(nestedDenseNet(), at, { metadata, shardBytes: 5000 });
    const { labels, files } = readClassifier(path);
    expect(labels).toEqual(['a', 'b', 'c', 'd']);
    expect(files).toEqual([path, join(at, 'group1-shard1.bin'), join(at, 'group1-shard2.bin')]);
  });
});
