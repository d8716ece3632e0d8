import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { loadAddon } from '../../src/backend/native.js';

// Decoding runs in worker threads while the main thread scores: every thread has its own environment of the addon, all
// share its threads and CPU target, and a worker has to be able to exit after using it.

const file = fileURLToPath(new URL('../../build/Release/sightline.node', import.meta.url));

/** Loads the addon, runs `calls` overlapping kernels on shared maps and reports the sums of counts. */
const body = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { kernels } = require(workerData.file);
  const maps = workerData.maps;
  const B = workerData.rows, P = maps.length / B, bins = 16;
  const call = () => {
    const counts = new Uint32Array(B * bins);
    const outputs = { counts, binned: new Float32Array(B * 5), raw: new Float32Array(B * 4) };
    return kernels.histogram({ maps }, outputs, { B, P, bins, low: 0, high: 1 }).then(() => counts);
  };
  Promise.all(Array.from({ length: workerData.calls }, call)).then((all) => parentPort.postMessage(all));
`;

interface Finished {
  message: unknown;
  exitCode: number;
}

/** One worker until its exit: a message alone would hide a thread that hangs when it is torn down. */
function runWorker(workerData: object): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(body, { eval: true, workerData: { file, ...workerData } });
    let message: unknown;
    worker.on('message', (value) => (message = value));
    worker.on('error', reject);
    worker.on('exit', (exitCode) => resolve({ message, exitCode }));
  });
}

const rows = 3;
const pixels = 40_000;

/** Maps in shared memory: pixel i of every row lies in bin i mod 16. */
function sharedMaps(): Float32Array {
  const maps = new Float32Array(new SharedArrayBuffer(4 * rows * pixels));
  for (let i = 0; i < maps.length; i++) maps[i] = (((i % pixels) % 16) + 0.5) / 16;
  return maps;
}

it('has an addon to test', () => {
  const addon = loadAddon();
  if ('available' in addon) throw new Error(`the tests need the addon: ${addon.note} ${addon.remedy ?? ''}`);
});

it('works in several worker threads at once, and the workers exit', async () => {
  const maps = sharedMaps();
  const calls = 5;
  const finished = await Promise.all(Array.from({ length: 4 }, () => runWorker({ maps, rows, calls })));
  const expected = new Uint32Array(rows * 16).fill(pixels / 16);
  for (const { message, exitCode } of finished) {
    expect(exitCode).toBe(0);
    expect(message).toEqual(Array.from({ length: calls }, () => expected));
  }
});

it('loads again in a worker after another worker has gone', async () => {
  const maps = sharedMaps();
  for (let round = 0; round < 3; round++) {
    const { message, exitCode } = await runWorker({ maps, rows, calls: 1 });
    expect(exitCode).toBe(0);
    expect((message as Uint32Array[])[0][0]).toBe(pixels / 16);
  }
});

it.each(['exit', 'terminate'])('survives a worker that ends with a kernel still running: %s', (ending) => {
  // In a process of its own: what goes wrong here ends the whole process.
  const script = `
    const { Worker } = require('node:worker_threads');
    const body = \`
      const { parentPort } = require('node:worker_threads');
      const { kernels } = require(${JSON.stringify(file)});
      const [B, P, bins] = [64, 200000, 16];
      const outputs = { counts: new Uint32Array(B * bins), binned: new Float32Array(B * 5), raw: new Float32Array(B * 4) };
      kernels.histogram({ maps: new Float32Array(B * P) }, outputs, { B, P, bins, low: 0, high: 1 });
      parentPort.postMessage('running');
      if (${JSON.stringify(ending)} === 'exit') process.exit(0);
    \`;
    let left = 3;
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(body, { eval: true });
      worker.on('message', () => ${JSON.stringify(ending)} === 'terminate' && worker.terminate());
      worker.on('exit', () => --left === 0 && console.log('survived'));
    }`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 30_000 });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'survived\n', stderr: '' });
});
