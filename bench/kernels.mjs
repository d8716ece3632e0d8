/**
 * Every kernel on every backend against the float64 reference, and against gpu.js and tfjs where they can do the job.
 * Inputs are made beforehand, results are checked before anything is timed, all that is timed gets and returns arrays in
 * host memory.
 *   node bench/kernels.mjs [--only histogram,dice]    (npm run bench brings a WebGPU adapter where there is none)
 */
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { Bench } from 'tinybench';
import { backendStatus, openBackend } from '../dist/backend/index.js';
import { loadAddon } from '../dist/backend/native.js';
import { disagreement, kernelCases, resizeCases, warpCases } from './cases.mjs';
import { openPeers } from './javascript/peers.mjs';
import { row, writeRows } from './results.mjs';

const { only } = parseArgs({ options: { only: { type: 'string' } } }).values;
const cases = [...kernelCases, ...resizeCases, ...warpCases].filter(
  ({ op }) => !only || only.split(',').includes(op.name),
);
if (!cases.length) throw new Error(`--only ${only}: no such kernel`);

const addon = loadAddon();
const cores = 'available' in addon ? 1 : addon.setThreads(0);
const backends = { reference: await openBackend({ prefer: 'reference' }) };
for (const { name, available, note } of await backendStatus()) {
  if (available && name !== 'reference') backends[name] = await openBackend({ prefer: name });
  else if (!available) console.log(`no ${name} backend: ${note}`);
}
const peers = await openPeers();

/** Median milliseconds of a call, with its spread: from the fastest to the third quartile, in percent of the median. */
async function time(call) {
  const bench = new Bench({
    time: 400,
    iterations: 5,
    warmup: true,
    warmupTime: 100,
    warmupIterations: 2,
    now: () => performance.now(),
  });
  // Synchronous functions too are awaited, so that all are treated alike.
  bench.add('call', async () => void (await call()), { async: true });
  const [task] = await bench.run();
  if (task.result.error) throw task.result.error;
  const { p50, p75, samplesCount, min } = task.result.latency;
  return { median: p50, spread: (100 * (p75 - min)) / p50, samples: samplesCount };
}

/** One way to run a case: checked, then timed. */
async function measure(name, op, c, expected, tolerance, call) {
  const wrong = disagreement(op, c, arrays(await call()), expected, tolerance);
  if (wrong) throw new Error(`${name} is wrong, and so not timed: ${wrong}`);
  const timing = await time(call);
  console.log(
    `  ${name.padEnd(28)} ${timing.median.toFixed(3).padStart(10)} ms  ±${timing.spread.toFixed(0)} %  (${timing.samples} runs)`,
  );
  return timing.median;
}

/** Outputs of a backend (tensors) or of a peer (arrays) as arrays. */
function arrays(outputs) {
  return Object.fromEntries(Object.entries(outputs).map(([name, t]) => [name, t.data ?? t]));
}

const rows = [];
for (const { op, bench } of cases) {
  const c = bench();
  const title = `${op.name}, ${c.name}`;
  console.log(title);
  const sizes = Object.fromEntries(
    Object.entries(op.inputs).flatMap(([name, { dims }]) => dims.map((letter, i) => [letter, c.inputs[name].dims[i]])),
  );
  const params = { ...op.params, ...c.params };
  const run = (backend) => backend.run(op, c.inputs, c.params);
  const detail = (ms) =>
    `${(op.bytes(sizes, params) / ms / 1e6).toPrecision(3)} GB/s, ${(op.flops(sizes, params) / ms / 1e6).toPrecision(3)} GFLOP/s`;
  const expected = arrays(await run(backends.reference));
  const reference = await measure('reference', op, c, expected, op.tolerance.native, () => run(backends.reference));
  const against = (backend, peer, ours, theirs, threads, versions = {}) =>
    rows.push(
      row({ bench: `${title}: ${backend}`, peer, ours, theirs, unit: 'ms', threads, versions, detail: detail(ours) }),
    );

  let alone;
  if (backends.native) {
    const name = `native ${addon.cpuTarget()}`;
    for (const threads of new Set([1, cores])) {
      addon.setThreads(threads);
      const ms = await measure(`${name}, ${threads} threads`, op, c, expected, op.tolerance.native, () =>
        run(backends.native),
      );
      against(name, 'reference', ms, reference, threads);
      if (threads === 1) alone = ms;
    }
  }
  if (backends.webgpu?.supports(op) === true) {
    const name = `webgpu (${backends.webgpu.info.description})`;
    const ms = await measure(name, op, c, expected, op.tolerance.webgpu, () => run(backends.webgpu));
    against(name, 'reference', ms, reference, /swiftshader|llvmpipe/i.test(name) ? cores : 1);
  }

  // Peers sum in float32 and by other formulas: held to what makes them the same job, not to our tolerance.
  const loose = { relative: 1e-3, absolute: 1e-3 };
  for (const { name, backend, kernels, versions, use } of peers) {
    if (!kernels[op.name]) continue;
    const threads = await use(backend);
    const peer = `${name} ${backend}`;
    const call = kernels[op.name](c.inputs, params);
    const theirs = await measure(`${peer}, ${threads} threads`, op, c, expected, loose, call);
    if (backends.native) {
      addon.setThreads(threads);
      const ours =
        threads === 1
          ? alone
          : await measure('native again', op, c, expected, op.tolerance.native, () => run(backends.native));
      against(`native ${addon.cpuTarget()}`, peer, ours, theirs, threads, versions);
    }
  }
}
for (const backend of Object.values(backends)) backend.close();
if (!only) writeRows('kernels', rows);
process.exit(0); // Dawn and wasm threads would keep the process for seconds
