import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCpuBackend, type Backend } from '../../src/backend/index.js';
import { sizeOf, tensor } from '../../src/core/tensor.js';
import { f32, valuesOf } from '../../src/graph/constant.js';
import { Emitter } from '../../src/graph/emitter.js';
import { appendGradients } from '../../src/graph/gradient.js';
import { Inference } from '../../src/graph/infer.js';
import { emptyGraph } from '../../src/graph/ir.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { appendLoss, type LossSettings } from '../../src/graph/training/losses.js';
import { openSession } from '../../src/runtime/index.js';
import { openTrainingStep } from '../../src/training/open_training_step.js';
import { agreement, readArrays, type GoldenArray } from './golden_arrays.mjs';
import { narrowNetworks } from './narrow_networks.js';
import { largestDifference } from './read_golden.js';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const { header, arrays } = readArrays(here('training_steps.bin'));
const weights = readArrays(here('models.bin')).arrays;
const { batch, steps, sizes } = header as { batch: number; steps: number; sizes: Record<string, number> };
const golden = (name: string) => arrays.get(name) as GoldenArray;

/** The images of training_steps.py: hashes of their pixels' numbers, in [-2, 2). */
function hashed(from: number, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    let h = Math.imul(from + i, 2654435761) >>> 0;
    h = Math.imul(h ^ (h >>> 16), 2246822519) >>> 0;
    h = (h ^ (h >>> 13)) >>> 0;
    return h / 2 ** 30 - 2;
  });
}

let backend: Backend;
beforeAll(() => {
  backend = openCpuBackend({ onNotice: () => {} });
});
afterAll(() => backend.close());

describe.each(['onnxruntime', 'native'] as const)('ten steps of Adam as PyTorch makes them, %s', (runtime) => {
  it.each(Object.entries(sizes))('%s at %i', async (name, size) => {
    const own = [...weights].filter(([key]) => key.startsWith(`${name}/`));
    const start = new Map(own.map(([key, { dims, data }]) => [key.slice(name.length + 1), f32(dims, data)]));
    const channels = weights.get(`${name}@${{ resnet: 32, densenet: 32 }[name] ?? size}/images`)!.dims[1];
    const model = narrowNetworks[name]({ channels, size, classes: 5, weights: start, dropout: 0 });
    const loss: LossSettings = { kind: name === 'autoencoder' ? 'mean-squared-error' : 'cross-entropy' };
    const step = await openTrainingStep(model, { batch, loss, optimiser: { rule: 'adam', learningRate: 3e-4, epsilon: 1e-6 }, runtime });
    const dims = [batch, channels, size, size];
    const losses: number[] = [];
    for (let at = 0; at < steps; at++) {
      const images = tensor('f32', dims, hashed(1000 + at * sizeOf(dims), sizeOf(dims)));
      const targets = targetsOf(name, at, images.data);
      losses.push((await step.accumulate({ images, targets }, at)).loss);
      expect((await step.apply(backend)).applied).toBe(true);
    }
    const trained = step.model().initializers;
    await step.close();
    const expected = golden(`${name}/losses`).data;
    losses.forEach((value, at) => expect(Math.abs(value / expected[at] - 1), `loss ${at}`).toBeLessThan(2e-4));
    const all: [number[], number[]] = [[], []];
    for (const [key, { data }] of arrays) {
      if (!key.startsWith(`${name}/after/`)) continue;
      const tensorName = key.slice(`${name}/after/`.length);
      const result = valuesOf(trained.get(tensorName)!) as Float32Array;
      all[0].push(...result);
      all[1].push(...data);
      // Where rounding decides a ReLU or a maximum, as it does in PyTorch's own float32, one layer is off a little.
      expect(agreement(result, data).relativeL2, tensorName).toBeLessThan(5e-4);
      // It moved: by about steps · learning rate.
      expect(largestDifference(result, valuesOf(start.get(tensorName)!) as Float32Array), tensorName).toBeGreaterThan(1e-4);
    }
    expect(agreement(...all).relativeL2).toBeLessThan(1e-4);
  });
});

function targetsOf(name: string, at: number, images: Float32Array) {
  if (name === 'autoencoder') return tensor('f32', [batch, images.length / batch], images);
  const { dims, data } = golden(`${name}/classes`);
  const inner = sizeOf(dims.slice(2));
  const targets = tensor('f32', [batch, 5, ...dims.slice(2)]);
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < inner; i++) targets.data[(b * 5 + data[(at * batch + b) * inner + i]) * inner + i] = 1;
  }
  return targets;
}

