import { afterAll, describe, expect, it } from 'vitest';
import { openBackend, type Backend, type Op } from '../../src/backend/index.js';
import type { Tolerance } from '../../src/backend/op.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { firstOrder, firstOrderFeatures } from '../../src/kernels/first_order.js';
import { glcm, glcmFeatures } from '../../src/kernels/glcm.js';
import { glcmOffsets, offsetWeights } from '../../src/kernels/glcm_offsets.js';
import { shape2d, shape2dFeatures } from '../../src/kernels/shape2d.js';
import { readRadiomics, type RadiomicsCase } from './read_radiomics.js';

// The feature classes of pyradiomics 3.0.1 on images and masks of every kind, in float64. The reference is held within
// 1e-6, the others within what their ops state; `exception` lists every value that is not compared as it is.

const cases = readRadiomics(new URL('radiomics/', import.meta.url));
const backends = {
  reference: await openBackend({ prefer: 'reference' }),
  native: await openBackend({ prefer: 'native' }),
  // Not skipped when there is no adapter: `npm test` brings a software one.
  webgpu: await openBackend({ prefer: 'webgpu' }),
};
afterAll(() => Object.values(backends).forEach((backend) => backend.close()));

type BackendName = keyof typeof backends;
type Limit = Pick<Tolerance, 'relative' | 'absolute'>;
type Call = { inputs: Record<string, Tensor>; params: Record<string, number>; dims: Record<string, number> };

const classes = {
  firstorder: { op: firstOrder as unknown as Op, columns: firstOrderFeatures as readonly string[] },
  glcm: { op: glcm as unknown as Op, columns: glcmFeatures as readonly string[] },
  shape2D: { op: shape2d as unknown as Op, columns: shape2dFeatures as readonly string[] },
};
type ClassName = keyof typeof classes;

/** A software adapter takes some 20 ms an image: it gets a third of the cases. All of them: SIGHTLINE_ALL_CASES=1. */
const webgpuEvery = /llvmpipe|swiftshader/i.test(backends.webgpu.info.description) && !process.env.SIGHTLINE_ALL_CASES ? 3 : 1;

/** Cases that one call can take: the same size and settings. */
function batches(name: ClassName, backend: BackendName): RadiomicsCase[][] {
  const groups = new Map<string, RadiomicsCase[]>();
  const every = backend === 'webgpu' ? webgpuEvery : 1;
  for (const test of cases.filter((c, i) => c[name] && i % every === 0)) {
    const levels = Math.ceil((test.glcm?.levels ?? 1) / 64);
    const ofTexture = name === 'shape2D' ? [] : [test.scale, test.settings, levels];
    const key = JSON.stringify([test.size, test.spacing, ...ofTexture]);
    groups.set(key, [...(groups.get(key) ?? []), test]);
  }
  return [...groups.values()];
}

/** Our kernel's call for cases of one size and settings. */
function callOf(name: ClassName, tests: RadiomicsCase[]): Call {
  const [{ size, spacing, scale, settings }] = tests;
  const [B, P] = [tests.length, size[0] * size[1] * size[2]];
  const images = new Float32Array(B * P);
  const masks = new Uint8Array(B * P);
  tests.forEach(({ image, mask }, b) => {
    images.set(image, b * P);
    masks.set(mask, b * P);
  });
  if (name === 'shape2D') {
    const [, H, W] = size;
    const maps = tensor('f32', [B, H, W], Float32Array.from(masks));
    const thresholds = tensor('f32', [B], new Float32Array(B).fill(1));
    const params = { rowSpacing: spacing[1], columnSpacing: spacing[2] };
    return { inputs: { maps, thresholds }, params, dims: { B, H, W } };
  }
  const levels = Math.max(...tests.map((test) => test.glcm?.levels ?? 1));
  const { binWidth = 25, binCount = 0, voxelArrayShift: shift = 0 } = settings;
  const bins = { scale, binWidth, binCount, levels };
  if (name === 'firstorder') {
    const inputs = { maps: tensor('f32', [B, P], images), masks: tensor('u8', [B, P], masks) };
    return { inputs, params: { ...bins, shift, voxelVolume: spacing[0] * spacing[1] * spacing[2] }, dims: { B, P } };
  }
  const { distances, weightingNorm: norm, symmetricalGLCM = true } = settings;
  const offsets = glcmOffsets(size, distances, settings);
  const A = offsets.length / 3;
  const inputs = {
    maps: tensor('f32', [B, ...size], images),
    masks: tensor('u8', [B, ...size], masks),
    offsets: tensor('i32', [A, 3], offsets),
    weights: tensor('f32', [A], norm ? offsetWeights(offsets, spacing, norm) : new Float32Array(A).fill(1)),
  };
  const params = { ...bins, symmetric: Number(symmetricalGLCM), merge: Number(norm !== undefined) };
  return { inputs, params, dims: { B, D: size[0], H: size[1], W: size[2], A } };
}

