import { describe, expect, it } from 'vitest';
import { openBackend, type Op } from '../../src/backend/index.js';
import type { WgslPlan } from '../../src/backend/op.js';
import { tensor } from '../../src/core/tensor.js';
import { glcm, glcmFeatures, type GlcmFeature } from '../../src/kernels/glcm.js';
import { glcmOffsets, offsetWeights } from '../../src/kernels/glcm_offsets.js';
import { maximalCorrelation, symmetricEigenvalues } from '../../src/kernels/maximal_correlation.js';
import { disagreement } from './cases.js';
import { wideGlcmCases } from './cases/glcm.js';

const neighbours = [0, 1, 1, 0, 1, 0, 0, 1, -1, 0, 0, 1];
const nothing = Object.fromEntries(glcmFeatures.map((name) => [name, NaN])) as Record<GlcmFeature, number>;

describe.each(['reference', 'native'] as const)('glcm by %s', async (prefer) => {
  const backend = await openBackend({ prefer });

  /** Features of one image given by its rows; 25 a bin unless told otherwise. */
  async function features(
    rows: number[][],
    options: { mask?: number[][]; offsets?: number[]; weights?: number[]; params?: Record<string, number> } = {},
  ): Promise<Record<GlcmFeature, number>> {
    const dims = [1, 1, rows.length, rows[0].length];
    const { offsets = neighbours, params = {} } = options;
    const mask = options.mask ?? rows.map((row) => row.map(() => 1));
    const count = offsets.length / 3;
    const outputs = await backend.run(
      glcm,
      {
        maps: tensor('f32', dims, Float32Array.from(rows.flat())),
        masks: tensor('u8', dims, Uint8Array.from(mask.flat())),
        offsets: tensor('i32', [count, 3], Int32Array.from(offsets)),
        weights: tensor('f32', [count], Float32Array.from(options.weights ?? Array<number>(count).fill(1))),
      },
      params,
    );
    const data = outputs.features.data as Float32Array;
    return Object.fromEntries(glcmFeatures.map((name, i) => [name, data[i]])) as Record<GlcmFeature, number>;
  }

  function expectFeatures(actual: Record<GlcmFeature, number>, expected: Partial<Record<GlcmFeature, number>>): void {
    for (const [name, value] of Object.entries(expected)) {
      const got = actual[name as GlcmFeature];
      if (Number.isNaN(value)) expect(got, name).toBeNaN();
      else
        expect(Math.abs(got - value), `${name} ${got}, not ${value}`).toBeLessThanOrEqual(2e-7 * (1 + Math.abs(value)));
    }
  }

  it("gives pyradiomics' values for a 3×3 image", async () => {
    const image = [
      [0, 0, 225],
      [225, 0, 225],
      [0, 225, 225],
    ];
    expectFeatures(await features(image), {
      Idn: 0.743421053,
      Idmn: 0.757596685,
      SumEntropy: 1.427694271,
      DifferenceEntropy: 0.979573959,
      MCC: 0.090476194,
      Contrast: 43.875,
    });
  });

  it('gives all 24 features of three pixels in a row', async () => {
    // Levels 1, 2, 2: p(1,2) = p(2,1) = 1/4, p(2,2) = 1/2, px = (1/4, 3/4); the other three directions have no pair.
    const HX = 2 - 0.75 * Math.log2(3);
    expectFeatures(await features([[0, 25, 30]]), {
      Autocorrelation: 3,
      ClusterProminence: 1 / 16,
      ClusterShade: 0,
      ClusterTendency: 1 / 4,
      Contrast: 1 / 2,
      Correlation: -1 / 3,
      DifferenceAverage: 1 / 2,
      DifferenceEntropy: 1,
      DifferenceVariance: 1 / 4,
      Id: 3 / 4,
      Idm: 3 / 4,
      Idmn: 1 / 2 + 1 / 2 / (1 + 1 / 4),
      Idn: 1 / 2 + 1 / 2 / (1 + 1 / 2),
      Imc1: (1.5 - 2 * HX) / HX,
      Imc2: Math.sqrt(1 - Math.exp(-2 * (2 * HX - 1.5))),
      InverseVariance: 1 / 2,
      JointAverage: 7 / 4,
      JointEnergy: 3 / 8,
      JointEntropy: 3 / 2,
      MCC: 1 / 3, // eigenvalues 1 and 0 + (1/2)/(3/4) − 1
      MaximumProbability: 1 / 2,
      SumAverage: 7 / 2,
      SumEntropy: 1,
      SumSquares: 3 / 16,
    });
  });

  it('counts at distance 2', async () => {
    const two = await features([[0, 25, 30]], { offsets: glcmOffsetsOf(1, 3, 2) });
    // One pair, (1,2): the second eigenvalue is −1.
    expectFeatures(two, { Contrast: 1, Correlation: -1, MCC: 1, JointEntropy: 1, SumEntropy: 0, Imc1: -1 });
    const both = await features([[0, 25, 30]], { offsets: [0, 0, 1, 0, 0, 2] });
    expectFeatures(both, { Contrast: 3 / 4, Correlation: -2 / 3, MCC: 2 / 3, JointEntropy: 5 / 4 });
  });

  it('keeps the direction of pairs where asked', async () => {
    const directed = await features([[0, 25, 75]], { offsets: [0, 0, 1], params: { symmetric: 0 } });
    // p(1,2) = p(2,4) = 1/2: rows and columns determine each other.
    expectFeatures(directed, {
      JointAverage: 1.5,
      Autocorrelation: 5,
      Contrast: 2.5,
      Correlation: 1,
      MCC: 1,
      Imc1: -1,
    });
    const one = await features([[0, 25]], { offsets: [0, 0, 1], params: { symmetric: 0 } });
    expectFeatures(one, { JointAverage: 1, Correlation: 1, MCC: 0, Imc1: 0, Imc2: 0, JointEntropy: 0 });
  });

  it('weights and merges offsets before dividing by the sum', async () => {
    const offsets = [0, 0, 1, 0, 0, 2];
    const weights = [...offsetWeights(Int32Array.from(offsets), [1, 1, 0.5], 'euclidean')];
    const [a, b] = [Math.exp(-0.25), Math.exp(-1)];
    const merged = await features([[0, 25, 30]], { offsets, weights, params: { merge: 1 } });
    // Counts 1, 1, 2 in cells (1,2), (2,1), (2,2) at distance 1 and 1, 1, 0 at distance 2.
    expectFeatures(merged, {
      Contrast: (2 * a + 2 * b) / (4 * a + 2 * b),
      MaximumProbability: (2 * a) / (4 * a + 2 * b),
      JointAverage: (7 * a + 3 * b) / (4 * a + 2 * b),
    });
    const apart = await features([[0, 25, 30]], { offsets, weights });
    expectFeatures(apart, { Contrast: 3 / 4 });
    expectFeatures(await features([[0, 25, 30]], { offsets, weights: [0, 0], params: { merge: 1 } }), nothing);
  });

  it('has exact values where there is one level', async () => {
    const expected: Partial<Record<GlcmFeature, number>> = {
      ...{ Correlation: 1, MCC: 1, Id: 1, Idm: 1, Idn: 1, Idmn: 1, JointEnergy: 1, MaximumProbability: 1 },
      ...{ Contrast: 0, Imc1: 0, Imc2: 0, ClusterShade: 0, ClusterTendency: 0, ClusterProminence: 0, SumSquares: 0 },
      ...{ JointAverage: 1, SumAverage: 2, Autocorrelation: 1, DifferenceAverage: 0, DifferenceVariance: 0 },
    };
    const image = [
      [0, 0.3, 0.9],
      [0.2, 1, 0.7],
    ];
    const one = await features(image);
    for (const [name, value] of Object.entries(expected)) expect(one[name as GlcmFeature] + 0, name).toBe(value);
    for (const name of ['SumEntropy', 'DifferenceEntropy', 'JointEntropy'] as const) {
      expect(one[name], name).toBe(Math.fround(-3.203426503814917e-16)); // −log2(1 + ε)
    }
    // numpy's range of a flat region, [v − 1/2, v + 1/2], puts v into the middle of 8 bins.
    const flat = await features([[7, 7]], { params: { binCount: 8 } });
    expectFeatures(flat, { JointAverage: 5, MCC: 1, Correlation: 1, Idn: 1 });
  });

  it('has no value without a pair, but an MCC for one level', async () => {
    const mask = [
      [1, 0, 1],
      [0, 0, 0],
      [1, 0, 1],
    ];
    const steps = [
      [0, 0, 50],
      [0, 0, 0],
      [0, 0, 0],
    ];
    expectFeatures(await features(steps, { mask }), nothing);
    expectFeatures(
      await features(
        steps.map(() => [1, 1, 1]),
        { mask },
      ),
      { ...nothing, MCC: 1 },
    );
    expectFeatures(await features([[1, 1]], { mask: [[0, 0]] }), nothing);
    expectFeatures(await features([[1, NaN]]), nothing);
    expectFeatures(await features([[0, 0, 100]], { params: { levels: 4 } }), nothing);
    expectFeatures(await features([[0, 0, 100]], { params: { levels: 5 } }), { Contrast: 8 });
  });

  it('names the parameter that it does not take', async () => {
    for (const [name, value] of Object.entries({ levels: 4097, binWidth: 0, binCount: 1.5, symmetric: 2, merge: -1 })) {
      await expect(features([[1, 2]], { params: { [name]: value } })).rejects.toThrow(`glcm.${name}: expected`);
    }
  });
});

