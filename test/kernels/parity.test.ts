import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend, type Backend, type Op } from '../../src/backend/index.js';
import type { Tolerance } from '../../src/backend/op.js';
import { loadAddon } from '../../src/backend/native.js';
import type { Tensor } from '../../src/core/tensor.js';
import {
  disagreement,
  dropoutCases,
  forestCases,
  kernelCases,
  resizeCases,
  warpCases,
  optimiserCases,
  type Case,
  type KernelCases,
} from './cases.js';

type Outputs = Record<string, Tensor>;
type Addon = Exclude<ReturnType<typeof loadAddon>, { available: false } | { available: boolean }>;

const reference = await openBackend({ prefer: 'reference' });
const run = (backend: Backend, op: Op, c: Case) => backend.run(op, c.inputs, c.params) as Promise<Outputs>;

function expectClose(op: Op, c: Case, actual: Outputs, expected: Outputs, tolerance: Tolerance): void {
  const data = (outputs: Outputs) => Object.fromEntries(Object.entries(outputs).map(([name, t]) => [name, t.data]));
  for (const name of Object.keys(op.outputs)) expect(actual[name].dims).toEqual(expected[name].dims);
  expect(disagreement(op, c, data(actual), data(expected), tolerance)).toBeUndefined();
}

it('notices a wrong value, a wrong index and a lost NaN', () => {
  for (const { op, fixed } of kernelCases) {
    const c = fixed.find(({ inputs }) => Object.values(inputs)[0].dims[0] > 1)!;
    const outputs = (output: string, value: number) =>
      Object.fromEntries(Object.keys(op.outputs).map((name) => [name, name === output ? [1, 1, value] : [1, 1, 1]]));
    for (const name of Object.keys(op.outputs).filter((output) => output !== 'index')) {
      expect(disagreement(op, c, outputs(name, 1), outputs(name, 1), op.tolerance.native)).toBeUndefined();
      for (const wrong of [1.01, NaN, Infinity]) {
        expect(disagreement(op, c, outputs(name, wrong), outputs(name, 1), op.tolerance.native)).toContain(
          `${name}[2]`,
        );
      }
      expect(disagreement(op, c, outputs(name, 1), outputs(name, NaN), op.tolerance.native)).toContain(`${name}[2]`);
    }
  }
  const { op, fixed } = kernelCases.find((k) => k.op.name === 'nearest')!;
  const c = fixed.find(({ name }) => name === 'metric 0, 17×33×63')!;
  const index = (value: number) => ({ index: [value], distance: [1] });
  expect(disagreement(op, c, index(3), index(4), op.tolerance.native)).toContain('index[0]');
});

function parity(cases: KernelCases[], backend: () => Backend, tolerance: (op: Op) => Tolerance, runs: number): void {
  describe.each(cases.map((k) => [k.op.name, k] as const))('%s', (_, { op, fixed, random }) => {
    it.each(fixed.map((c) => [c.name, c] as const))('%s', async (_name, c) => {
      expectClose(op, c, await run(backend(), op, c), await run(reference, op, c), tolerance(op));
    });

    it('random cases', async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), async (seed) => {
          const c = random(seed);
          expectClose(op, c, await run(backend(), op, c), await run(reference, op, c), tolerance(op));
        }),
        { seed: 11, numRuns: runs },
      );
    });
  });
}

const addon = loadAddon();
if ('available' in addon) throw new Error(`the tests need the addon: ${addon.note} ${addon.remedy ?? ''}`);

/** What this CPU runs; the baseline is everywhere. A target that it lacks is shown as skipped, by name. */
const best = (addon as Addon).cpuTarget();
const targets = ['avx512', 'avx2', 'baseline'].map((target) => {
  try {
    (addon as Addon).setCpuTarget(target);
    return [target, true] as const;
  } catch {
    return [target, false] as const;
  }
});
(addon as Addon).setCpuTarget(best);

it.skipIf(process.env.SIGHTLINE_CPU_TARGET !== undefined)('starts on the best target of this CPU', () => {
  expect(best).toBe(targets.find(([, supported]) => supported)![0]);
});

describe.each(targets.filter(([, supported]) => !supported))('native, %s', (target) => {
  it.skip(`this CPU, or this build, has no ${target}`);
});

