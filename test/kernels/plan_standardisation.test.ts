import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { cpuTargets, largestDeviation, normalValues, runNode, sizeOf, type Values } from '../support/run_node.js';

const epsilon = 1e-5;

/** Rows of `count` values, each standardised; value i is then scaled by parameter `of(i)`. */
function standardised(x: Values, count: number, scale: Values, bias: Values | undefined, of: (i: number) => number) {
  const y = new Float64Array(x.data.length);
  const [means, inverses]: number[][] = [[], []];
  for (let from = 0; from < y.length; from += count) {
    const row = Float64Array.from(x.data.subarray(from, from + count));
    const mean = row.reduce((a, b) => a + b, 0) / count;
    const variance = row.reduce((a, b) => a + (b - mean) ** 2, 0) / count;
    const inverse = 1 / Math.sqrt(variance + epsilon);
    row.forEach((v, k) => {
      const i = from + k;
      y[i] = (v - mean) * inverse * scale.data[of(i)] + (bias ? bias.data[of(i)] : 0);
    });
    means.push(mean);
    inverses.push(inverse);
  }
  return { y, means, inverses };
}

const shapes = [
  [1, 1, 1],
  [3, 7],
  [2, 6, 5, 3],
  [4, 12, 7, 9],
  [2, 197, 48],
  [2, 24, 40, 41],
];

describe.each(cpuTargets)('normalisation by own statistics, %s', (target) => {
  it.each(shapes.map((dims) => [dims.join('×'), dims] as const))('%s', (_, dims) => {
    const rng = new Rng(2, ...dims);
    const x = normalValues(rng, dims, 30, 2);
    for (const axis of [-1, 1]) {
      const normalised = dims.slice(axis);
      const [scale, bias] = [normalValues(rng, normalised), normalValues(rng, normalised)];
      const count = sizeOf(normalised);
      const first = axis < 0 ? dims.length + axis : axis;
      const kept = dims.map((d, i) => (i < first ? d : 1));
      for (const inputs of [
        [x, scale, bias],
        [x, scale],
      ]) {
        const e = standardised(x, count, scale, inputs[2], (i) => i % count);
        const [y, mean, inverse] = runNode(target, 'LayerNormalization', inputs, [dims, kept, kept], { axis, epsilon });
        expect(largestDeviation(mean, e.means, 1)).toBeLessThan(1e-6);
        expect(largestDeviation(inverse, e.inverses, 1e-3)).toBeLessThan(1e-6);
        // The mean is rounded to float32: 30 by 2⁻²⁵, times the inverse deviation.
        expect(largestDeviation(y, e.y, 1)).toBeLessThan(1e-6 * Math.max(4, ...e.inverses));
      }
    }
    const pixels = sizeOf(dims.slice(2));
    const channelOf = (i: number) => Math.floor(i / pixels) % dims[1];
    for (const groups of [1, dims[1], dims[1] % 3 === 0 ? 3 : 1]) {
      const members = dims[1] / groups;
      for (const parameters of new Set([dims[1], groups])) {
        const [scale, bias] = [normalValues(rng, [parameters]), normalValues(rng, [parameters])];
        const each = dims[1] / parameters;
        const e = standardised(x, members * pixels, scale, bias, (i) => Math.floor(channelOf(i) / each));
        const run = (op: string, into?: number) =>
          runNode(target, op, [x, scale, bias], [dims], { num_groups: groups, epsilon }, into)[0];
        const allowed = 1e-6 * Math.max(4, ...e.inverses);
        expect(largestDeviation(run('GroupNormalization'), e.y, 1)).toBeLessThan(allowed);
        expect(largestDeviation(run('GroupNormalization', 0), e.y, 1)).toBeLessThan(allowed);
        if (groups === dims[1]) expect(largestDeviation(run('InstanceNormalization'), e.y, 1)).toBeLessThan(allowed);
      }
    }
  });

  it('gives the bias for constant rows, and NaN for rows with NaN', () => {
    const x = { dims: [2, 9], data: new Float32Array(18).fill(7) };
    const [scale, bias] = [normalValues(new Rng(1), [9]), normalValues(new Rng(2), [9])];
    x.data[17] = NaN;
    const [y] = runNode(target, 'LayerNormalization', [x, scale, bias], [x.dims], { epsilon });
    expect(y.slice(0, 9)).toEqual(bias.data);
    expect(y.slice(9).every(Number.isNaN)).toBe(true);
  });

  it('refuses groups and parameters that do not fit', () => {
    const x = normalValues(new Rng(1), [2, 6, 4]);
    const [six, four] = [normalValues(new Rng(1), [6]), normalValues(new Rng(1), [4])];
    const run = (op: string, scale: Values, attributes: Record<string, number>) => () =>
      runNode(target, op, [x, scale, scale], [x.dims], attributes);
    expect(run('GroupNormalization', six, { num_groups: 4 })).toThrow(/same size/);
    expect(run('GroupNormalization', six, { num_groups: 0 })).toThrow(/same size/);
    expect(run('InstanceNormalization', four, {})).toThrow(/scale for every channel/);
    expect(run('LayerNormalization', six, {})).toThrow(/expected a scale/);
    expect(run('LayerNormalization', four, { axis: 3 })).toThrow(/axis does not fit/);
  });
});