describe('matrices too large for the WGSL version, and values on edges', () => {
  it.each(wideGlcmCases.map((c) => [c.name, c] as const))('%s', async (_, c) => {
    const run = async (prefer: 'native' | 'reference') => {
      const { features } = await (await openBackend({ prefer })).run(glcm, c.inputs as never, c.params);
      return { features: features.data as Float32Array };
    };
    const [actual, expected] = [await run('native'), await run('reference')];
    expect(expected.features.every(Number.isFinite)).toBe(true);
    expect(disagreement(glcm as unknown as Op, c, actual, expected, glcm.tolerance.native)).toBeUndefined();
  });

  it('are left to C++', () => {
    if ('unavailable' in glcm.wgsl) throw new Error('there is no WGSL version');
    const dims = { B: 1, D: 1, H: 4, W: 4, A: 4 };
    const obstacle = (levels: number, symmetric: number) =>
      (glcm.wgsl as WgslPlan).obstacle!(dims, { ...glcm.params, levels, symmetric });
    expect(obstacle(64, 1)).toBeUndefined();
    expect(obstacle(48, 0)).toBeUndefined();
    expect(obstacle(65, 1)).toContain('65 levels');
    expect(obstacle(49, 0)).toContain('48 do');
  });
});

const glcmOffsetsOf = (H: number, W: number, distance: number) => [...glcmOffsets([1, H, W], [distance])];

