import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openBackend } from '../../src/backend/index.js';
import type { WgslPlan } from '../../src/backend/op.js';
import { Rng } from '../../src/core/rng.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { discretise } from '../../src/kernels/discretise.js';
import { firstOrder, firstOrderFeatures, type FirstOrderFeature } from '../../src/kernels/first_order.js';
import { quantile } from '../../src/kernels/quantile.js';

// The references meet values from outside: pyradiomics 3.0.1 and NumPy 1.26 in float64, or worked out by hand.

const reference = await openBackend({ prefer: 'reference' });
const row = (values: readonly number[]): Tensor<'f32'> => tensor('f32', [1, values.length], Float32Array.from(values));
const seeds = fc.integer({ min: 0, max: 1e6 });
const runs = { seed: 5, numRuns: 40 };

async function features(
  values: readonly number[],
  params: Partial<typeof firstOrder.params> = {},
  mask = values.map(() => 1),
): Promise<Record<FirstOrderFeature, number>> {
  const masks = tensor('u8', [1, mask.length], Uint8Array.from(mask));
  const { data } = (await reference.run(firstOrder, { maps: row(values), masks }, params)).features;
  return Object.fromEntries(firstOrderFeatures.map((name, i) => [name, data[i]])) as Record<FirstOrderFeature, number>;
}

/** Against values in the order of the columns, to float32's digits. */
function expectFeatures(actual: Record<FirstOrderFeature, number>, expected: readonly number[]): void {
  expect(expected.length).toBe(firstOrderFeatures.length);
  firstOrderFeatures.forEach((name, i) => expect(actual[name], name).toEqual(Math.fround(expected[i])));
}

