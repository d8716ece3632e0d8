import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import {
  averagePool,
  averagePoolGradient,
  maxPool,
  maxPoolGradient,
  outputSizes,
  type PoolAttributes,
} from '../support/pooling_reference.js';
import { cpuTargets, largestDeviation, normalValues, runNode, sizeOf, type Values } from '../support/run_node.js';

interface Case {
  x: Values;
  windows: PoolAttributes;
  out: number[];
}

function caseOf(dims: number[], kernel: number[], given: Partial<PoolAttributes> = {}): Case {
  const rank = kernel.length;
  const windows: PoolAttributes = {
    kernel_shape: kernel,
    strides: kernel.map(() => 1),
    dilations: kernel.map(() => 1),
    pads: Array<number>(2 * rank).fill(0),
    ...given,
  };
  return { x: normalValues(new Rng(1, ...dims), dims), windows, out: outputSizes(dims.slice(2), windows) };
}

const fixed: Record<string, Case> = {
  'one pixel': caseOf([1, 1, 1, 1], [1, 1]),
  'the stem of a residual network': caseOf([2, 3, 37, 35], [3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }),
  'large enough for threads': caseOf([2, 9, 80, 81], [3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }),
  'tiles, an odd row and column left over': caseOf([2, 5, 15, 29], [2, 2], { strides: [2, 2] }),
  'the same size': caseOf([2, 3, 17, 33], [3, 3], { pads: [1, 1, 1, 1] }),
  'a kernel as large as the map': caseOf([2, 3, 7, 7], [7, 7]),
  'padding on one side': caseOf([1, 2, 8, 9], [3, 2], { strides: [2, 2], pads: [0, 0, 1, 1] }),
  'windows reaching beyond, as ceil_mode gives': caseOf([1, 2, 8, 12], [3, 3], { strides: [2, 2], pads: [0, 0, 1, 1] }),
  'a stride beyond the kernel': caseOf([2, 2, 20, 19], [2, 1], { strides: [3, 4] }),
  dilated: caseOf([1, 3, 19, 23], [3, 3], { dilations: [2, 3], strides: [1, 2], pads: [2, 3, 2, 3] }),
  'one axis': caseOf([2, 4, 51], [5], { strides: [3], pads: [2, 2] }),
  'three axes': caseOf([1, 2, 5, 9, 11], [2, 3, 3], { strides: [1, 2, 2], pads: [0, 1, 1, 1, 1, 1] }),
};

function randomCase(seed: number): Case {
  const rng = new Rng(seed, 'pooling');
  const rank = 1 + rng.int(3);
  const each = (draw: () => number) => Array.from({ length: rank }, draw);
  const kernel = each(() => 1 + rng.int(4));
  const dilations = each(() => 1 + rng.int(2));
  const begins = kernel.map((k) => rng.int(Math.floor(k / 2) + 1));
  const ends = kernel.map((k) => rng.int(Math.floor(k / 2) + 1));
  const spatial = kernel.map((k, axis) => (k - 1) * dilations[axis] + 1 + rng.int(rank === 1 ? 60 : 20));
  const dims = [1 + rng.int(2), 1 + rng.int(4), ...spatial];
  const c = caseOf(dims, kernel, { strides: each(() => 1 + rng.int(3)), dilations, pads: [...begins, ...ends] });
  // Few values: ties everywhere; a share of NaN.
  if (rng.int(2)) c.x.data.forEach((_, i) => (c.x.data[i] = rng.int(3) - 1));
  if (rng.int(3) === 0) c.x.data.forEach((v, i) => (c.x.data[i] = rng.int(15) === 0 ? NaN : v));
  return c;
}

function check(target: string, { x, windows, out }: Case): void {
  const small = [...x.dims.slice(0, 2), ...out];
  const attributes = { ...windows };
  const g = normalValues(new Rng(2, ...small), small);
  const run = (op: string, inputs: Values[], dims: readonly number[], more = {}) =>
    runNode(target, op, inputs, [dims], { ...attributes, ...more })[0];

  const y = run('MaxPool', [x], small);
  expect(largestDeviation(y, maxPool(x, out, windows), 0)).toBe(0);
  const dx = run('MaxPoolGradient', [g, x, { dims: small, data: y }], x.dims);
  expect(largestDeviation(dx, maxPoolGradient(g, x, windows), 1)).toBeLessThan(1e-6);

  for (const padding of [0, 1]) {
    const more = { count_include_pad: padding, shape: x.dims.slice(2) };
    const mean = run('AveragePool', [x], small, more);
    expect(largestDeviation(mean, averagePool(x, out, windows, padding === 1), 1)).toBeLessThan(1e-6);
    const spread = run('AveragePoolGradient', [g], x.dims, more);
    expect(largestDeviation(spread, averagePoolGradient(g, x.dims, windows, padding === 1), 1)).toBeLessThan(1e-6);
  }
}

