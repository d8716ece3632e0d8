import { afterAll, describe, expect, it } from 'vitest';
import { isOnDevice, openBackend, type DeviceTensor, type Op } from '../../src/backend/index.js';
import type { AnyTensor, Executor } from '../../src/backend/executor.js';
import type { WgslPlan } from '../../src/backend/op.js';
import { openWebgpu, type WebgpuOptions } from '../../src/backend/webgpu.js';
import { Rng } from '../../src/core/rng.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { dice } from '../../src/kernels/dice.js';
import { gradcam } from '../../src/kernels/gradcam.js';
import { histogram } from '../../src/kernels/histogram.js';
import { nearest } from '../../src/kernels/nearest.js';
import { pairwise } from '../../src/kernels/pairwise.js';
import { f32, kernelCases } from './cases.js';

const opened: Executor[] = [];
afterAll(() => opened.forEach((executor) => executor.close()));

async function open(options: WebgpuOptions = {}): Promise<Executor> {
  const executor = await openWebgpu(options);
  if ('available' in executor) throw new Error(`the tests need an adapter (npm test brings one): ${executor.note}`);
  opened.push(executor);
  return executor;
}

const reference = await openBackend({ prefer: 'reference' });
const gpu = await open();
const backend = await openBackend({ prefer: 'webgpu' });
afterAll(() => backend.close());

const uniform = (rng: Rng) => rng.uniform();
const asOp = (op: unknown) => op as Op;

async function expectSame(executor: Executor, op: Op, inputs: Record<string, Tensor>, params = {}): Promise<void> {
  const actual = (await executor.run(op, inputs, params, [])) as Record<string, Tensor>;
  const expected = (await reference.run(op, inputs, params)) as Record<string, Tensor>;
  const { relative, absolute } = op.tolerance.webgpu!;
  for (const [name, { data }] of Object.entries(expected)) {
    const deviations = Array.from(data as ArrayLike<number>, (value, i) => {
      const [x, y] = [Number(actual[name].data[i]), value];
      return Object.is(x, y) ? 0 : Math.abs(x - y) / (absolute + relative * Math.abs(y));
    });
    const worst = deviations.reduce((most, d) => (Number.isNaN(d) ? Infinity : Math.max(most, d)), 0);
    expect(worst, `${op.name}.${name}`).toBeLessThanOrEqual(1);
  }
}

describe('a device with small limits', () => {
  it.each(kernelCases.map((k) => [k.op.name, k] as const))('splits %s by rows', async (_, { op, fixed }) => {
    const several = fixed.filter(({ inputs }) => Object.values(inputs)[0].dims[0] > 2);
    let split = 0;
    for (const c of several.filter((_, i) => i % Math.ceil(several.length / 3) === 0)) {
      const rows = Object.values(c.inputs)[0].dims[0];
      const outputs = (await reference.run(op, c.inputs, c.params)) as Record<string, Tensor>;
      const whole = unsplit(op, c.inputs);
      const led = Object.values({ ...c.inputs, ...outputs }).map((t) => t.data.byteLength);
      // Room for one row and a half, or for what cannot be split.
      const maxStorageBufferBindingSize = Math.max(4, (1.5 * Math.max(...led)) / rows, ...whole);
      const small = await open({ limits: { maxStorageBufferBindingSize } });
      await expectSame(small, op, c.inputs, c.params);
      // What was split comes back to the host, asked for or not.
      const kept = await small.run(op, c.inputs, c.params ?? {}, Object.keys(op.outputs));
      if (!Object.values(kept).some(isOnDevice)) split++;
      small.close();
    }
    expect(split).toBeGreaterThan(0);
  });

  it('splits a dispatch that is too long', async () => {
    const small = await open({ limits: { maxComputeWorkgroupsPerDimension: 7 } });
    const masks = tensor('u8', [23, 5], new Uint8Array(23 * 5).fill(1));
    await expectSame(small, asOp(dice), { maps: f32([23, 5], uniform), masks, thresholds: f32([23], uniform) });
    await expectSame(small, asOp(nearest), { a: f32([1000, 3], uniform), centres: f32([4, 3], uniform) });
    await expectSame(small, asOp(pairwise), { a: f32([300, 3], uniform), b: f32([90, 3], uniform) });
  });

  it('says when one row is too large', async () => {
    const small = await open({ limits: { maxStorageBufferBindingSize: 64 } });
    await expect(small.run(asOp(histogram), { maps: f32([2, 100], uniform) }, {}, [])).rejects.toMatchObject({
      code: 'E_BACKEND',
      what: expect.stringContaining('a row of maps needs 400 bytes in one piece and the device binds 64'),
    });
  });
});