describe('first_order', () => {
  const values = [0, 12, 25, 50, 51, 200, 3, 7, 99, 100, 101, 25, 24, 180, 255, 0, 0, 77, 26, 125];
  const mask = [1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1, 1, 1, 1];
  const raw = [76, 3.916719649846614, 255, 55.57093425605537, 69.23529411764706, 50, 0, 255, 34.50887573964497];

  it.each([
    [{}, [164377, 2.7719023720385554], [98.33226985134456, 164377, 0.16955017301038064]],
    [{ binCount: 8 }, [164377, 2.0874628412503373], [98.33226985134456, 164377, 0.30103806228373703]],
    [
      { binWidth: 10, shift: 100, voxelVolume: 0.25 },
      [569777, 3.1018812234760142],
      [183.0745589033251, 142444.25, 0.13494809688581316],
    ],
  ])('pyradiomics with %o', async (params, [energy, entropy], [rms, totalEnergy, uniformity]) => {
    const [skewness, deviation, variance] = [1.2882322448979902, 69.82627974165996, 4875.709342560552];
    expectFeatures(await features(values, params, mask), [
      ...[4.2, 155, energy, entropy, ...raw],
      ...[rms, skewness, deviation, totalEnergy, uniformity, variance],
    ]);
  });

  it('scaling the map is scaling its values', async () => {
    const [here, there] = [await features(values), await features(values.map((v) => v / 64), { scale: 64 })]; // prettier-ignore
    expect(there).toEqual(here);
  });

  const epsilon = -3.203426503814917e-16; // −log2(1 + ε): one level

  it('two values, one level: nothing lies between the outer deciles', async () => {
    expectFeatures(await features([1, 4]), [
      1.3,
      3.7,
      17,
      epsilon,
      1.5,
      1,
      4,
      1.5,
      2.5,
      2.5,
      1,
      3,
      NaN,
      2.9154759474226504,
      0,
      1.5,
      17,
      1,
      2.25,
    ]);
  });

  it('a map in [0, 1] is one level of width 25', async () => {
    const { Entropy, Uniformity } = await features([0, 0.2, 0.7, 1]);
    expect([Entropy, Uniformity]).toEqual([Math.fround(epsilon), 1]);
  });

  it.each([0, 7, 0.1, 1 / 3, -0.7])(
    'a constant %f has no spread, whatever rounding in the mean says',
    async (value) => {
      for (const params of [{}, { binCount: 8 }, { scale: 0.3 }]) {
        const v = Math.fround(value) * (params.scale ?? 1);
        const [n, x] = [240, Math.fround(v)];
        const { Energy, TotalEnergy, RootMeanSquared, ...rest } = await features(
          new Array<number>(n).fill(value),
          params,
        );
        for (const energy of [Energy, TotalEnergy]) expect(energy).toBeCloseTo(n * v * v, 3);
        expect(RootMeanSquared).toBeCloseTo(Math.abs(v), 6);
        expect(rest).toEqual({
          ...{ '10Percentile': x, '90Percentile': x, Maximum: x, Mean: x, Median: x, Minimum: x },
          ...{ InterquartileRange: 0, MeanAbsoluteDeviation: 0, Range: 0, RobustMeanAbsoluteDeviation: 0 },
          ...{ Kurtosis: 0, Skewness: 0, StandardDeviation: 0, Variance: 0 },
          ...{ Entropy: Math.fround(epsilon), Uniformity: 1 },
        });
      }
    },
  );

  it('nothing inside, or a value that is no number inside: all NaN; outside it does not matter', async () => {
    const outside = [1, 1, 0, 1];
    const expected = await features([1, 2, 9, 4], {}, outside);
    for (const bad of [NaN, Infinity, -Infinity]) {
      expect(Object.values(await features([1, 2, bad, 4])).every(Number.isNaN)).toBe(true);
      expect(await features([1, 2, bad, 4], {}, outside)).toEqual(expected);
    }
    expect(Object.values(await features([1, 2], {}, [0, 0])).every(Number.isNaN)).toBe(true);
    expect(Object.values(await features([])).every(Number.isNaN)).toBe(true);
  });

  it('more grey levels than allowed: no entropy, no uniformity, all else', async () => {
    const [few, enough] = [await features(values, { levels: 10 }), await features(values, { levels: 11 })];
    expect(few).toEqual({ ...enough, Entropy: NaN, Uniformity: NaN });
    expect(enough.Entropy).toBeGreaterThan(0);
  });

  it('obeys the inequalities of statistics, whatever the order of pixels', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.integer({ min: 3, max: 300 }), async (seed, size) => {
        const rng = new Rng(seed, 'pixels');
        const pixels = Array.from({ length: size }, () => 255 * rng.uniform() ** 3);
        const f = await features(pixels);
        const shuffled = await features(rng.shuffle(pixels));
        for (const name of firstOrderFeatures)
          expect(Math.abs(shuffled[name] / f[name] - 1) || 0, name).toBeLessThan(1e-5);
        const ordered = [f.Minimum, f['10Percentile'], f.Median, f['90Percentile'], f.Maximum];
        expect([...ordered].sort((a, b) => a - b)).toEqual(ordered);
        expect(f.Kurtosis).toBeGreaterThanOrEqual((1 + f.Skewness ** 2) * (1 - 1e-5)); // Pearson
        expect(f.MeanAbsoluteDeviation).toBeLessThanOrEqual(f.StandardDeviation * (1 + 1e-6));
        expect(f.RootMeanSquared ** 2 / (f.Mean ** 2 + f.Variance)).toBeCloseTo(1, 5);
        expect(f.Entropy).toBeLessThanOrEqual(Math.log2(11) + 1e-6);
        expect(f.Uniformity).toBeGreaterThanOrEqual(1 / 11 - 1e-6);
      }),
      runs,
    );
  });

  it.each([
    [{ scale: 0 }, 'scale'],
    [{ scale: -1 }, 'scale'],
    [{ binWidth: 0 }, 'binWidth'],
    [{ binWidth: Infinity }, 'binWidth'],
    [{ binCount: 2.5 }, 'binCount'],
    [{ binCount: -1 }, 'binCount'],
    [{ levels: 0 }, 'levels'],
  ])('refuses %o', async (params, where) => {
    await expect(features([1, 2], params)).rejects.toMatchObject({ code: 'E_ARGUMENT', where: `first_order.${where}` });
  });

  it('says what a GPU cannot count', () => {
    const { obstacle } = firstOrder.wgsl as unknown as WgslPlan;
    const dims = { B: 1, P: 9 };
    expect(obstacle!(dims, { ...firstOrder.params, levels: 1024 })).toBeUndefined();
    expect(obstacle!(dims, { ...firstOrder.params, levels: 1025 })).toContain('1025 grey levels');
    expect(obstacle!(dims, { ...firstOrder.params, scale: 1e30 })).toContain('float32');
  });
});

