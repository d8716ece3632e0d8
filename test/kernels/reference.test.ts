import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openBackend } from '../../src/backend/index.js';
import { Rng } from '../../src/core/rng.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { dice } from '../../src/kernels/dice.js';
import { gradcam } from '../../src/kernels/gradcam.js';
import { histogram } from '../../src/kernels/histogram.js';
import { nearest } from '../../src/kernels/nearest.js';
import { pairwise } from '../../src/kernels/pairwise.js';
import { f32, kernelCases } from './cases.js';

// The references define the kernels; here they meet values from outside: worked out by hand, or printed by NumPy 2.4.6,
// SciPy 1.17.1 and PyTorch 2.15.0 in float64, as the comments say. The other backends are held to the references.

const reference = await openBackend({ prefer: 'reference' });
const row = (...values: number[]): Tensor<'f32'> => tensor('f32', [1, values.length], Float32Array.from(values));
const matrix = (rows: number[][]): Tensor<'f32'> =>
  tensor('f32', [rows.length, rows[0].length], Float32Array.from(rows.flat()));
const planes = (dims: number[], values: number[]): Tensor<'f32'> => tensor('f32', dims, Float32Array.from(values));
const seeds = fc.integer({ min: 0, max: 1e6 });
const runs = { seed: 3, numRuns: 40 };

/** Each value against the expected one, NaN meeting NaN. */
function expectAll(actual: ArrayLike<number>, expected: readonly number[], digits = 6): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) => {
    if (Number.isNaN(value)) expect(actual[i], `[${i}]`).toBeNaN();
    else expect(actual[i], `[${i}]`).toBeCloseTo(value, digits);
  });
}