describe.each(cpuTargets)('pooling, %s', (target) => {
  it.each(Object.entries(fixed))('%s', (_, c) => check(target, c));

  it('random windows, with ties and NaN', () => {
    for (let seed = 0; seed < 60; seed++) check(target, randomCase(seed));
  });

  it('gives ties to the first pixel in scan order, and NaN the window', () => {
    const { windows } = caseOf([1, 1, 4, 4], [2, 2], { strides: [2, 2] });
    const x = { dims: [1, 1, 4, 4], data: Float32Array.from([5, 5, 1, 2, 5, 5, 2, 2, 0, -0, 3, NaN, 0, 0, NaN, 9]) };
    const small = [1, 1, 2, 2];
    const [y] = runNode(target, 'MaxPool', [x], [small], { ...windows });
    expect([...y]).toEqual([5, 2, 0, NaN]);
    const g = { dims: small, data: Float32Array.from([1, 2, 3, 4]) };
    const [dx] = runNode(target, 'MaxPoolGradient', [g, x, { dims: small, data: y }], [x.dims], { ...windows });
    expect([...dx]).toEqual([1, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0, 4, 0, 0, 0, 0]);
  });

  it('finds −∞ in its place, not in the padding', () => {
    const c = caseOf([1, 1, 3, 3], [3, 3], { pads: [1, 1, 1, 1] });
    c.x.data.fill(-Infinity);
    const g = { dims: c.x.dims, data: new Float32Array(9).fill(1) };
    const y = { dims: c.x.dims, data: c.x.data };
    const [dx] = runNode(target, 'MaxPoolGradient', [g, c.x, y], [c.x.dims], { ...c.windows });
    expect([...dx]).toEqual([4, 2, 0, 2, 1, 0, 0, 0, 0]);
  });

  it.each([[[1, 1, 1, 1]], [[2, 3, 7, 7]], [[1, 2, 31, 33]], [[3, 4, 5, 6, 7]], [[4, 5]], [[2, 40, 30, 31]]])(
    'whole maps, %j',
    (dims) => {
      const x = normalValues(new Rng(3, ...dims), dims, 100);
      const small = dims.map((d, axis) => (axis < 2 ? d : 1));
      const pixels = sizeOf(dims.slice(2));
      const planes = Array.from({ length: dims[0] * dims[1] }, (_, p) => x.data.subarray(p * pixels, (p + 1) * pixels));
      const [mean] = runNode(target, 'GlobalAveragePool', [x], [small], {});
      expect(
        largestDeviation(
          mean,
          planes.map((p) => p.reduce((a, b) => a + b / pixels, 0)),
          1,
        ),
      ).toBeLessThan(1e-6);
      const [most] = runNode(target, 'GlobalMaxPool', [x], [small], {});
      expect([...most]).toEqual(planes.map((p) => p.reduce((a, b) => Math.max(a, b), -Infinity)));
      x.data[x.data.length - 1] = NaN;
      for (const op of ['GlobalAveragePool', 'GlobalMaxPool']) {
        const [pooled] = runNode(target, op, [x], [small], {});
        expect([...pooled].findIndex(Number.isNaN)).toBe(pooled.length - 1);
      }
    },
  );

  it('refuses windows that do not fit', () => {
    const { x, windows, out } = fixed.dilated;
    const small = [...x.dims.slice(0, 2), ...out];
    expect(() => runNode(target, 'MaxPool', [x], [small], { ...windows, kernel_shape: [3] })).toThrow(/kernel_shape/);
    expect(() => runNode(target, 'MaxPool', [x], [small], { ...windows, strides: [0, 1] })).toThrow(/positive sizes/);
    expect(() => runNode(target, 'AveragePool', [x], [[1, 2, ...out]], { ...windows })).toThrow(/must be kept/);
  });
});
