import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { channelStatistics, normalisationGradient, normalised } from '../support/normalisation_reference.js';
import { bytesOf, cpuTargets, largestDeviation, normalValues, runNode, type Values } from '../support/run_node.js';

const epsilon = 1e-5;

interface Case {
  x: Values;
  g: Values;
  scale: Values;
  bias: Values;
}

function caseOf(dims: readonly number[], seed: number, mean = 0.3, spread = 1): Case {
  const rng = new Rng(seed, 'normalisation', ...dims);
  const channels = [dims[1]];
  const x = normalValues(rng, dims, mean, spread);
  // Channels differ in place and size.
  const pixels = x.data.length / (dims[0] * dims[1]);
  x.data.forEach((v, i) => (x.data[i] = v + (Math.floor(i / pixels) % dims[1]) * 0.1 * spread));
  return {
    x,
    g: normalValues(rng, dims, 0.1),
    scale: normalValues(rng, channels, 1, 0.3),
    bias: normalValues(rng, channels),
  };
}

/** Odd sizes, maps of one pixel, one sample, one channel, no map at all, and what is split among threads. */
const shapes: number[][] = [
  [1, 1, 1, 1],
  [2, 1, 1],
  [5, 3],
  [1, 7, 13, 11],
  [3, 40, 1, 1],
  [4, 33, 7, 7],
  [2, 64, 3, 5],
  [3, 17, 9, 31],
  [2, 5, 4, 3, 7],
  [1, 2, 300, 301],
  [3, 1, 150, 151],
  [2, 30, 31, 29],
];

const train = (target: string, { x, scale, bias }: Case, relu: number, into?: number) => {
  const channels = [x.dims[1]];
  const dims = [x.dims, channels, channels];
  return runNode(target, 'BatchNormTraining', [x, scale, bias], dims, { epsilon, relu }, into);
};

/** Where the forward kernel's y is above 0, with the statistics that it gave. */
function backward(target: string, c: Case, relu: number, into?: number) {
  const [y, mean, variance] = train(target, c, relu);
  const channels = [c.x.dims[1]];
  const statistics = [mean, variance].map((data) => ({ data, dims: channels }));
  const inputs = [c.g, c.x, c.scale, c.bias, ...statistics];
  const dims = [c.x.dims, channels, channels];
  const actual = runNode(target, 'BatchNormTrainingGradient', inputs, dims, { epsilon, relu }, into);
  const passed = relu ? (i: number) => y[i] > 0 : undefined;
  const expected = normalisationGradient(c.g, c.x, c.scale, { mean, variance }, epsilon, { training: true, passed });
  const [terms] = normalisationGradient(c.g, c.x, c.scale, { mean, variance }, epsilon, { training: false });
  return { actual, expected, size: largest(terms) };
}

const largest = (values: Float64Array) => values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);

/** dx is a difference that may vanish: held against `size`, that of its terms. */
function expectGradient(actual: Float32Array[], expected: Float64Array[], count: number, size: number): void {
  expect(largestDeviation(actual[0], expected[0], size)).toBeLessThan(1e-6);
  // Sums of numbers of both signs: as a share of the sum of their sizes.
  for (const i of [1, 2]) expect(largestDeviation(actual[i], expected[i], Math.sqrt(count))).toBeLessThan(1e-6);
}