describe('offsets', () => {
  const triples = (offsets: Int32Array) =>
    Array.from({ length: offsets.length / 3 }, (_, a) => [...offsets.subarray(3 * a, 3 * a + 3)].join(' '));

  it("are half of the neighbours, in pyradiomics' order", () => {
    expect(triples(glcmOffsets([1, 9, 9]))).toEqual(['0 1 1', '0 1 0', '0 1 -1', '0 0 1']);
    expect(triples(glcmOffsets([5, 9, 9]))).toEqual([
      ...['1 1 1', '1 1 0', '1 1 -1', '1 0 1', '1 0 0', '1 0 -1', '1 -1 1', '1 -1 0', '1 -1 -1'],
      ...['0 1 1', '0 1 0', '0 1 -1', '0 0 1'],
    ]);
  });

  it('are a full shell at larger distances', () => {
    expect(triples(glcmOffsets([1, 9, 9], [2]))).toEqual([
      ...['0 2 2', '0 2 1', '0 2 0', '0 2 -1', '0 2 -2', '0 1 2', '0 1 -2', '0 0 2'],
    ]);
    expect(glcmOffsets([9, 9, 9], [2])).toHaveLength(3 * 49);
    expect(glcmOffsets([1, 9, 9], [1, 3])).toHaveLength(3 * (4 + 12));
  });

  it('stay within slices and within the image', () => {
    expect(triples(glcmOffsets([5, 9, 9], [1], { force2D: true }))).toEqual(triples(glcmOffsets([1, 9, 9])));
    expect(triples(glcmOffsets([5, 9, 9], [1], { force2D: true, force2Ddimension: 2 }))).toEqual([
      ...['1 1 0', '1 0 0', '1 -1 0', '0 1 0'],
    ]);
    expect(triples(glcmOffsets([1, 2, 9], [2]))).toEqual(['0 1 2', '0 1 -2', '0 0 2']);
    expect(glcmOffsets([2, 2, 2], [3])).toHaveLength(0);
  });

  it('refuse what is no distance', () => {
    for (const distances of [[], [0], [1.5], [-1], [NaN]]) {
      expect(() => glcmOffsets([1, 9, 9], distances)).toThrow('glcm distances: expected');
    }
    expect(() => glcmOffsets([1, 9, 9], [1], { force2D: true, force2Ddimension: 3 })).toThrow('force2Ddimension');
    expect(() => offsetWeights(Int32Array.of(0, 0, 1), [1, 1, 1], 'taxicab' as never)).toThrow('glcm norm: expected');
  });

  it('weigh exp(−d²) in units of the spacing', () => {
    const offsets = Int32Array.of(1, -2, 2, 0, 0, 0);
    const weigh = (norm: Parameters<typeof offsetWeights>[2]) => [...offsetWeights(offsets, [0.5, 0.25, 0.125], norm)];
    expect(weigh('manhattan')).toEqual([Math.fround(Math.exp(-1.5625)), 1]); // (1/2 + 1/2 + 1/4)²
    expect(weigh('euclidean')).toEqual([Math.fround(Math.exp(-0.5625)), 1]);
    expect(weigh('infinity')).toEqual([Math.fround(Math.exp(-0.25)), 1]);
    expect(weigh('no_weighting')).toEqual([1, 1]);
    // In units of the largest: centimetres apart, they still weigh.
    const far = offsetWeights(Int32Array.of(0, 0, 1, 0, 1, 1), [20, 20, 20], 'euclidean');
    expect(far[0]).toBe(1);
    expect(offsetWeights(Int32Array.of(0, 0, 1, 0, 0, 2), [1, 1, 0.5], 'euclidean')[1]).toBeCloseTo(Math.exp(-0.75), 7);
  });
});

