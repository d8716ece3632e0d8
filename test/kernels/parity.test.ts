import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend, type Backend, type Op } from '../../src/backend/index.js';
import type { Tolerance } from '../../src/backend/op.js';
import { loadAddon } from '../../src/backend/native.js';
import type { Tensor } from '../../src/core/tensor.js';
import { distance } from '../../src/kernels/pairwise.js';
import { kernelCases, type Case } from './cases.js';

type Outputs = Record<string, Tensor>;
type Addon = Exclude<ReturnType<typeof loadAddon>, { available: false } | { available: boolean }>;

const reference = await openBackend({ prefer: 'reference' });
const run = (backend: Backend, op: Op, c: Case) => backend.run(op, c.inputs, c.params) as Promise<Outputs>;

/** Largest deviation in units of what the tolerance allows; NaN must meet NaN. */
function expectClose(op: Op, c: Case, actual: Outputs, expected: Outputs, { relative, absolute }: Tolerance): void {
  for (const name of Object.keys(op.outputs)) {
    expect(actual[name].dims).toEqual(expected[name].dims);
    if (op.name === 'nearest' && name === 'index') {
      expectNearest(c, actual, expected, { relative, absolute });
      continue;
    }
    const [x, y] = [actual[name].data, expected[name].data];
    let worst = 0;
    let at = 0;
    for (let i = 0; i < y.length; i++) {
      const [a, b] = [Number(x[i]), Number(y[i])];
      const deviation =
        Number.isNaN(a) !== Number.isNaN(b)
          ? Infinity
          : Object.is(a, b) || Number.isNaN(a)
            ? 0
            : Math.abs(a - b) / (absolute + relative * Math.abs(b));
      if (deviation > worst) [worst, at] = [deviation, i];
    }
    expect(worst, `${op.name}.${name}[${at}]: ${String(x[at])}, reference ${String(y[at])}`).toBeLessThanOrEqual(1);
  }
}

/** Another index than the reference's is right only when it is as near, within the tolerance. */
function expectNearest(c: Case, actual: Outputs, expected: Outputs, { relative, absolute }: Tolerance): void {
  const [a, centres] = [c.inputs.a, c.inputs.centres] as Tensor<'f32'>[];
  const depth = a.dims[1];
  expected.index.data.forEach((right: number | bigint, i: number) => {
    const chosen = Number(actual.index.data[i]);
    if (chosen === Number(right)) return;
    const near = (j: number) => distance(a.data, i * depth, centres.data, j * depth, depth, c.params?.metric ?? 0);
    expect(Math.abs(near(chosen) - near(Number(right)))).toBeLessThanOrEqual(
      2 * (absolute + relative * near(Number(right))),
    );
  });
}

function parity(backend: () => Backend, tolerance: (op: Op) => Tolerance, runs: number): void {
  describe.each(kernelCases.map((k) => [k.op.name, k] as const))('%s', (_, { op, fixed, random }) => {
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
    () => native,
    (op) => op.tolerance.native,
    60,
  );

  it('gives the same bits on every target where contraction is off, and on any thread count', async () => {
    for (const { op, bench } of kernelCases) {
      const c = bench();
      const here = await run(native, op, c);
      (addon as Addon).setThreads(3);
      const threaded = await run(native, op, c);
      (addon as Addon).setThreads(1);
      const alone = await run(native, op, c);
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
    for (const { op, fixed } of kernelCases) {
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
