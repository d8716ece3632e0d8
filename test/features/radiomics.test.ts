import { describe, expect, it } from 'vitest';
import { extractRadiomics, openBackend, planRadiomics, tensor, type Backend } from '../../src/index.js';
import { greyLevels, valueRange } from '../../src/features/radiomics/grey_levels.js';
import { boundingBox, checkRegion, resegmented } from '../../src/features/radiomics/roi.js';
import { completeSettings, type PartialSettings } from '../../src/features/radiomics/settings.js';
import { isOnDevice } from '../../src/backend/index.js';
import { firstOrder } from '../../src/kernels/first_order.js';
import { glcm } from '../../src/kernels/glcm.js';
import { gradcam } from '../../src/kernels/gradcam.js';
import { shape2d } from '../../src/kernels/shape2d.js';

const backend = await openBackend({ prefer: 'native' });
const reference = await openBackend({ prefer: 'reference' });

/** Two 5×6 pictures in [0, 1] and their regions. */
const pixels = Float32Array.from({ length: 60 }, (_, i) => ((i * 37) % 61) / 60);
const inside = Uint8Array.from({ length: 60 }, (_, i) => (i % 7 === 0 ? 0 : 1));
const batch = {
  maps: tensor('f32', [2, 1, 5, 6], pixels),
  masks: tensor('u8', [2, 1, 5, 6], inside),
};
const one = (i: number) => ({
  maps: tensor('f32', [1, 1, 5, 6], pixels.slice(30 * i, 30 * (i + 1))),
  masks: tensor('u8', [1, 1, 5, 6], inside.slice(30 * i, 30 * (i + 1))),
});
const all = { classes: ['firstorder', 'glcm', 'shape2D'] };
const get = async (input: typeof batch, name: string, more = {}, plan = planRadiomics(all), on: Backend = backend) => {
  const { names, values } = await extractRadiomics(on, input, plan, more);
  const width = names.length;
  return Array.from({ length: values.length / width }, (_, row) => values[row * width + names.indexOf(name)]);
};

