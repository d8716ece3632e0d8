import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { sizeOf, tensor } from '../../src/core/tensor.js';
import { f32, valuesOf, type Constant } from '../../src/graph/constant.js';
import { Emitter } from '../../src/graph/emitter.js';
import { appendGradients } from '../../src/graph/gradient.js';
import { Inference } from '../../src/graph/infer.js';
import type { Graph, ValueInfo } from '../../src/graph/ir.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { buildModel, isParameter } from '../../src/models/index.js';
import { openSession } from '../../src/runtime/index.js';
import { readArrays, type GoldenArray } from './golden_arrays.mjs';
import { narrowNetworks as narrow } from './narrow_networks.js';
import { largestDifference } from './read_golden.js';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Name, dims, standard deviation and largest magnitude of each tensor in torchvision's state_dict. */
type TensorFacts = [name: string, dims: number[], deviation: number, largest: number];
const { models } = JSON.parse(readFileSync(here('models_structure.json'), 'utf8')) as {
  models: Record<string, { trainable: number; tensors: TensorFacts[] }>;
};

/** Initializers that PyTorch knows: what is computed with besides them has a name without dots. */
const stateOf = (graph: Graph) => [...graph.initializers].filter(([name]) => name.includes('.'));

function momentsOf(constant: Constant): { mean: number; deviation: number; largest: number } {
  const values = valuesOf(constant);
  let [sum, squares, largest] = [0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    sum += values[i];
    squares += values[i] * values[i];
    largest = Math.max(largest, Math.abs(values[i]));
  }
  const mean = sum / values.length;
  return { mean, deviation: Math.sqrt(Math.max(0, squares / values.length - mean * mean)), largest };
}

describe("full networks have torchvision's state_dict", () => {
  it('has the three that torchvision has', () => {
    expect(Object.keys(models)).toEqual(['densenet121', 'resnet50', 'vgg16']);
  });

  it.each(Object.entries(models))('%s: names, shapes, count, initial distribution', (name, { trainable, tensors }) => {
    // 103 million values more would take seconds to draw and say nothing that the next layer does not.
    const weights = new Map(name === 'vgg16' ? [['classifier.0.weight', f32([4096, 25088], new Float32Array(4096 * 25088))]] : []);
    const graph = buildModel(name, { channels: 3, size: 224, seed: 11, weights });
    const state = stateOf(graph);
    expect(state.map(([key, { dims }]) => [key, [...dims]])).toEqual(tensors.map(([key, dims]) => [key, dims]));
    const count = state.reduce((sum, [key, { dims }]) => sum + (isParameter(key) ? sizeOf(dims) : 0), 0);
    expect(count).toBe(trainable);
    for (const [key, dims, deviation, largest] of tensors) {
      if (weights.has(key)) continue;
      const ours = momentsOf(graph.initializers.get(key) as Constant);
      const n = sizeOf(dims);
      if (deviation === 0) {
        expect([key, ours.deviation, ours.largest]).toEqual([key, 0, largest]);
        continue;
      }
      // Two samples of n: their deviations differ by about 1/√n relative, the mean is within a few deviation/√n of 0.
      expect(Math.abs(ours.deviation / deviation - 1), key).toBeLessThan(6 / Math.sqrt(n));
      expect(Math.abs(ours.mean), key).toBeLessThan((6 * deviation) / Math.sqrt(n));
      // A uniform distribution ends at √3 deviations; thousands of normal draws go beyond 3.
      const uniform = largest / deviation < 1.9;
      if (n >= 1000) expect([key, ours.largest / ours.deviation < 1.9]).toEqual([key, uniform]);
    }
  });
});

describe("narrow networks with PyTorch's weights", () => {
  const { header, arrays } = readArrays(here('models.bin'));
  const sizes = header.sizes as Record<string, number[]>;
  const under = (prefix: string) =>
    new Map([...arrays].flatMap(([key, { dims, data }]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), f32(dims, data)]] : [])));
  const load = (name: string, size: number) => {
    const [images, logits] = ['images', 'logits'].map((what) => arrays.get(`${name}@${size}/${what}`) as GoldenArray);
    const graph = narrow[name]({ channels: images.dims[1], size, classes: 5, weights: under(`${name}/`) });
    return { graph, images, logits };
  };

  it('covers every builder', () => {
    expect(Object.keys(sizes)).toEqual(Object.keys(narrow));
  });

  it.each(Object.entries(sizes).flatMap(([name, all]) => all.map((size) => [name, size] as const)))('%s at %i: logits', async (name, size) => {
    const { graph, images, logits } = load(name, size);
    expect(stateOf(graph).map(([key]) => key).sort()).toEqual([...under(`${name}/`).keys()].sort());
    const session = await openSession(exportOnnx(graph));
    const outputs = await session.run({ image: tensor('f32', images.dims, images.data) });
    await session.close();
    const result = outputs[name === 'autoencoder' ? 'reconstruction' : 'logits'];
    expect(result.dims).toEqual(logits.dims);
    expect(graph.outputs.at(-1)?.dims).toEqual([null, ...logits.dims.slice(1)]);
    // The two images differ in their scores: the networks are alive.
    const half = logits.data.length / 2;
    expect(largestDifference(logits.data.subarray(0, half), logits.data.subarray(half))).toBeGreaterThan(0.01);
    const scale = Math.max(1, ...logits.data.map(Math.abs));
    expect(largestDifference(result.data as Float32Array, logits.data) / scale).toBeLessThan(1e-5);
  });

  it.each(Object.entries(sizes))('%s: the gradient of every parameter', async (name, [size]) => {
    const { graph, images, logits } = load(name, size);
    const known = new Inference(graph);
    known.setShape('image', { type: 'f32', dims: images.dims });
    graph.nodes.forEach((node) => known.visit(node));
    const emit = new Emitter(graph, known, (node) => known.visit(node));
    const seed = emit.constant(f32(logits.dims, Float32Array.from(logits.data, (_, i) => Math.cos(i))));
    const parameters = [...graph.initializers.keys()].filter(isParameter);
    const found = appendGradients(graph, emit, (graph.outputs.at(-1) as ValueInfo).name, seed, parameters);
    graph.outputs = [...found.values()].map((value) => ({ name: value, type: 'f32' }));
    const session = await openSession(exportOnnx(graph));
    const outputs = await session.run({ image: tensor('f32', images.dims, images.data) });
    await session.close();
    const expected = under(`${name}~`);
    expect([...expected.keys()].sort()).toEqual(parameters.sort());
    for (const [parameter, constant] of expected) {
      const gradient = outputs[found.get(parameter) as string];
      expect([parameter, gradient.dims]).toEqual([parameter, constant.dims]);
      const want = valuesOf(constant) as Float32Array;
      const scale = Math.max(...want.map(Math.abs));
      expect(scale, parameter).toBeGreaterThan(1e-3);
      expect(largestDifference(gradient.data as Float32Array, want) / scale, parameter).toBeLessThan(1e-5);
    }
  });
});
