import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { loadAddon } from '../../src/backend/native.js';
import { openNativeSession } from '../../src/runtime/index.js';
import { compilePlan } from '../../src/runtime/native/plan.js';
import { draft, sameBits } from './native_graph.js';

// Trainers run plans in worker threads: every thread has its own environment of the addon, all share its threads, and a
// worker has to be able to end at any time.

const file = fileURLToPath(new URL('../../build/Release/sightline.node', import.meta.url));

/** Runs a plan `runs` times on the shared array `x`, then reports; first says that it has begun. */
const body = `
  const { parentPort, workerData } = require('node:worker_threads');
  const addon = require(workerData.file);
  const plan = addon.createPlan(workerData.description);
  const y = new Float32Array(workerData.size);
  (async () => {
    for (let run = 0; run < workerData.runs; run++) {
      const promise = addon.runPlan(plan, [workerData.x], [y], 2);
      if (run === 0) parentPort.postMessage('begun');
      await promise;
    }
    parentPort.postMessage(y);
  })();
`;

const drafted = draft('worker', ({ emit, input, constant, output }) => {
  let value = input('x', [16, 8, 64, 64]);
  for (let i = 0; i < 12; i++) value = emit.op('Tanh', [emit.add(value, constant([8, 1, 1]))]);
  output(value);
});

function workerData(runs: number) {
  const addon = loadAddon();
  if ('available' in addon) throw new Error(`the tests need the addon: ${addon.note}`);
  const { description } = compilePlan(drafted.graph, new Set(addon.nodeNames()));
  const given = drafted.inputs.x.data as Float32Array;
  const x = new Float32Array(new SharedArrayBuffer(given.byteLength));
  x.set(given);
  return { file, description, x, size: x.length, runs };
}

async function expected(): Promise<Float32Array> {
  const session = await openNativeSession(drafted.graph, { threads: 1 });
  const outputs = await session.run(drafted.inputs);
  await session.close();
  return outputs[session.outputNames[0]].data as Float32Array;
}

it('several worker threads run plans at once, on the same threads, with the same bits', async () => {
  const data = workerData(5);
  const ends = Array.from({ length: 4 }, () => {
    const worker = new Worker(body, { eval: true, workerData: data });
    return new Promise<{ y?: Float32Array; exitCode: number }>((resolve, reject) => {
      let y: Float32Array | undefined;
      worker.on('message', (message) => {
        if (message !== 'begun') y = message as Float32Array;
      });
      worker.on('error', reject);
      worker.on('exit', (exitCode) => resolve({ y, exitCode }));
    });
  });
  const right = await expected();
  for (const { y, exitCode } of await Promise.all(ends)) {
    expect(exitCode).toBe(0);
    expect(y && sameBits(y, right)).toBe(true);
  }
});

it('a worker thread may end in the middle of a run', async () => {
  const data = workerData(1e9);
  for (let i = 0; i < 3; i++) {
    const worker = new Worker(body, { eval: true, workerData: data });
    await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    await worker.terminate();
  }
  const session = await openNativeSession(drafted.graph, { threads: 2 });
  const outputs = await session.run(drafted.inputs);
  expect(sameBits(outputs[session.outputNames[0]].data, await expected())).toBe(true);
  await session.close();
});

it('a process ends when only its worker threads had loaded the addon, which is unloaded with them', () => {
  // The threads of the addon must be gone by then.
  const script = `
    const { Worker } = require('node:worker_threads');
    const body = ${JSON.stringify(`
      const { parentPort, workerData } = require('node:worker_threads');
      const addon = require(workerData);
      const x = { data: new Float32Array(1 << 20).fill(1), dims: [1 << 20] };
      for (let i = 0; i < 20; i++) addon.runNode('Exp', [x], [x], {});
      parentPort.postMessage(addon.setThreads(2));
    `)};
    const once = () => new Promise((resolve) => new Worker(body, { eval: true, workerData: ${JSON.stringify(file)} }).on('exit', resolve));
    (async () => {
      for (let i = 0; i < 4; i++) if (await once()) process.exit(1);
      const codes = await Promise.all([once(), once(), once()]);
      process.exit(codes.some(Boolean) ? 2 : 0);
    })();
  `;
  const child = spawnSync(process.execPath, ['-e', script], {
    timeout: 60_000,
    env: { ...process.env, SIGHTLINE_THREADS: '4' },
  });
  expect({ status: child.status, signal: child.signal, stderr: String(child.stderr) }).toEqual({
    status: 0,
    signal: null,
    stderr: '',
  });
});
