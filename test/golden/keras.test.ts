import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { readClassifier } from '../../src/graph/classifier.js';
import { compile } from '../../src/graph/compile.js';
import { readLayersModel } from '../../src/graph/layers_model/import.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { layerGradient } from '../../src/graph/passes/layer_gradient.js';
import { openSession } from '../../src/runtime/index.js';
import { largestDifference, readGolden } from './read_golden.js';

const here = (name: string) => fileURLToPath(new URL(`keras/${name}`, import.meta.url));
const flavours = ['keras2', 'keras3', 'keras3_h5'];

function goldenOf(folder: string) {
  const { arrays } = readGolden(here(`${folder}/golden.bin`));
  const outputs = [...arrays].filter(([name]) => name.startsWith('output:'));
  return {
    path: here(`${folder}/model.json`),
    images: arrays.get('images') as Tensor<'f32'>,
    outputs: outputs.map(([name, values]) => [name.slice('output:'.length), values] as const),
  };
}

/** All outputs of a model, in its order. */
async function outputsOf(path: string, images: Tensor<'f32'>): Promise<Float32Array[]> {
  const { graph } = readLayersModel(path);
  const session = await openSession(exportOnnx(graph));
  const results = await session.run({ [graph.inputs[0].name]: images });
  await session.close();
  return graph.outputs.map(({ name }) => results[name].data as Float32Array);
}

it('goldens of every flavour are there', () => {
  expect(readdirSync(here('')).sort()).toEqual(flavours);
});

describe.each(flavours)('layers against %s', async (flavour) => {
  const { path, images, outputs } = goldenOf(`${flavour}/layers`);
  const results = await outputsOf(path, images);
  it.each(outputs.map(([name, expected], i) => [name, expected, i] as const))('%s', (_, expected, i) => {
    const scale = Math.max(1, ...expected.data.map(Math.abs));
    expect(new Set(expected.data).size).toBeGreaterThan(1);
    expect(largestDifference(results[i], expected.data) / scale).toBeLessThan(1e-5);
  });
});

describe.each(flavours)('a classifier against %s', (flavour) => {
  const { path, images, outputs } = goldenOf(`${flavour}/classifier`);
  const [[, expected]] = outputs;

  it('gives its probabilities', async () => {
    const [received] = await outputsOf(path, images);
    expect(largestDifference(received, expected.data)).toBeLessThan(1e-5);
    // Both images alike would prove nothing.
    expect(largestDifference(expected.data.subarray(0, 3), expected.data.subarray(3))).toBeGreaterThan(1e-2);
  });

  it('is read with input, head, target layer and dropout, and compiles for Grad-CAM', async () => {
    const classifier = readClassifier(path);
    expect(classifier).toMatchObject({ size: [32, 32], channels: 1, classes: 3, activation: 'softmax', activationSource: 'graph' });
    expect(classifier.targetLayer?.name).toMatch(/^deep\/re_lu/);
    const compiled = compile(classifier, { batch: 2, passes: [layerGradient()], dropout: {} });
    // Stochastic depth is no dropout of units.
    expect(compiled.dropout).toMatchObject({ placement: 'model', masks: [{ rate: expect.closeTo(0.3, 6) as number }] });
    const session = await openSession(compiled.onnx);
    const { activation, gradient } = await session.run({
      image: images,
      class_index: tensor('i64', [2], BigInt64Array.of(-1n, 1n)),
    });
    await session.close();
    expect(activation.dims).toEqual([2, 12, 8, 8]);
    const values = gradient.data as Float32Array;
    expect(values.every(Number.isFinite) && values.some((value) => value !== 0)).toBe(true);
  });
});