/** Features of a constant region's spread. */
const spread = [
  ...['Kurtosis', 'MeanAbsoluteDeviation', 'RobustMeanAbsoluteDeviation'],
  ...['Skewness', 'StandardDeviation', 'Variance'],
];

/**
 * What to expect where pyradiomics raises, or returns rounding noise; undefined wherever its value counts.
 */
function exception(name: ClassName, feature: string, test: RadiomicsCase): number | undefined {
  const { values = {}, error, skipped } = test[name]!;
  // It raises for an empty region, and its GLCM for an image of one pixel. One level without a pair has MCC 1, as there
  // wherever an image has more than one direction.
  if (error) return name === 'glcm' && feature === 'MCC' && test.mask.some(Boolean) ? 1 : NaN;
  // In the only direction no pair: one NaN matrix, of which it sums nothing (InverseVariance 0) and eigvals raises (MCC).
  if (name === 'glcm' && Number.isNaN(values.JointEntropy) && glcmOffsets(test.size).length === 3) {
    if (feature === 'InverseVariance') return NaN;
    if (feature === 'MCC' && test.glcm!.levels === 1) return 1;
  }
  // A constant has no spread; of 240 pixels of 0.1 it returns Kurtosis 1, from the rounding of the mean.
  if (name === 'firstorder' && values.Minimum === values.Maximum && spread.includes(feature)) return 0;
  // Imc2 or MCC of independent neighbours: NaN where rounding takes the argument of a root below 0. 0 in its documentation.
  return skipped?.[feature]?.zeros;
}

/** What rounding leaves of 0, there or here. MCC and Imc2 are roots of such a number. */
function rest(name: ClassName, backend: BackendName, feature: string, test: RadiomicsCase): number {
  if (name === 'glcm' && (feature === 'MCC' || feature === 'Imc2')) return 2e-8;
  // Cubes of either sign that cancel, in float32: what is left goes with their size.
  if (name === 'glcm' && backend === 'webgpu' && feature === 'ClusterShade') {
    return 5e-7 * (test.glcm!.values?.ClusterProminence ?? 0) ** 0.75;
  }
  return 1e-9;
}

function limit(name: ClassName, backend: BackendName, column: number, test: RadiomicsCase): Limit {
  const floor = rest(name, backend, classes[name].columns[column], test);
  if (backend === 'reference') return { relative: 1e-6, absolute: floor };
  const tolerance = classes[name].op.tolerance[backend]!;
  const { relative, absolute } = tolerance.byColumn?.[column] ?? tolerance;
  expect(relative).toBeLessThanOrEqual(1e-3);
  return { relative, absolute: absolute + floor };
}

function disagreements(name: ClassName, backend: BackendName, test: RadiomicsCase, actual: Float32Array): string[] {
  return classes[name].columns.flatMap((feature, i) => {
    const expected = exception(name, feature, test) ?? test[name]!.values![feature];
    const { relative, absolute } = limit(name, backend, i, test);
    const near = Math.abs(actual[i] - expected) <= absolute + relative * Math.abs(expected);
    if (near || (Number.isNaN(actual[i]) && Number.isNaN(expected))) return [];
    return [`${test.name}: ${feature} ${actual[i]}, pyradiomics ${expected}`];
  });
}

it('has more than 500 cases; what rounding decides is in the rows of independent neighbours alone', () => {
  expect(cases.length).toBeGreaterThan(500);
  const skipped = cases.filter((test) => test.glcm?.skipped);
  expect(skipped.length).toBeGreaterThan(0);
  expect(skipped.every(({ image, name }) => image.every((v) => v === 1 || v === 30) && /^independent/.test(name))).toBe(
    true,
  );
});

describe.each(Object.keys(classes) as ClassName[])('%s against pyradiomics', (name) => {
  const { op, columns } = classes[name];

  it('has the same features', () => {
    const theirs = cases.find((test) => test[name]?.values)![name]!.values!;
    expect([...columns].sort()).toEqual(Object.keys(theirs).sort());
  });

  it.each(Object.keys(backends) as BackendName[])('%s', async (which) => {
    const backend: Backend = backends[which];
    const wrong: string[] = [];
    let [compared, impossible] = [0, 0];
    for (const tests of batches(name, which)) {
      const { inputs, params, dims } = callOf(name, tests);
      const obstacle = which === 'webgpu' && 'uniforms' in op.wgsl && op.wgsl.obstacle?.(dims, params);
      if (obstacle) {
        await expect(backend.run(op, inputs, params)).rejects.toThrow(obstacle);
        impossible += tests.length;
        continue;
      }
      const features = (await backend.run(op, inputs, params)).features as Tensor<'f32'>;
      tests.forEach((test, b) => {
        compared++;
        const row = features.data.subarray(b * columns.length, (b + 1) * columns.length);
        wrong.push(...disagreements(name, which, test, row));
      });
    }
    expect(wrong).toEqual([]);
    expect(compared).toBeGreaterThan(300 / (which === 'webgpu' ? webgpuEvery : 1));
    expect(impossible).toBeLessThan(10); // more grey levels than a workgroup's memory holds
  }, 600_000);
});