const losses: Record<string, LossSettings> = {
  plain: { kind: 'cross-entropy' },
  weighted: { kind: 'cross-entropy', classWeights: [0.5, 2, 1, 0.25, 3] },
  smooth: { kind: 'cross-entropy', classWeights: [0.5, 2, 1, 0.25, 3], labelSmoothing: 0.1 },
  soft: { kind: 'cross-entropy' },
  binary: { kind: 'binary-cross-entropy' },
  positive: { kind: 'binary-cross-entropy', positiveWeights: [0.5, 2, 1, 0.25, 3] },
  squared: { kind: 'mean-squared-error' },
  dice: { kind: 'dice-cross-entropy' },
  dice_single: { kind: 'dice-cross-entropy', diceWeight: 0.5 },
};

it.each(Object.entries(losses))("loss %s and its gradient are PyTorch's", async (name, loss) => {
  const [logits, targets, value, gradient] = ['logits', 'targets', 'value', 'gradient'].map((what) =>
    golden(`loss/${name}/${what}`),
  );
  const graph = emptyGraph('loss');
  const known = new Inference(graph);
  const emit = new Emitter(graph, known, (node) => known.visit(node));
  emit.input('logits', logits.dims);
  emit.input('targets', targets.dims);
  const total = appendLoss(emit, loss, 'logits', 'targets');
  const found = appendGradients(graph, emit, total, emit.constant(f32([], [1])), ['logits']).get('logits') as string;
  graph.outputs = [total, found].map((output) => ({ name: output, type: 'f32' }));
  const session = await openSession(exportOnnx(graph));
  const inputs = { logits: tensor('f32', logits.dims, logits.data), targets: tensor('f32', targets.dims, targets.data) };
  const outputs = await session.run(inputs);
  await session.close();
  expect(Math.abs((outputs[total].data as Float32Array)[0] / value.data[0] - 1)).toBeLessThan(1e-5);
  const scale = Math.max(...gradient.data.map(Math.abs));
  expect(largestDifference(outputs[found].data as Float32Array, gradient.data) / scale).toBeLessThan(1e-5);
});

const aligned = [...arrays.keys()].flatMap((key) => /^alignment\/(.*)\/loss$/.exec(key)?.[1] ?? []);

describe.each(['onnxruntime', 'native'] as const)('attention alignment through the gradient pass twice, %s', (runtime) => {
  it('covers maps at the end and in the middle', () => expect(aligned).toHaveLength(4));

  it.each(aligned)('%s', async (name) => {
    const [network, layer] = name.split('@');
    const start = new Map(
      [...weights]
        .filter(([key]) => key.startsWith(`${network}/`))
        .map(([key, { dims, data }]) => [key.slice(network.length + 1), f32(dims, data)]),
    );
    const size = network === 'small_cnn' ? 16 : 64;
    const channels = network === 'resnet' ? 1 : 3;
    const model = narrowNetworks[network]({ channels, size, classes: 5, weights: start });
    const step = await openTrainingStep(model, {
      batch,
      runtime,
      loss: { kind: 'cross-entropy' },
      alignment: { weight: 0.7, layer },
      optimiser: { rule: 'sgd', learningRate: 1 },
    });
    const dims = [batch, channels, size, size];
    const rois = tensor('f32', [batch, size, size]);
    for (let b = 0; b < batch - 1; b++) {
      for (let y = (b * size) / 8; y < size / 2 + (b * size) / 8; y++) {
        rois.data.fill(1, (b * size + y) * size + size / 4, (b * size + y + 1) * size);
      }
    }
    const images = tensor('f32', dims, hashed(1000, sizeOf(dims)));
    const targets = tensor('f32', [batch, 5], Float32Array.from({ length: batch * 5 }, (_, i) => Number(i % 6 === 0)));
    const report = await step.accumulate({ images, targets, rois }, 0);
    await step.apply(backend);
    const after = step.model().initializers;
    await step.close();
    const [loss, misaligned] = golden(`alignment/${name}/loss`).data;
    expect(misaligned).toBeGreaterThan(0.1);
    expect(Math.abs(report.loss / loss - 1)).toBeLessThan(1e-5);
    expect(Math.abs((report.alignment ?? NaN) / misaligned - 1)).toBeLessThan(1e-5);
    const all: [number[], number[]] = [[], []];
    for (const [key, { data }] of arrays) {
      const prefix = `alignment/${name}/gradient/`;
      if (!key.startsWith(prefix)) continue;
      const [before, now] = [start, after].map((of) => valuesOf(of.get(key.slice(prefix.length))!));
      all[0].push(...data.map((_, i) => before[i] - now[i]));
      all[1].push(...data);
    }
    expect(agreement(...all).relativeL2).toBeLessThan(1e-4);
  });
});