describe('maximal correlation', () => {
  it('finds the eigenvalues of matrices whose are known', () => {
    const sorted = (m: number[][]) => symmetricEigenvalues(m).sort((a, b) => a - b);
    // Second differences: 2 − 2 cos(kπ/6).
    const chain = Array.from({ length: 5 }, (_, i) =>
      Array.from({ length: 5 }, (_, j) => (i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0)),
    );
    sorted(chain).forEach((v, k) => expect(v).toBeCloseTo(2 - 2 * Math.cos(((k + 1) * Math.PI) / 6), 13));
    expect(sorted([[3]])).toEqual([3]);
    expect(sorted([[0, 0], [0, 0]])).toEqual([0, 0]); // prettier-ignore
  });

  it('is 1 where a level determines the other, 0 where it says nothing', () => {
    const grid = (cells: number[][]) => Float64Array.from([[0, 0, 0], ...cells.map((row) => [0, ...row])].flat());
    for (const symmetric of [true, false]) {
      expect(maximalCorrelation(grid([[0.25, 0], [0, 0.75]]), 3, [1, 2], symmetric)).toBeCloseTo(1, 12); // prettier-ignore
      expect(maximalCorrelation(grid([[0.0625, 0.1875], [0.1875, 0.5625]]), 3, [1, 2], symmetric)).toBeCloseTo(0, 7); // prettier-ignore
    }
    expect(maximalCorrelation(grid([[1, 0], [0, 0]]), 3, [1], true)).toBe(1); // prettier-ignore
  });
});