describe('extractRadiomics', () => {
  it('a batch gives the rows of its images, on every backend', async () => {
    const plan = planRadiomics(all);
    const together = await extractRadiomics(backend, batch, plan, { scale: 255 });
    const width = plan.names.length;
    expect(width).toBe(51);
    for (const i of [0, 1]) {
      const alone = await extractRadiomics(backend, one(i), plan, { scale: 255 });
      expect([...alone.values]).toEqual([...together.values.subarray(i * width, (i + 1) * width)]);
      const slow = await extractRadiomics(reference, one(i), plan, { scale: 255 });
      slow.values.forEach((v, k) => expect(Math.abs(v - alone.values[k])).toBeLessThan(1e-5 * Math.abs(v) + 1e-5));
    }
  });

  it('a known range gives what the measured one gives', async () => {
    const measured = await get(batch, 'original_glcm_Idn', { scale: 255 });
    expect(await get(batch, 'original_glcm_Idn', { scale: 255, range: { low: 0, high: 255 } })).toEqual(measured);
    expect(measured.every((v) => v > 0 && v < 1)).toBe(true);
  });

  it('the golden 3×3 image of the definitions', async () => {
    const image = {
      maps: tensor('f32', [1, 1, 3, 3], Float32Array.of(0, 0, 225, 225, 0, 225, 0, 225, 225)),
      masks: tensor('u8', [1, 1, 3, 3], new Uint8Array(9).fill(1)),
    };
    const want = { Idn: 0.743421053, Idmn: 0.757596685, SumEntropy: 1.427694271, MCC: 0.090476194, Contrast: 43.875 };
    for (const [name, value] of Object.entries(want))
      expect((await get(image, `original_glcm_${name}`))[0]).toBeCloseTo(value, 6);
  });

  it('shape is of the mask, of another mask, or of the map where it reaches its threshold', async () => {
    const square = new Uint8Array(60);
    for (const i of [0, 1, 6, 7, 30]) square[i] = 1;
    const name = 'original_shape2D_PixelSurface';
    const count = (i: number, test: (k: number) => boolean) =>
      Array.from({ length: 30 }, (_, k) => 30 * i + k).filter(test).length;
    expect(await get(batch, name)).toEqual([0, 1].map((i) => count(i, (k) => inside[k] === 1)));
    expect(await get({ ...batch, ...{ shapeMasks: tensor('u8', [2, 1, 5, 6], square) } }, name)).toEqual([4, 1]);
    const thresholds = tensor('f32', [2], Float32Array.of(0.5, 0.9));
    expect(await get({ ...batch, ...{ thresholds } }, name)).toEqual(
      [0.5, 0.9].map((t, i) => count(i, (k) => pixels[k] >= Math.fround(t))),
    );
  });

  it('spacing enters TotalEnergy by the area of planes and the volume of voxels, and shape by its own axes', async () => {
    const spacing = [3, 0.5, 2] as const;
    const [energy] = await get(batch, 'original_firstorder_Energy');
    expect((await get(batch, 'original_firstorder_TotalEnergy', { spacing }))[0]).toBeCloseTo(energy, 4);
    expect((await get(batch, 'original_firstorder_TotalEnergy', { spacing, planar: false }))[0]).toBeCloseTo(
      3 * energy,
      4,
    );
    const surface = 'original_shape2D_PixelSurface';
    const sideways = {
      maps: tensor('f32', [1, 6, 1, 10], pixels),
      masks: tensor('u8', [1, 6, 1, 10], inside),
    };
    const plan = planRadiomics({ ...all, settings: { force2D: true, force2Ddimension: 1 } });
    const [area] = await get(sideways, surface, { spacing }, plan);
    expect(area).toBeCloseTo(inside.reduce((a, b) => a + b) * 3 * 2, 4);
  });

  it('a thick region has no 2-D shape', async () => {
    const volume = { maps: tensor('f32', [1, 2, 5, 6], pixels), masks: tensor('u8', [1, 2, 5, 6], inside) };
    const { names, values } = await extractRadiomics(backend, volume, planRadiomics(all));
    names.forEach((name, i) => expect(Number.isNaN(values[i])).toBe(name.includes('shape2D')));
  });

  it('an empty region and one with NaN give NaN, and do not touch their neighbours', async () => {
    const masks = Uint8Array.from(inside, (m, i) => (i < 30 ? 0 : m));
    const name = 'original_glcm_Contrast';
    const [, whole] = await get(batch, name, { scale: 255 });
    expect(await get({ ...batch, masks: tensor('u8', [2, 1, 5, 6], masks) }, name, { scale: 255 })).toEqual([
      NaN,
      whole,
    ]);
    const maps = Float32Array.from(pixels, (v, i) => (i === 1 ? NaN : v));
    expect(await get({ ...batch, maps: tensor('f32', [2, 1, 5, 6], maps) }, name, { scale: 255 })).toEqual([
      NaN,
      whole,
    ]);
  });

  it('too many grey levels are an error that says how wide levels must be', async () => {
    await expect(get(batch, 'original_glcm_Idn', { scale: 1e6 }, planRadiomics(all))).rejects.toThrow(
      /38001 grey levels of width 25, more than 4096.*Widen it: 9500/,
    );
  });

  it('maps may stay on the device that made them', async (context) => {
    let gpu: Backend;
    try {
      gpu = await openBackend({ prefer: 'webgpu' });
    } catch {
      return context.skip('no WebGPU adapter');
    }
    const kernels = { firstorder: firstOrder, glcm, shape2D: shape2d };
    const classes = Object.entries(kernels).flatMap(([name, op]) => (gpu.supports(op as never) === true ? [name] : []));
    if (!classes.length) return context.skip('no radiomics kernel in WGSL');
    const noise = (n: number, step: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i * step));
    const inputs = {
      activations: tensor('f32', [2, 3, 4, 4], noise(96, 1.7)),
      gradients: tensor('f32', [2, 3, 4, 4], noise(96, 0.9)),
    };
    const params = { height: 20, width: 24, normalise: 1 };
    const { maps } = await gpu.run(gradcam, inputs, params, { keep: ['maps'] });
    expect(isOnDevice(maps)).toBe(true);
    const { maps: host } = await backend.run(gradcam, inputs, params);
    const plan = planRadiomics({ classes, prefix: 'saliency' });
    const dims = [2, 1, 20, 24];
    const masks = tensor('u8', dims, new Uint8Array(960).fill(1));
    const thresholds = tensor('f32', [2], Float32Array.of(0.4, 0.6));
    const want = await extractRadiomics(backend, { maps: { ...host, dims }, masks, thresholds }, plan, { scale: 255 });
    for (const range of [undefined, { low: 0, high: 255 }]) {
      const got = await extractRadiomics(gpu, { maps: { ...maps, dims }, masks, thresholds }, plan, {
        scale: 255,
        range,
      });
      // Pixels at the edge of a level may fall on either side of it: the maps themselves differ by rounding.
      got.values.forEach((v, i) =>
        expect(Math.abs(v - want.values[i]), plan.names[i]).toBeLessThan(0.02 * Math.abs(want.values[i]) + 0.02),
      );
    }
    gpu.close();
  }, 240_000);
});