describe('gradcam', () => {
  /** One channel of weight 1: the cam is the (positive) activation itself. */
  const resampled = async (
    h: number,
    w: number,
    values: number[],
    height: number,
    width: number,
  ): Promise<number[]> => {
    const inputs = {
      activations: planes([1, 1, h, w], values),
      gradients: planes(
        [1, 1, h, w],
        values.map(() => 1),
      ),
    };
    return [...(await reference.run(gradcam, inputs, { height, width, normalise: 0 })).maps.data];
  };

  it('resamples as torch.nn.functional.interpolate(mode="bilinear", align_corners=False)', async () => {
    expectAll(
      await resampled(2, 2, [0, 1, 2, 4], 3, 5),
      [0, 0.1, 0.5, 0.9, 1, 1, 1.15, 1.75, 2.35, 2.5, 2, 2.2, 3, 3.8, 4],
    );
    expectAll(await resampled(1, 2, [0, 3], 2, 5), [0, 0.3, 1.5, 2.7, 3, 0, 0.3, 1.5, 2.7, 3]);
    const reduced = await resampled(3, 4, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 2, 3);
    expectAll(reduced, [13 / 6, 3.5, 29 / 6, 49 / 6, 9.5, 65 / 6], 5);
  });

  it('weighs channels by their mean gradient, rectifies, resamples, then scales', async () => {
    // Weights 0.5 and −1, cam [[0.5, 0], [1.5, 0]] (where 0.5·4 − 2 and 0.5·2 − 1 cancel); the map from PyTorch.
    const activations = planes([1, 2, 2, 2], [1, 2, 3, 4, 0, 1, 0, 2]);
    const gradients = planes([1, 2, 2, 2], [1, 0, 0, 1, -1, -1, 0, -2]);
    const { maps, flat, cams } = await reference.run(gradcam, { activations, gradients }, { height: 4, width: 4 });
    expectAll(cams.data, [0.5, 0, 1.5, 0]);
    expectAll(maps.data, [1 / 3, 0.25, 1 / 12, 0, 0.5, 0.375, 0.125, 0, 5 / 6, 0.625, 5 / 24, 0, 1, 0.75, 0.25, 0]);
    expect([...flat.data]).toEqual([0]);
  });

  it.each([
    ['no positive evidence', -1, 1, 0],
    ['zero gradients', 0, 1, 0],
    ['a constant positive cam', 1, 1, 0],
    ['a constant positive cam, raw', 1, 0, 2],
  ])('%s: a flat map', async (_, gradient, normalise, value) => {
    const inputs = {
      activations: planes([1, 1, 2, 2], [2, 2, 2, 2]),
      gradients: planes([1, 1, 2, 2], new Array<number>(4).fill(gradient)),
    };
    const { maps, flat } = await reference.run(gradcam, inputs, { height: 3, width: 3, normalise });
    expect([...maps.data]).toEqual(new Array(9).fill(value));
    expect([...flat.data]).toEqual([1]);
  });

  it('a NaN or an infinity spoils its own map and no other', async () => {
    for (const bad of [NaN, Infinity, -Infinity]) {
      const activations = f32([3, 2, 3, 3], (rng) => rng.uniform());
      activations.data[20] = bad; // sample 1
      const inputs = { activations, gradients: f32([3, 2, 3, 3], () => 1) };
      const { maps, flat } = await reference.run(gradcam, inputs, { height: 5, width: 5 });
      expect([0, 1, 2].map((b) => maps.data.subarray(b * 25, (b + 1) * 25).some(Number.isNaN))).toEqual([
        false,
        true,
        false,
      ]);
      expect(maps.data.subarray(25, 50).every(Number.isNaN)).toBe(true);
      expect([...flat.data]).toEqual([0, 0, 0]);
    }
  });

  it('does not change when gradients are multiplied by a power of two, and lies in [0, 1]', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.integer({ min: -30, max: 30 }), async (seed, exponent) => {
        const inputs = {
          activations: f32([2, 5, 4, 3], (rng) => rng.uniform(), seed),
          gradients: f32([2, 5, 4, 3], (rng) => 0.1 + rng.normal(), seed + 1),
        };
        const scaled = { ...inputs.gradients, data: inputs.gradients.data.map((g) => g * 2 ** exponent) };
        const here = await reference.run(gradcam, inputs, { height: 9, width: 11 });
        const there = await reference.run(gradcam, { ...inputs, gradients: scaled }, { height: 9, width: 11 });
        expect(there.maps).toEqual(here.maps);
        for (let b = 0; b < 2; b++) {
          const map = here.maps.data.subarray(b * 99, (b + 1) * 99);
          expect([Math.min(...map), Math.max(...map)]).toEqual(here.flat.data[b] ? [0, 0] : [0, 1]);
        }
      }),
      runs,
    );
  });

  it('mirrored evidence gives the mirrored map', async () => {
    const mirrored = (t: Tensor<'f32'>, width: number) => ({
      ...t,
      data: t.data.map((_, i) => t.data[i - (i % width) + width - 1 - (i % width)]),
    });
    const [activations, gradients] = [1, 2].map((seed) => f32([2, 3, 4, 5], (rng) => rng.uniform(), seed));
    const size = { height: 7, width: 13, normalise: 0 };
    const here = await reference.run(gradcam, { activations, gradients }, size);
    const inputs = { activations: mirrored(activations, 5), gradients: mirrored(gradients, 5) };
    const there = await reference.run(gradcam, inputs, size);
    expectAll(mirrored(there.maps, 13).data, [...here.maps.data], 5);
  });

  it('refuses a map without pixels', async () => {
    const inputs = { activations: f32([1, 0, 2, 2], () => 0), gradients: f32([1, 0, 2, 2], () => 0) };
    await expect(reference.run(gradcam, inputs, { height: 2, width: 2 })).rejects.toMatchObject({ code: 'E_SHAPE' });
  });
});