/** Bytes of the inputs that are not split. */
function unsplit(op: Op, inputs: Record<string, Tensor>): number[] {
  const lead = 'unavailable' in op.wgsl ? '' : op.wgsl.splitBy;
  return Object.entries(inputs).flatMap(([name, t]) => (op.inputs[name].dims[0] === lead ? [] : [t.data.byteLength]));
}

describe('more columns of distances than one dimension of a dispatch holds', () => {
  it.each([1, 16 * 65535, 16 * 65535 + 1, 5_000_000])('%i columns stay within every dimension', (M) => {
    const { workgroups } = asOp(pairwise).wgsl as WgslPlan;
    const [x, y = 1, z = 1] = workgroups({ N: 33, M, D: 1 }, {}, { TILE: 16 });
    expect(Math.max(x, y, z)).toBeLessThanOrEqual(65535);
    expect(x * z).toBeGreaterThanOrEqual(M / 16);
    expect(y).toBe(3);
  });

  it('columns go on in the next layer', async () => {
    const plan = asOp(pairwise).wgsl as WgslPlan;
    const layered = { ...asOp(pairwise), wgsl: { ...plan, workgroups: () => [2, 2, 3] as const } };
    await expectSame(gpu, layered, { a: f32([20, 5], uniform), b: f32([90, 5], uniform, 8) });
  });
});

describe('definitions that float32 could miss', () => {
  it.each([
    [10, 0, 1],
    [100, 0, 1],
    [1000, 0, 1],
    [11, 0, 255],
    [10, -1, 1],
    [256, 0, 255],
  ])('%i bins over [%f, %f]: pixels on every edge and beside it', async (bins, low, high) => {
    const words = new Uint32Array(1);
    const value = new Float32Array(words.buffer);
    const edges = Array.from({ length: bins + 1 }, (_, i) => low + ((high - low) * i) / bins).flatMap((edge) =>
      [-1, 0, 1].map((step) => {
        value[0] = edge;
        if (edge !== 0) words[0] += step;
        return value[0];
      }),
    );
    const maps = tensor('f32', [1, edges.length], Float32Array.from(edges));
    const actual = await backend.run(histogram, { maps }, { bins, low, high });
    const expected = await reference.run(histogram, { maps }, { bins, low, high });
    expect(actual.counts.data).toEqual(expected.counts.data);
  });

  it('one pixel in a million: kurtosis keeps its digits', async () => {
    const maps = tensor('f32', [1, 1 << 20], new Float32Array(1 << 20).fill(1000.5 / 1024));
    maps.data[77] = 1001.5 / 1024;
    const { binned, raw } = await backend.run(histogram, { maps }, { bins: 1024 });
    for (const kurtosis of [binned.data[3], raw.data[3]]) expect(kurtosis / (2 ** 20 - 2)).toBeCloseTo(1, 6);
  });

  it('Dice of a million pixels', async () => {
    const size = [2, 1 << 20];
    const rng = new Rng(4, 'masks');
    const masks = tensor(
      'u8',
      size,
      Uint8Array.from({ length: 2 << 20 }, () => rng.int(2)),
    );
    const inputs = { maps: f32(size, uniform), masks, thresholds: f32([2], () => 0.5) };
    for (const mode of [0, 1, 2]) await expectSame(gpu, asOp(dice), inputs, { mode });
  });

  it('a scaled map reaches 0 and 1 exactly', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const inputs = {
        activations: f32([3, 6, 7, 7], uniform, seed),
        gradients: f32([3, 6, 7, 7], (rng) => 0.2 + rng.normal(), seed + 100),
      };
      const { maps, flat } = await backend.run(gradcam, inputs, { height: 30, width: 31 });
      for (let b = 0; b < 3; b++) {
        const map = maps.data.subarray(b * 930, (b + 1) * 930);
        if (!flat.data[b]) expect([Math.min(...map), Math.max(...map)]).toEqual([0, 1]);
      }
    }
  });

  it('cosine distance to a row with an infinity is NaN, and is never the nearest', async () => {
    const a = tensor('f32', [2, 2], Float32Array.of(1, 2, 0, 0));
    const b = tensor('f32', [3, 2], Float32Array.of(Infinity, 1, NaN, 1, 2, 1));
    const { distances } = await backend.run(pairwise, { a, b }, { metric: 2 });
    const [far, unknown, near, ...zeros] = distances.data;
    expect([far, unknown, ...zeros]).toEqual([NaN, NaN, 1, NaN, 1]);
    expect(near).toBeCloseTo(0.2, 6);
    const { index } = await backend.run(nearest, { a, centres: b }, { metric: 2 });
    expect([...index.data]).toEqual([2, 0]);
  });

  it('every tie goes to the lowest index', async () => {
    const centres = tensor('f32', [130, 2], new Float32Array(260).fill(3));
    const { index } = await backend.run(nearest, { a: f32([70, 2], uniform), centres });
    expect(index.data.every((i) => i === 0)).toBe(true);
  });
});

