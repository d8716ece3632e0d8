/**
 * Our side of training.mjs: `openTrainer` makes steps; as a program, `node trainer.mjs NETWORK SIZE BATCH THREADS STEPS`
 * makes a few in a fresh process and prints its peak memory.
 */
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { openCpuBackend } from '../../dist/backend/index.js';
import { Rng } from '../../dist/core/rng.js';
import { tensor } from '../../dist/core/tensor.js';
import { buildModel } from '../../dist/models/index.js';
import { openTrainingStep } from '../../dist/index.js';

/** @returns step(): seconds and loss of one step (loss, gradients, Adam) on a batch held in memory */
export async function openTrainer({ network, size, batch, threads, runtime = 'auto' }) {
  const rng = new Rng(3);
  const dims = [batch, 3, size, size];
  const pixels = Float32Array.from({ length: batch * 3 * size * size }, () => 2 * rng.uniform() - 1);
  const data = {
    images: tensor('f32', dims, pixels),
    targets: tensor(
      'f32',
      [batch, 2],
      Float32Array.from({ length: 2 * batch }, (_, i) => Number((i >> 1) % 2 === i % 2)),
    ),
  };
  const model = buildModel(network, { channels: 3, size, classes: 2 });
  const optimiser = { rule: 'adam', learningRate: 1e-4 };
  const step = await openTrainingStep(model, { batch, loss: { kind: 'cross-entropy' }, optimiser, threads, runtime });
  const backend = openCpuBackend({ threads });
  let count = 0;
  return {
    description: step.description,
    async step() {
      const begin = performance.now();
      const { loss } = await step.accumulate(data, count++);
      await step.apply(backend);
      return { seconds: (performance.now() - begin) / 1000, loss };
    },
    async close() {
      backend.close();
      await step.close();
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [network, size, batch, threads, steps] = process.argv.slice(2);
  const trainer = await openTrainer({ network, size: Number(size), batch: Number(batch), threads: Number(threads) });
  for (let i = 0; i < Number(steps); i++) await trainer.step();
  console.log(JSON.stringify({ bytes: process.resourceUsage().maxRSS * 1024 }));
  process.exit(0);
}