describe('dice', () => {
  const overlap = async (map: number[], mask: number[], mode: number, threshold = 0.5): Promise<number> => {
    const masks = tensor('u8', [1, mask.length], Uint8Array.from(mask));
    return (await reference.run(dice, { maps: row(...map), masks, thresholds: Float32Of(threshold) }, { mode })).dice
      .data[0];
  };
  const Float32Of = (value: number) => tensor('f32', [1], Float32Array.of(value));

  it.each([
    // Map [.1 .6 .5 .9 .2], mask [0 1 1 0 1]; {p >= 0.5} = [0 1 1 1 0].
    ['thresholded: 2·2/(3+3)', 0, 2 / 3],
    ['soft: 2·1.3/(2.3+3)', 1, 2.6 / 5.3],
    ['soft squared: 2·1.3/(1.47+3)', 2, 2.6 / 4.47],
  ])('%s', async (_, mode, expected) => {
    expect(await overlap([0.1, 0.6, 0.5, 0.9, 0.2], [0, 1, 255, 0, 7], mode)).toBeCloseTo(expected, 6);
  });

  it.each([0, 1, 2])('mode %i: empty maps and masks', async (mode) => {
    expect(await overlap([0, 0, 0], [0, 0, 0], mode)).toBe(1);
    expect(await overlap([], [], mode)).toBe(1);
    expect(await overlap([0, 0, 0], [0, 1, 0], mode)).toBe(0);
    expect(await overlap([0, 1, 0], [0, 0, 0], mode)).toBe(0);
    expect(await overlap([0, NaN, 1], [0, 0, 1], mode)).toBeNaN();
    expect(await overlap([NaN, 0, 0], [0, 0, 0], mode)).toBeNaN();
  });

  it('a pixel at the threshold is inside', async () => {
    expect(await overlap([0.25, 0.75], [1, 0], 0, 0.25)).toBeCloseTo(2 / 3, 6);
    expect(await overlap([0.25, 0.75], [0, 1], 0, 0.2500001)).toBe(1);
  });

  it('a soft map against its own support: below 1 in the first form, above it in the squared one', async () => {
    expect(await overlap([0.5, 0.5], [1, 1], 1)).toBeCloseTo(2 / 3, 6);
    expect(await overlap([0.5, 0.5], [1, 1], 2)).toBeCloseTo(0.8, 6);
  });

  it('lies in [0, 1], is symmetric on binary maps, and counts any non-zero mask byte alike', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.integer({ min: 1, max: 90 }), fc.constantFrom(0, 1, 2), async (seed, size, mode) => {
        const rng = new Rng(seed, 'dice');
        const a = Array.from({ length: size }, () => rng.int(2));
        const b = Array.from({ length: size }, () => rng.int(2));
        const soft = a.map(() => rng.uniform());
        expect(await overlap(a, b, mode)).toBe(await overlap(b, a, mode));
        expect(await overlap(a, a, mode)).toBe(1);
        const value = await overlap(soft, b, mode);
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1);
        expect(
          await overlap(
            soft,
            b.map((g) => g * (1 + rng.int(255))),
            mode,
          ),
        ).toBe(value);
      }),
      runs,
    );
  });
});