describe('grey levels', () => {
  const settings = (given: PartialSettings) => completeSettings(given);
  it.each([
    [{ low: 0, high: 255 }, {}, 11],
    [{ low: 24, high: 25 }, {}, 2],
    [{ low: -1, high: 1 }, {}, 2],
    [{ low: -1000, high: 400 }, { binWidth: 25 }, 57],
    [{ low: 0, high: 1 }, { binWidth: 1 / 32 }, 33],
    [{ low: 3, high: 3 }, {}, 1],
    [{ low: 0, high: 1e9 }, { binCount: 32 }, 32],
    [{ low: Infinity, high: -Infinity }, {}, 1],
  ])('%o with %o: %i', (range, given, levels) => {
    expect(greyLevels(range, settings(given))).toBe(levels);
  });

  it('the range is that of finite values inside the mask', () => {
    expect(valueRange([9, 1, NaN, Infinity, -2, -9], [0, 1, 1, 1, 1, 0], 2)).toEqual({ low: -4, high: 2 });
    expect(valueRange([1, 3], [1, 1], -1)).toEqual({ low: -3, high: -1 });
  });
});

describe('regions', () => {
  const region = (ones: number[], size: [number, number, number] = [2, 3, 4]) => {
    const mask = new Uint8Array(size[0] * size[1] * size[2]);
    for (const i of ones) mask[i] = 1;
    return { mask, box: boundingBox(mask, size) };
  };

  it('bounding box', () => {
    expect(region([5, 18]).box).toEqual({ low: [0, 1, 1], high: [2, 2, 3], count: 2 });
    expect(region([]).box.count).toBe(0);
    expect(region([...Array(24).keys()]).box).toEqual({ low: [0, 0, 0], high: [2, 3, 4], count: 24 });
  });

  it.each([
    [[], {}, /the region is empty/],
    [[7], {}, /a single voxel/],
    [[4, 5, 6], {}, /along 1 of 2 axes/],
    [[0, 5], { minimumROIDimensions: 3 }, /along 2 of 3 axes/],
    [[0, 1, 4], { minimumROISize: 3 }, /3 voxels, minimumROISize is 3/],
  ])('%j with %o is refused', (ones, given, message) => {
    expect(() => checkRegion(region(ones).box, completeSettings(given), 'x')).toThrow(message);
  });

  it('what pyradiomics takes is taken', () => {
    checkRegion(region([4, 5, 6]).box, completeSettings({ minimumROIDimensions: 1 }), 'x');
    checkRegion(region([0, 1, 4, 5]).box, completeSettings({ minimumROISize: 3 }), 'x');
  });

  it.each([
    [[2, 4], 'absolute', [0, 0, 1, 1, 1, 0]],
    [[4, 2], 'absolute', [0, 0, 1, 1, 1, 0]],
    [[3], 'absolute', [0, 0, 0, 1, 1, 1]],
    [[0.6], 'relative', [0, 0, 0, 1, 1, 1]],
    [[-0.8, 0.8], 'sigma', [0, 0, 1, 1, 1, 0]],
  ] as const)('resegment %j %s', (range, mode, kept) => {
    const settings = completeSettings({ resegmentRange: [...range], resegmentMode: mode });
    const mask = Uint8Array.of(0, 1, 1, 1, 1, 1);
    expect([...resegmented([3, 1, 2, 3, 4, 5], mask, settings, 'x')]).toEqual(kept);
    expect([...mask]).toEqual([0, 1, 1, 1, 1, 1]);
  });

  it('resegmentation that leaves one voxel is refused', () => {
    const settings = completeSettings({ resegmentRange: [5, 9] });
    expect(() => resegmented([1, 5], Uint8Array.of(1, 1), settings, 'x')).toThrow(/leaves 1 of 2 voxels/);
  });
});
