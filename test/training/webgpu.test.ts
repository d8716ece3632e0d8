import { expect, it } from 'vitest';
import { openCpuBackend } from '../../src/backend/index.js';
import { Rng } from '../../src/core/rng.js';
import { tensor } from '../../src/core/tensor.js';
import { buildModel } from '../../src/models/index.js';
import { openTrainingStep } from '../../src/training/open_training_step.js';

const [batch, size, steps] = [4, 32, 5];

/** Losses of a few updates on the same batches, and logits after them. */
async function trained(provider: 'cpu' | 'webgpu') {
  const model = buildModel('small-cnn', { channels: 1, size, classes: 2, dropout: 0.2, seed: 5 });
  const step = await openTrainingStep(model, {
    ...{ batch, loss: { kind: 'cross-entropy' }, optimiser: { rule: 'sgd', learningRate: 0.05, momentum: 0.9 } },
    ...{ alignment: { weight: 0.5 }, runtime: 'onnxruntime', provider, threads: 1, seed: 7 },
  });
  const backend = openCpuBackend({ threads: 1, onNotice: () => {} });
  const rng = new Rng(11, 'webgpu');
  const images = tensor('f32', [batch, 1, size, size]);
  const targets = tensor('f32', [batch, 2]);
  const rois = tensor('f32', [batch, size, size]);
  for (let b = 0; b < batch; b++) {
    targets.data[2 * b + (b % 2)] = 1;
    for (let i = 0; i < size * size; i++) {
      const inside = Math.hypot((i % size) - 16, Math.floor(i / size) - 16) < 6;
      rois.data[b * size * size + i] = Number(inside);
      images.data[b * size * size + i] = rng.normal() + (inside ? 3 * (b % 2) : 0);
    }
  }
  try {
    const losses: number[] = [];
    for (let i = 0; i < steps; i++) {
      losses.push((await step.accumulate({ images, targets, rois }, i)).loss);
      await step.apply(backend);
    }
    return { losses, logits: [...(await step.predict(images)).data], description: step.description };
  } finally {
    backend.close();
    await step.close();
  }
}

// Needs a GPU, or `node test/support/run.mjs test/training/webgpu.test.ts`. Compiling shaders in software takes its time.
it('batch norm, dropout and attention alignment train on the webgpu provider with losses and logits of the CPU', async () => {
  const [cpu, gpu] = [await trained('cpu'), await trained('webgpu')];
  expect(gpu.description).toMatch(/webgpu/);
  expect(cpu.losses.at(-1)).toBeLessThan(cpu.losses[0]);
  gpu.losses.forEach((loss, i) => expect(Math.abs(loss - cpu.losses[i])).toBeLessThan(1e-3));
  gpu.logits.forEach((value, i) => expect(Math.abs(value - cpu.logits[i])).toBeLessThan(5e-3));
});