describe('histogram', () => {
  const moments = async (map: Tensor<'f32'>, bins: number, low = 0, high = 1) => {
    const { counts, binned, raw } = await reference.run(histogram, { maps: map }, { bins, low, high });
    return { counts: [...counts.data], binned: [...binned.data], raw: [...raw.data] };
  };

  it('has the moments of scipy.stats and the counts of numpy.histogram', async () => {
    // scipy.stats.skew, kurtosis(fisher=False) of the values, and of the bin centres repeated; entropy(counts, base=2).
    const { counts, binned, raw } = await moments(row(0, 0.125, 0.25, 0.25, 0.5, 1), 8);
    expect(counts).toEqual([1, 1, 2, 0, 1, 0, 0, 1]);
    expectAll(raw, [0.3541666666666667, 0.10633680555555554, 1.0274178228978625, 2.8469637650978763]);
    expectAll(
      binned,
      [0.3958333333333333, 0.08159722222222222, 0.8317408025837396, 2.532820280669987, 2.2516291673878226],
    );
  });

  it('the same for 256 values', async () => {
    const values = Array.from({ length: 256 }, (_, i) => ((i + 1) ** 2 % 97) / 96);
    const { counts, binned, raw } = await moments(row(...values), 10);
    expect(counts).toEqual([38, 22, 20, 27, 15, 26, 27, 22, 23, 36]);
    expectAll(raw, [0.5048828145118023, 0.09918032827973015, -0.01591262554548799, 1.7031867291941127]);
    expectAll(binned, [0.501953125, 0.09546493530273438, -0.03310138408682356, 1.6728146645768, 3.274168982841787]);
  });

  it('moments of a known distribution: one pixel in n at 1, the others at 0', async () => {
    // Bernoulli(p): variance p(1−p), skewness (1−2p)/√(p(1−p)), kurtosis 3 + (1 − 6p(1−p))/(p(1−p)).
    const [p, q] = [1 / 50, 49 / 50];
    const { raw, binned } = await moments(row(...Array.from({ length: 50 }, (_, i) => Number(i === 7))), 2);
    expectAll(raw, [p, p * q, (q - p) / Math.sqrt(p * q), 3 + (1 - 6 * p * q) / (p * q)], 4);
    // The bin centres are 0.25 and 0.75: half the spread, the same shape.
    const entropy = -p * Math.log2(p) - q * Math.log2(q);
    expectAll(
      binned,
      [0.25 + p / 2, (p * q) / 4, (q - p) / Math.sqrt(p * q), 3 + (1 - 6 * p * q) / (p * q), entropy],
      4,
    );
  });

  it('closes the last bin, and puts a value on an edge into the bin above', async () => {
    expect((await moments(row(0, 0.25, 0.5, 0.75, 1), 4)).counts).toEqual([1, 1, 1, 2]);
    expect((await moments(row(-4, 0, 3.999, 4), 2, -4, 4)).counts).toEqual([1, 3]);
  });

  it('ignores what is out of range in the counts, not in the raw moments', async () => {
    const { counts, binned, raw } = await moments(row(-1, 0.1, 0.6, 5), 2);
    expect(counts).toEqual([1, 1]);
    expectAll(binned, [0.5, 0.0625, 0, 1, 1]);
    expect(raw[0]).toBeCloseTo(4.7 / 4, 6);
    const outside = await moments(row(2, 3), 2);
    expect(outside.counts).toEqual([0, 0]);
    expectAll(outside.binned, [NaN, NaN, NaN, NaN, NaN]);
    expectAll(outside.raw, [2.5, 0.25, 0, 1]);
  });

  it.each([0, 0.1, 1 / 3, 1, 0.7])('a constant %f has no spread, whatever rounding in the mean says', async (value) => {
    const { binned, raw } = await moments(row(...new Array<number>(240).fill(value)), 256);
    expect(raw).toEqual([Math.fround(value), 0, 0, 0]);
    expect(binned.slice(1)).toEqual([0, 0, 0, 0]);
  });

  it('NaN: in no bin, and no moments; no pixels: no moments', async () => {
    const { counts, binned, raw } = await moments(row(0.1, NaN, 0.9), 2);
    expect(counts).toEqual([1, 1]);
    expect([...binned, ...raw].every(Number.isNaN)).toBe(true);
    const empty = await moments(tensor('f32', [1, 0]), 2);
    expect(empty.counts).toEqual([0, 0]);
    expect([...empty.binned, ...empty.raw].every(Number.isNaN)).toBe(true);
  });

  it('obeys the inequalities of moments, whatever the order of pixels', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.integer({ min: 2, max: 300 }), async (seed, size) => {
        const rng = new Rng(seed, 'pixels');
        const values = Array.from({ length: size }, () => rng.uniform() ** 3);
        const [here, there] = [await moments(row(...values), 16), await moments(row(...rng.shuffle(values)), 16)];
        expect(there.counts).toEqual(here.counts);
        expectAll(there.raw, here.raw, 4);
        expect(here.counts.reduce((a, b) => a + b)).toBe(size);
        const [, variance, skewness, kurtosis] = here.raw;
        expect(variance).toBeGreaterThan(0);
        expect(kurtosis).toBeGreaterThanOrEqual((1 + skewness ** 2) * (1 - 1e-5)); // Pearson
        expect(here.binned[4]).toBeLessThanOrEqual(4 + 1e-6); // log2 16
      }),
      runs,
    );
  });

  it.each([
    [{ bins: 0 }, 'bins'],
    [{ bins: 2.5 }, 'bins'],
    [{ bins: 4096 }, 'bins'],
    [{ low: 1, high: 1 }, 'high'],
    [{ low: 0, high: Infinity }, 'high'],
  ])('refuses %o', async (params, where) => {
    const call = reference.run(histogram, { maps: row(0.5) }, params);
    await expect(call).rejects.toMatchObject({ code: 'E_ARGUMENT', where: `histogram.${where}` });
  });
});