describe.each(cpuTargets)('batch normalisation, %s', (target) => {
  describe.each(shapes.map((dims) => [dims.join('×'), dims] as const))('%s', (_, dims) => {
    const c = caseOf(dims, 1);
    const count = c.x.data.length / dims[1];

    it.each([0, 1])('in training, relu %i', (relu) => {
      const [y, mean, variance] = train(target, c, relu);
      const expected = channelStatistics(c.x);
      expect(largestDeviation(mean, expected.mean, 1)).toBeLessThan(1e-6);
      expect(largestDeviation(variance, expected.variance, 1e-9)).toBeLessThan(1e-6);
      const statistics = { ...c, mean, variance };
      expect(largestDeviation(y, normalised(c.x, statistics, epsilon, relu === 1), 1)).toBeLessThan(1e-6);
      const [inPlace] = train(target, c, relu, 0);
      expect(Buffer.compare(bytesOf(inPlace), bytesOf(y))).toBe(0);
    });

    it.each([0, 1])('gradient in training, relu %i', (relu) => {
      const { actual, expected, size } = backward(target, c, relu);
      expectGradient(actual, expected, count, size);
      for (const into of [0, 1]) {
        const inPlace = backward(target, c, relu, into).actual;
        inPlace.forEach((data, i) => expect(Buffer.compare(bytesOf(data), bytesOf(actual[i]))).toBe(0));
      }
    });

    it('with given statistics, and its gradient', () => {
      const rng = new Rng(4, ...dims);
      const mean = normalValues(rng, [dims[1]]);
      const variance = normalValues(rng, [dims[1]]);
      variance.data.forEach((v, i) => (variance.data[i] = Math.abs(v) + 0.01));
      const statistics = { mean: mean.data, variance: variance.data };
      for (const relu of [0, 1]) {
        const inputs = [c.x, c.scale, c.bias, mean, variance];
        const [y] = runNode(target, 'BatchNormalization', inputs, [dims], { epsilon, relu });
        const expected = normalised(c.x, { ...c, ...statistics }, epsilon, relu === 1);
        expect(largestDeviation(y, expected, 1)).toBeLessThan(1e-6);
        const [inPlace] = runNode(target, 'BatchNormalization', inputs, [dims], { epsilon, relu }, 0);
        expect(Buffer.compare(bytesOf(inPlace), bytesOf(y))).toBe(0);
      }
      const expected = normalisationGradient(c.g, c.x, c.scale, statistics, epsilon, { training: false });
      for (const into of [undefined, 0, 1]) {
        const inputs = [c.g, c.x, c.scale, mean, variance];
        const channels = [dims[1]];
        const actual = runNode(target, 'BatchNormGradient', inputs, [dims, channels, channels], { epsilon }, into);
        expectGradient(actual, expected, count * 10, largest(expected[0]));
      }
    });
  });

  it('keeps the variance of values far from 0', () => {
    for (const dims of [
      [3, 4, 57, 41],
      [2, 20, 31, 29],
    ]) {
      const c = caseOf(dims, 3, 1000, 1);
      const [, mean, variance] = train(target, c, 0);
      const expected = channelStatistics(c.x);
      expect(largestDeviation(mean, expected.mean, 1)).toBeLessThan(1e-7);
      expect(largestDeviation(variance, expected.variance, 1)).toBeLessThan(1e-6);
    }
  });

  it('keeps the variance where the first value is an outlier', () => {
    const c = caseOf([4, 2, 50, 50], 3, 0, 1e-3);
    c.x.data[0] = 1e4;
    const [, , variance] = train(target, c, 0);
    expect(largestDeviation(variance, channelStatistics(c.x).variance, 0)).toBeLessThan(1e-6);
  });

  it('gives the bias for a constant channel, and a gradient of finite numbers', () => {
    const c = caseOf([3, 5, 9, 7], 5);
    c.x.data.fill(0.1);
    const [y, mean, variance] = train(target, c, 0);
    expect([...mean]).toEqual(Array(5).fill(Math.fround(0.1)));
    expect([...variance]).toEqual(Array(5).fill(0));
    expect(y.every((v, i) => v === c.bias.data[Math.floor(i / 63) % 5])).toBe(true);
    const { actual, expected, size } = backward(target, c, 0);
    expectGradient(actual, expected, 189, size);
  });

  it('hands NaN on within its channel, and infinity as NaN', () => {
    for (const [stray, relu] of [
      [NaN, 0],
      [NaN, 1],
      [Infinity, 0],
    ]) {
      const c = caseOf([2, 20, 5, 7], 6);
      c.x.data[3 * 35 + 34] = stray;
      const [y, mean, variance] = train(target, c, relu);
      expect(variance[3]).toBeNaN();
      expect(y.every((v, i) => Number.isFinite(v) === (Math.floor(i / 35) % 20 !== 3))).toBe(true);
      const { actual } = backward(target, c, 0);
      expect(actual[0].every((v, i) => Number.isFinite(v) === (Math.floor(i / 35) % 20 !== 3))).toBe(true);
      expect([...mean].filter((v) => !Number.isFinite(v))).toHaveLength(1);
    }
  });

  it('gives the same bits as the baseline', () => {
    const c = caseOf([3, 18, 13, 11], 7);
    const here = [...train(target, c, 1), ...backward(target, c, 1).actual];
    const there = [...train('baseline', c, 1), ...backward('baseline', c, 1).actual];
    here.forEach((data, i) => expect(Buffer.compare(bytesOf(data), bytesOf(there[i]))).toBe(0));
  });

  it('is differentiable as it says: central differences', () => {
    const c = caseOf([2, 2, 3, 2], 8);
    const { actual } = backward(target, c, 0);
    const loss = (x: Values) => {
      const y = normalised(x, { ...c, ...channelStatistics(x) }, epsilon, false);
      return y.reduce((sum, v, i) => sum + v * c.g.data[i], 0);
    };
    c.x.data.forEach((v, i) => {
      const at = (by: number) => ({ dims: c.x.dims, data: Float64Array.from(c.x.data) as never, by }) as Values;
      const [up, down] = [at(1), at(-1)];
      up.data[i] = v + 1e-5;
      down.data[i] = v - 1e-5;
      expect(actual[0][i]).toBeCloseTo((loss(up) - loss(down)) / 2e-5, 4);
    });
  });

  it('ReluGradient: g where y is above 0', () => {
    for (const dims of [[1], [7, 31], [3, 5, 50, 51]]) {
      const rng = new Rng(9, ...dims);
      const [g, y] = [normalValues(rng, dims), normalValues(rng, dims)];
      y.data.forEach((v, i) => (y.data[i] = i % 7 === 3 ? 0 : i % 11 === 5 ? NaN : v));
      const expected = g.data.map((v, i) => (y.data[i] > 0 ? v : 0));
      for (const into of [undefined, 0, 1]) {
        const [dx] = runNode(target, 'ReluGradient', [g, y], [dims], {}, into);
        expect(Buffer.compare(bytesOf(dx), bytesOf(expected))).toBe(0);
      }
    }
  });

  it('refuses parameters that do not fit', () => {
    const c = caseOf([2, 3, 4, 4], 1);
    const wrong = { dims: [2], data: new Float32Array(2) };
    expect(() => train(target, { ...c, scale: wrong }, 0)).toThrow(/BatchNormTraining: expected a scale/);
    const other = normalValues(new Rng(1), [2, 3, 4, 5]);
    expect(() => runNode(target, 'ReluGradient', [c.x, other], [c.x.dims], {})).toThrow(/differ in size/);
    const empty = { dims: [0, 3, 4], data: new Float32Array(0) };
    expect(() => train(target, { ...c, x: empty }, 0)).toThrow(/input 0 is missing/);
  });
});