describe.each(targets.filter(([, supported]) => supported))('native, %s', (target) => {
  let native: Backend;
  const threads = (addon as Addon).setThreads(0);
  beforeAll(async () => {
    (addon as Addon).setCpuTarget(target);
    native = await openBackend({ prefer: 'native' });
    expect(native.info.description).toContain(target);
  });
  afterAll(() => {
    (addon as Addon).setCpuTarget(best);
    (addon as Addon).setThreads(threads);
  });
  parity(
    [...kernelCases, ...resizeCases, ...warpCases, ...forestCases, ...optimiserCases, ...dropoutCases],
    () => native,
    (op) => op.tolerance.native,
    60,
  );

  it('gives the same bits on every target where contraction is off, and on any thread count', async () => {
    const limited = await openBackend({ prefer: 'native', threads: 1 });
    expect(limited.info.description).toContain(', 1 threads');
    for (const { op, bench } of [...kernelCases, ...warpCases, ...forestCases, ...optimiserCases, ...dropoutCases]) {
      const c = bench();
      const here = await run(native, op, c);
      (addon as Addon).setThreads(3);
      const threaded = await run(native, op, c);
      const alone = await run(limited, op, c);
      (addon as Addon).setThreads(1);
      for (const name of Object.keys(op.outputs)) {
        expect(Buffer.compare(bytes(threaded[name]), bytes(alone[name])), `${op.name}.${name} by threads`).toBe(0);
      }
      if (op.name === 'pairwise' || op.name === 'nearest') continue;
      (addon as Addon).setCpuTarget('baseline');
      const baseline = await run(native, op, c);
      (addon as Addon).setCpuTarget(target);
      for (const name of Object.keys(op.outputs)) {
        expect(Buffer.compare(bytes(here[name]), bytes(baseline[name])), `${op.name}.${name} by target`).toBe(0);
      }
    }
  });

  it('writes nothing outside its outputs', async () => {
    for (const { op, fixed } of [
      ...kernelCases,
      ...resizeCases,
      ...warpCases,
      ...forestCases,
      ...optimiserCases,
      ...dropoutCases,
    ]) {
      for (const c of fixed) {
        const expected = await run(native, op, c);
        const guarded: Record<string, Tensor['data']> = {};
        const wholes: [Uint8Array, number, number][] = [];
        for (const [name, t] of Object.entries(expected)) {
          const size = t.data.BYTES_PER_ELEMENT;
          const whole = new Uint8Array((t.data.length + 32) * size).fill(0xa5);
          const Constructor = t.data.constructor as Float32ArrayConstructor;
          guarded[name] = new Constructor(whole.buffer, 16 * size, t.data.length);
          wholes.push([whole, 16 * size, (16 + t.data.length) * size]);
        }
        const sizes = Object.fromEntries(
          Object.entries(op.inputs).flatMap(([name, s]) =>
            s.dims.map((letter, i) => [letter, c.inputs[name].dims[i]] as const),
          ),
        );
        const arrays = Object.fromEntries(Object.entries(c.inputs).map(([name, t]) => [name, t.data]));
        await (addon as Addon).kernels[op.name](arrays, guarded, { ...sizes, ...op.params, ...c.params });
        for (const [whole, from, to] of wholes) {
          expect(
            whole.subarray(0, from).every((byte) => byte === 0xa5) && whole.subarray(to).every((byte) => byte === 0xa5),
          ).toBe(true);
        }
      }
    }
  });
});

describe('webgpu', () => {
  let webgpu: Backend;
  beforeAll(async () => {
    // Not skipped when there is no adapter: `npm test` brings a software one.
    webgpu = await openBackend({ prefer: 'webgpu' });
  });
  afterAll(() => webgpu.close());
  parity(
    kernelCases,
    () => webgpu,
    (op) => op.tolerance.webgpu!,
    15,
  );

  it('chains kernels on the device: the maps never come back', async () => {
    const [{ op: gradcam, fixed: cams }, , { op: histogram }] = kernelCases;
    const c = cams[0];
    const kept = await webgpu.run(gradcam, c.inputs, c.params, { keep: ['maps'] });
    expect('data' in kept.maps).toBe(false);
    const maps = { ...kept.maps, dims: [2, 224 * 224] } as unknown as Tensor<'f32'>;
    const chained = (await webgpu.run(histogram, { maps }, { bins: 64 })) as Outputs;
    const hosted = await run(reference, gradcam, c);
    const expected = (await reference.run(
      histogram,
      { maps: { ...hosted.maps, dims: [2, 224 * 224] } as Tensor },
      { bins: 64 },
    )) as Outputs;
    const total = (t: Tensor) => (t.data as Uint32Array).reduce((a, b) => a + b, 0);
    expect(total(chained.counts)).toBe(total(expected.counts));
    // A pixel on a bin's edge may fall on either side in float32; the moments feel it little.
    chained.binned.data.forEach((value: number | bigint, i: number) =>
      expect(Number(value)).toBeCloseTo(Number(expected.binned.data[i]), 2),
    );
  });
});

function bytes(t: Tensor): Uint8Array {
  return new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength);
}