describe('pairwise and nearest', () => {
  const a = matrix([[1, 2, 3], [-1, 0.5, 4]]); // prettier-ignore
  const b = matrix([[0, 2, 1], [4, -1, 0.25], [2, 4, 6]]); // prettier-ignore

  it.each([
    // scipy.spatial.distance.cdist
    [
      'euclidean',
      0,
      [2.23606797749979, 5.055937104039171, 3.7416573867739413, 3.5, 6.427480066091221, 5.024937810560445],
    ],
    ['sqeuclidean', 1, [5, 25.5625, 14, 12.25, 41.3125, 25.25]],
    [
      'cosine',
      2,
      [0.16333997346592444, 0.8220707517772778, 0, 0.4616180979418345, 1.2040103319277213, 0.22781265749465573],
    ],
  ])('%s', async (_, metric, expected) => {
    expectAll((await reference.run(pairwise, { a, b }, { metric })).distances.data, expected, 5);
  });

  it('cosine of zero rows is 1, of opposite rows 2; NaN rows give NaN', async () => {
    const rows = matrix([[0, 0], [1, 1], [-3, -3], [NaN, 1]]); // prettier-ignore
    const { distances } = await reference.run(pairwise, { a: rows, b: rows }, { metric: 2 });
    expectAll(distances.data, [1, 1, 1, NaN, 1, 0, 2, NaN, 1, 2, 0, NaN, NaN, NaN, NaN, NaN]);
  });

  it('rows without columns lie at distance 0', async () => {
    const empty = tensor('f32', [2, 0]);
    const { distances } = await reference.run(pairwise, { a: empty, b: empty });
    expect([...distances.data]).toEqual([0, 0, 0, 0]);
  });

  it('is a metric: symmetric, zero from a row to itself, triangle inequality', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.integer({ min: 1, max: 40 }), async (seed, depth) => {
        const rows = f32([6, depth], (rng) => rng.normal(), seed);
        for (const metric of [0, 1, 2]) {
          const d = (await reference.run(pairwise, { a: rows, b: rows }, { metric })).distances.data;
          for (let i = 0; i < 6; i++) {
            expect(d[7 * i]).toBeCloseTo(0, 6);
            for (let j = 0; j < 6; j++) {
              expect(d[6 * i + j]).toBe(d[6 * j + i]);
              expect(d[6 * i + j]).toBeGreaterThanOrEqual(0);
              if (metric === 2) expect(d[6 * i + j]).toBeLessThanOrEqual(2);
              if (metric === 0)
                for (let k = 0; k < 6; k++)
                  expect(d[6 * i + j]).toBeLessThanOrEqual(d[6 * i + k] + d[6 * k + j] + 1e-5);
            }
          }
        }
      }),
      runs,
    );
  });

  it('the nearest is the minimum of the row; ties go to the lowest index', async () => {
    const centres = matrix([[9, 9], [1, 0], [1, 0], [0, 1]]); // prettier-ignore
    const { index, distance } = await reference.run(nearest, { a: matrix([[0, 0], [0.75, 0], [0, 1]]), centres }); // prettier-ignore
    expect([...index.data]).toEqual([1, 1, 3]);
    expectAll(distance.data, [1, 0.25, 0]);
    await fc.assert(
      fc.asyncProperty(seeds, fc.constantFrom(0, 1, 2), async (seed, metric) => {
        const [x, y] = [f32([7, 5], (rng) => rng.normal(), seed), f32([9, 5], (rng) => rng.normal(), seed + 1)];
        const { distances } = await reference.run(pairwise, { a: x, b: y }, { metric });
        const found = await reference.run(nearest, { a: x, centres: y }, { metric });
        for (let i = 0; i < 7; i++) {
          const line = [...distances.data.subarray(9 * i, 9 * i + 9)];
          expect(found.distance.data[i]).toBe(Math.min(...line));
          expect(found.index.data[i]).toBe(line.indexOf(Math.min(...line)));
        }
      }),
      runs,
    );
  });

  it('NaN never wins; where all are NaN: index 0 and NaN', async () => {
    const centres = matrix([[NaN, 0], [5, 5], [NaN, NaN]]); // prettier-ignore
    const { index, distance } = await reference.run(nearest, { a: matrix([[5, 4], [NaN, 1]]), centres }); // prettier-ignore
    expect([...index.data]).toEqual([1, 0]);
    expectAll(distance.data, [1, NaN]);
  });

  it('refuses an unknown metric and an empty set of centres', async () => {
    await expect(reference.run(pairwise, { a, b }, { metric: 3 })).rejects.toMatchObject({ code: 'E_ARGUMENT' });
    const call = reference.run(nearest, { a, centres: tensor('f32', [0, 3]) });
    await expect(call).rejects.toMatchObject({ code: 'E_SHAPE', where: 'nearest.centres' });
  });
});

describe('calls that do not fit the declaration', () => {
  it.each(kernelCases.map(({ op, fixed }) => [op.name, op, fixed[0]] as const))(
    '%s',
    async (name, op, { inputs, params }) => {
      const [first] = Object.keys(inputs);
      const run = (other: object, numbers: object = {}) =>
        reference.run(op, { ...inputs, ...other }, { ...params, ...numbers });
      const missing = Object.fromEntries(Object.entries(inputs).filter(([key]) => key !== first));
      await expect(reference.run(op, missing, params)).rejects.toMatchObject({
        code: 'E_SHAPE',
        where: `${name}.${first}`,
      });
      const flat = { ...inputs[first], dims: [inputs[first].data.length] };
      await expect(run({ [first]: flat })).rejects.toMatchObject({ code: 'E_SHAPE', where: `${name}.${first}` });
      const integers = tensor('i32', inputs[first].dims);
      await expect(run({ [first]: integers })).rejects.toMatchObject({ code: 'E_SHAPE', where: `${name}.${first}` });
      await expect(run({}, { nonsense: 1 })).rejects.toMatchObject({ where: `${name}.nonsense` });
    },
  );
});