describe('discretise', () => {
  const levels = (values: number[], binWidth: number, binCount = 0) => {
    const { levels: found, highest } = discretise(Float64Array.from(values), binWidth, binCount);
    expect(highest).toBe(Math.max(...found));
    return [...found];
  };

  it('bins of a width are aligned to 0; a value on an edge goes up (pyradiomics)', () => {
    expect(levels([-30, -25, -1, 0, 24.9, 25, 60], 25)).toEqual([1, 2, 2, 3, 3, 4, 5]);
    expect(levels([0, 225], 25)).toEqual([1, 10]);
    expect(levels([40, 30, 55], 10)).toEqual([2, 1, 3]);
  });

  it('tenths in bins of 0.1, as float32 maps hold them', () => {
    const tenths = Array.from({ length: 11 }, (_, i) => Math.fround(i / 10));
    expect(levels(tenths, 0.1)).toEqual([1, 2, 3, 4, 5, 6, 7, 7, 9, 9, 11]);
  });

  it('a number of bins: numpy.histogram, the maximum in the last one (pyradiomics)', () => {
    expect(levels([-30, -25, -1, 0, 24.9, 25, 60], 25, 4)).toEqual([1, 1, 2, 2, 3, 3, 4]);
    expect(levels([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 25, 10)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10]);
    expect(levels([3, 4], 25, 1)).toEqual([1, 1]);
  });

  it('one value only', () => {
    expect(levels([70, 70], 25)).toEqual([1, 1]);
    expect(levels([5, 5], 25, 8)).toEqual([5, 5]);
    expect(levels([5, 5], 25, 7)).toEqual([4, 4]);
  });
});

describe('quantile', () => {
  const at = async (values: number[], q: number) => (await reference.run(quantile, { maps: row(values) }, { q })).values.data[0]; // prettier-ignore

  it('interpolates as numpy.quantile', async () => {
    const values = [7, 1, 4, 2];
    for (const [q, expected] of [
      [0, 1],
      [0.1, 1.3],
      [0.25, 1.75],
      [0.5, 3],
      [0.85, 5.65],
      [1, 7],
    ])
      // prettier-ignore
      expect(await at(values, q)).toBe(Math.fround(expected));
    expect(await at([3], 0.3)).toBe(3);
  });

  it('leaves the share asked for at or above it', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.integer({ min: 1, max: 300 }), async (seed, size) => {
        const rng = new Rng(seed, 'pixels');
        const pixels = Array.from({ length: size }, () => Math.fround(rng.normal()));
        const q = rng.uniform();
        const threshold = await at(pixels, q);
        const above = pixels.filter((v) => v >= threshold).length;
        expect(Math.abs(above - (1 - q) * (size - 1))).toBeLessThanOrEqual(1 + 1e-9);
      }),
      runs,
    );
  });

  it('no pixel, NaN, an infinity: NaN', async () => {
    for (const values of [[], [1, NaN], [1, Infinity], [-Infinity, 1]]) expect(await at(values, 0.5)).toBeNaN();
  });

  it.each([-0.1, 1.1])('refuses q = %f', async (q) => {
    await expect(at([1], q)).rejects.toMatchObject({ code: 'E_ARGUMENT', where: 'quantile.q' });
  });
});