describe('tensors on the device', () => {
  const maps = f32([4, 50], uniform);
  const cams = { activations: f32([4, 3, 5, 5], uniform), gradients: f32([4, 3, 5, 5], uniform) };
  const keepMaps = async (): Promise<DeviceTensor<'f32'>> => {
    const kept = await backend.run(gradcam, cams, { height: 10, width: 5 }, { keep: ['maps'] });
    if (!isOnDevice(kept.maps)) throw new Error('the maps came back');
    return kept.maps;
  };

  it('keep their values while other kernels run, whatever shape they are given', async () => {
    const kept = await keepMaps();
    const hosted = await backend.run(gradcam, cams, { height: 10, width: 5 });
    for (let i = 0; i < 5; i++) await backend.run(histogram, { maps }); // would take a returned buffer
    const flattened = await backend.run(histogram, { maps: { ...kept, dims: [4, 50] } });
    const again = await backend.run(histogram, { maps: { ...hosted.maps, dims: [4, 50] } });
    expect(flattened).toEqual(again);
  });

  it('are refused once released, or by another device', async () => {
    const kept = { ...(await keepMaps()), dims: [4, 50] };
    await expect(gpu.run(asOp(histogram), { maps: kept as AnyTensor }, {}, [])).rejects.toThrow(
      'lies on another device',
    );
    kept.release();
    kept.release();
    await expect(backend.run(histogram, { maps: kept })).rejects.toThrow('was released before');
  });
});

it('runs calls that overlap', async () => {
  const calls = Array.from({ length: 12 }, (_, k) => f32([1 + (k % 3), 40 + k], uniform, k));
  const together = await Promise.all(calls.map((maps) => backend.run(histogram, { maps }, { bins: 16 })));
  for (const [k, maps] of calls.entries()) {
    expect(together[k]).toEqual(await backend.run(histogram, { maps }, { bins: 16 }));
  }
});

it('names a kernel whose shader is missing, and one that is asked for after closing', async () => {
  const missing = { ...asOp(histogram), name: 'no_such_kernel' };
  await expect(gpu.run(missing, { maps: f32([1, 4], uniform) }, {}, [])).rejects.toMatchObject({
    code: 'E_INTERNAL',
    where: 'shaders/no_such_kernel.wgsl',
  });
  const other = await open();
  other.close();
  await expect(other.run(asOp(histogram), { maps: f32([1, 4], uniform) }, {}, [])).rejects.toMatchObject({
    code: 'E_BACKEND',
    message: expect.stringContaining('webgpu kernel histogram: the device was lost'),
  });
  expect(other.supports(asOp(histogram))).toContain('the device was lost');
});
