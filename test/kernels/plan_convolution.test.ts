import { afterAll, describe, expect, it } from 'vitest';
import { loadAddon, type Addon, type NodeValue } from '../../src/backend/native.js';
import { Rng } from '../../src/core/rng.js';
import { addTerm, eachProduct, outputSize, sums, type ConvolutionCase, type Sums } from '../support/convolution_reference.js'; // prettier-ignore

const loaded = loadAddon();
const addon = loaded as Addon;
const missing = 'available' in loaded;
const best = missing ? '' : addon.cpuTarget();
const targets = ['avx512', 'avx2', 'baseline'].slice(Math.max(0, ['avx512', 'avx2', 'baseline'].indexOf(best)));
const threads = missing ? 0 : addon.setThreads(0);

const count = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);
const value = (dims: readonly number[], data = new Float32Array(count(dims))): NodeValue => ({ data, dims });

function drawn(rng: Rng, dims: readonly number[]): NodeValue {
  return value(
    dims,
    Float32Array.from({ length: count(dims) }, () => rng.normal()),
  );
}

type Attributes = Readonly<Record<string, number | readonly number[]>>;

/** Runs an op into memory that held NaN: what it forgets to write shows. Bytes around the output stay as they were. */
function run(op: string, inputs: readonly (NodeValue | null)[], dims: readonly number[], attributes: Attributes) {
  const guard = 16;
  const memory = new Float32Array(count(dims) + 2 * guard).fill(NaN);
  memory.fill(-7, 0, guard).fill(-7, memory.length - guard);
  const data = memory.subarray(guard, memory.length - guard);
  addon.runNode(op, inputs, [{ data, dims }], attributes);
  for (let i = 0; i < guard; i++) expect([memory[i], memory[memory.length - 1 - i]]).toEqual([-7, -7]);
  return data;
}

/** The op on every CPU target and on one and two threads, against float64 sums. */
function check(
  op: string,
  inputs: readonly (NodeValue | null)[],
  dims: readonly number[],
  attributes: Attributes,
  expected: Sums,
): void {
  for (const target of targets) {
    addon.setCpuTarget(target);
    addon.setThreads(1);
    const data = run(op, inputs, dims, attributes);
    let worst = 0;
    for (let i = 0; i < data.length; i++) {
      const error = Math.abs(data[i] - expected.values[i]) / (expected.magnitudes[i] + 1e-30);
      if (!(error <= worst)) worst = error;
    }
    expect(worst, `${op} on ${target}`).toBeLessThan(1e-5);
    addon.setThreads(2);
    expect(Buffer.from(run(op, inputs, dims, attributes).buffer).equals(Buffer.from(data.buffer)), target).toBe(true);
  }
}

const windows = (c: ConvolutionCase): Attributes => ({
  kernel_shape: c.kernel,
  strides: c.strides,
  dilations: c.dilations,
  pads: c.pads,
  group: c.group,
});

function checkAll(c: ConvolutionCase, seed: number): void {
  const rng = new Rng(seed, 'convolution');
  const xDims = [c.images, c.channels, ...c.size];
  const yDims = [c.images, c.filters, ...outputSize(c)];
  const wDims = [c.filters, c.channels / c.group, ...c.kernel];
  const [x, w, g] = [drawn(rng, xDims), drawn(rng, wDims), drawn(rng, yDims)];
  const [bias, backBias] = [drawn(rng, [c.filters]), drawn(rng, [c.channels])];
  const [y, dx, dw] = [sums(count(yDims)), sums(count(xDims)), sums(count(wDims))];
  const [xs, ws, gs] = [x.data, w.data, g.data] as Float32Array[];
  eachProduct(c, (i, k, o) => {
    addTerm(y, o, xs[i] * ws[k]);
    addTerm(dx, i, gs[o] * ws[k]);
    addTerm(dw, k, gs[o] * xs[i]);
  });
  const biased = (of: Sums, b: NodeValue, dims: readonly number[]): Sums => {
    const out = { values: of.values.slice(), magnitudes: of.magnitudes.slice() };
    for (let i = 0; i < out.values.length; i++)
      addTerm(out, i, Number(b.data[Math.floor(i / (dims[2] * dims[3])) % dims[1]]));
    return out;
  };
  check('Conv', [x, w], yDims, windows(c), y);
  check('Conv', [x, w, bias], yDims, windows(c), biased(y, bias, yDims));
  check('ConvInputGradient', [g, w], xDims, { ...windows(c), shape: c.size }, dx);
  check('ConvWeightGradient', [g, x], wDims, windows(c), dw);
  check('ConvTranspose', [g, w, backBias], xDims, windows(c), biased(dx, backBias, xDims));
}

const base: ConvolutionCase = {
  images: 1,
  channels: 1,
  filters: 1,
  group: 1,
  size: [1, 1],
  kernel: [1, 1],
  strides: [1, 1],
  dilations: [1, 1],
  pads: [0, 0, 0, 0],
};

const cases: [string, Partial<ConvolutionCase>][] = [
  ['one number', {}],
  ['1×1', { images: 2, channels: 19, filters: 33, size: [9, 13] }],
  ['1×1 over a map of whole vectors', { images: 3, channels: 8, filters: 32, size: [8, 12] }],
  ['1×1 over many small maps', { images: 37, channels: 5, filters: 9, size: [2, 2] }],
  ['1×1 deeper than a block', { images: 2, channels: 430, filters: 8, size: [5, 5] }],
  ['1×1, stride 2', { images: 2, channels: 6, filters: 10, size: [9, 8], strides: [2, 2] }],
  ['3×3', { images: 2, channels: 18, filters: 32, size: [14, 14], kernel: [3, 3], pads: [1, 1, 1, 1] }],
  ['3×3, maps of 7', { images: 5, channels: 12, filters: 20, size: [7, 7], kernel: [3, 3], pads: [1, 1, 1, 1] }],
  ['3×3, maps of 2', { images: 17, channels: 9, filters: 11, size: [2, 2], kernel: [3, 3], pads: [1, 1, 1, 1] }],
  ['3×3, maps of 1', { images: 4, channels: 7, filters: 5, kernel: [3, 3], pads: [1, 1, 1, 1] }],
  ['3×3 without padding', { images: 2, channels: 4, filters: 6, size: [17, 11], kernel: [3, 3] }],
  ['3×3, stride 2', { images: 2, channels: 8, filters: 16, size: [15, 14], kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }], // prettier-ignore
  ['stem', { images: 2, channels: 3, filters: 64, size: [30, 32], kernel: [7, 7], strides: [2, 2], pads: [3, 3, 3, 3] }], // prettier-ignore
  ['kernel beyond the map', { channels: 2, filters: 3, size: [3, 2], kernel: [5, 6], dilations: [2, 1], pads: [4, 3, 5, 4] }], // prettier-ignore
  ['stride beyond the kernel', { channels: 2, filters: 3, size: [11, 10], kernel: [2, 1], strides: [3, 4] }],
  ['uneven padding', { images: 2, channels: 3, filters: 4, size: [8, 9], kernel: [3, 2], pads: [2, 0, 1, 3] }],
  ['more padding than kernel', { channels: 2, filters: 2, size: [4, 5], kernel: [2, 2], pads: [3, 2, 2, 3] }],
  ['groups', { images: 2, channels: 12, filters: 20, group: 4, size: [9, 9], kernel: [3, 3], pads: [1, 1, 1, 1] }],
  ['depthwise', { images: 3, channels: 20, filters: 20, group: 20, size: [13, 9], kernel: [3, 3], pads: [1, 1, 1, 1] }],
  ['depthwise, stride 2, two filters each', { images: 2, channels: 6, filters: 12, group: 6, size: [12, 11], kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }], // prettier-ignore
  ['depthwise 5×5, dilated', { images: 2, channels: 5, filters: 5, group: 5, size: [11, 37], kernel: [5, 5], dilations: [2, 1], pads: [4, 2, 4, 2] }], // prettier-ignore
  ['depthwise, more pixels than are added up in float', { images: 2, channels: 3, filters: 3, group: 3, size: [80, 70], kernel: [3, 3], pads: [1, 1, 1, 1] }], // prettier-ignore
  ['few pixels, many filters', { images: 8, channels: 70, filters: 200, size: [2, 2], kernel: [3, 3], pads: [1, 1, 1, 1] }], // prettier-ignore
  ['groups of some size', { images: 4, channels: 32, filters: 64, group: 2, size: [10, 10], kernel: [3, 3], pads: [1, 1, 1, 1] }], // prettier-ignore
  ['wide map', { channels: 2, filters: 8, size: [3, 700], kernel: [3, 3], pads: [1, 1, 1, 1] }],
];

describe.skipIf(missing)('convolutions of a plan', () => {
  afterAll(() => {
    addon.setCpuTarget(best);
    addon.setThreads(threads);
  });

  it.each(cases)('%s', (name, given) => checkAll({ ...base, ...given }, name.length));

  it('windows drawn at random', () => {
    for (let seed = 0; seed < 40; seed++) {
      const rng = new Rng(seed, 'windows');
      const pair = (n: number): [number, number] => [1 + rng.int(n), 1 + rng.int(n)];
      const group = 1 + rng.int(3);
      const c: ConvolutionCase = {
        images: 1 + rng.int(3),
        channels: group * (1 + rng.int(6)),
        filters: group * (1 + rng.int(20)),
        group,
        size: pair(12),
        kernel: pair(4),
        strides: pair(3),
        dilations: pair(2),
        pads: [rng.int(3), rng.int(3), rng.int(3), rng.int(3)],
      };
      if (Math.min(...outputSize(c)) > 0) checkAll(c, seed);
    }
  });

  it('one spatial axis', () => {
    const rng = new Rng(1, 'row');
    const c = { ...base, channels: 3, filters: 4, size: [1, 10] as const, kernel: [1, 3] as const, strides: [1, 2] as const, pads: [0, 1, 0, 1] as const }; // prettier-ignore
    const [x, w] = [drawn(rng, [1, 3, 10]), drawn(rng, [4, 3, 3])];
    const y = sums(4 * 5);
    eachProduct(c, (i, k, o) => addTerm(y, o, Number(x.data[i]) * Number(w.data[k])));
    check('Conv', [x, w], [1, 4, 5], { kernel_shape: [3], strides: [2], dilations: [1], pads: [1, 1], group: 1 }, y);
  });

  it.each([1, 2])('NaN and infinity reach exactly what they touch, %i groups', (group) => {
    const c = { ...base, images: 2, channels: 2, filters: 4, group, size: [6, 6] as const, kernel: [3, 3] as const, pads: [1, 1, 1, 1] as const }; // prettier-ignore
    const rng = new Rng(2, 'nan');
    const wDims = [4, 2 / group, 3, 3];
    const [x, w, g] = [drawn(rng, [2, 2, 6, 6]), drawn(rng, wDims), drawn(rng, [2, 4, 6, 6])];
    x.data[0] = NaN;
    x.data[2 * 36 + 35] = Infinity;
    const [y, dw] = [sums(2 * 4 * 36), sums(w.data.length)];
    eachProduct(c, (i, k, o) => {
      addTerm(y, o, Number(x.data[i]) * Number(w.data[k]));
      addTerm(dw, k, Number(g.data[o]) * Number(x.data[i]));
    });
    for (const target of targets) {
      addon.setCpuTarget(target);
      for (const [data, expected] of [
        [run('Conv', [x, w], [2, 4, 6, 6], windows(c)), y],
        [run('ConvWeightGradient', [g, x], wDims, windows(c)), dw],
      ] as const)
        for (let i = 0; i < data.length; i++)
          if (!Number.isFinite(expected.values[i])) expect(data[i]).toBe(expected.values[i]);
          else expect(Math.abs(data[i] - expected.values[i])).toBeLessThan(1e-5 * expected.magnitudes[i]);
    }
  });

  it('no images, no channels', () => {
    const attributes = windows({ ...base });
    expect(run('Conv', [value([0, 2, 3, 3]), value([4, 2, 1, 1])], [0, 4, 3, 3], attributes)).toHaveLength(0);
    const bias = value([2], Float32Array.of(1, 2));
    const filled = run('Conv', [value([1, 0, 1, 1]), value([2, 0, 1, 1]), bias], [1, 2, 1, 1], attributes);
    expect([...filled]).toEqual([1, 2]);
    expect([...run('ConvWeightGradient', [value([0, 2, 3, 3]), value([0, 1, 3, 3])], [2, 1, 1, 1], attributes)]).toEqual([0, 0]); // prettier-ignore
  });

  it.each([[[3, 5, 7, 3]], [[2, 40, 1, 1]], [[4, 3]], [[2, 2, 300, 301]]])('ChannelSum of %o', (dims) => {
    const g = drawn(new Rng(3, 'sum'), dims);
    const expected = sums(dims[1]);
    const area = count(dims.slice(2));
    g.data.forEach((v, i) => addTerm(expected, Math.floor(i / area) % dims[1], Number(v)));
    check('ChannelSum', [g], [dims[1]], {}, expected);
  });

  it('says what does not fit', () => {
    const [x, w] = [value([1, 3, 4, 4]), value([2, 2, 1, 1])];
    expect(() => run('Conv', [x, w], [1, 2, 4, 4], windows(base))).toThrow('Conv: weights do not fit the channels');
  });
});

describe.skipIf(missing)('matrix products of a plan', () => {
  afterAll(() => {
    addon.setCpuTarget(best);
    addon.setThreads(threads);
  });

  function product(
    a: NodeValue,
    b: NodeValue,
    sizes: readonly [number, number, number],
    places: [number, number][],
  ): Sums {
    const [rows, depth, columns] = sizes;
    const out = sums(places.length * rows * columns);
    places.forEach(([p, q], n) => {
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++)
          for (let k = 0; k < depth; k++)
            addTerm(out, (n * rows + i) * columns + j, Number(a.data[(p * rows + i) * depth + k]) * Number(b.data[(q * depth + k) * columns + j])); // prettier-ignore
    });
    return out;
  }

  it.each([
    [1, 1, 1],
    [16, 1024, 2],
    [5, 300, 97],
    [64, 33, 50],
    [3, 7, 200],
    [2, 0, 3],
  ])('MatMul %i × %i × %i', (rows, depth, columns) => {
    const rng = new Rng(rows, 'matmul');
    const [a, b] = [drawn(rng, [rows, depth]), drawn(rng, [depth, columns])];
    check('MatMul', [a, b], [rows, columns], {}, product(a, b, [rows, depth, columns], [[0, 0]]));
  });

  it('MatMul broadcasts leading axes', () => {
    const rng = new Rng(4, 'broadcast');
    const [a, b] = [drawn(rng, [2, 1, 3, 4]), drawn(rng, [3, 4, 5])];
    const places = [0, 1].flatMap((i) => [0, 1, 2].map((j): [number, number] => [i, j]));
    check('MatMul', [a, b], [2, 3, 3, 5], {}, product(a, b, [3, 4, 5], places));
    const matrix = drawn(rng, [4, 5]);
    check('MatMul', [a, matrix], [2, 1, 3, 5], {}, product(a, matrix, [3, 4, 5], [[0, 0], [1, 0]])); // prettier-ignore
    const vector = drawn(rng, [4]);
    check('MatMul', [a, vector], [2, 1, 3], {}, product(a, vector, [3, 4, 1], [[0, 0], [1, 0]])); // prettier-ignore
    check('MatMul', [vector, matrix], [5], {}, product(vector, matrix, [1, 4, 5], [[0, 0]]));
  });

  it.each([
    [0, 0, 1, 1, [5]],
    [1, 0, 0.5, 2, [6, 1]],
    [0, 1, 1, 1, null],
    [1, 1, -2, 0.25, [6, 5]],
    [0, 1, 1, 3, [1]],
    [0, 1, 1, 3, []],
  ])('Gemm, transA %i, transB %i, alpha %f, beta %f, C %o', (transA, transB, alpha, beta, cDims) => {
    const rng = new Rng(5, 'gemm');
    const [rows, depth, columns] = [6, 70, 5];
    const [a, b] = [drawn(rng, transA ? [depth, rows] : [rows, depth]), drawn(rng, transB ? [columns, depth] : [depth, columns])]; // prettier-ignore
    const c = cDims && drawn(rng, cDims);
    const expected = sums(rows * columns);
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < columns; j++) {
        for (let k = 0; k < depth; k++)
          addTerm(expected, i * columns + j, alpha * Number(a.data[transA ? k * rows + i : i * depth + k]) * Number(b.data[transB ? j * depth + k : k * columns + j])); // prettier-ignore
        const [down, across] = [cDims?.length === 2 && cDims[0] > 1 ? cDims[1] : 0, (cDims?.at(-1) ?? 1) > 1 ? 1 : 0];
        if (c) addTerm(expected, i * columns + j, beta * Number(c.data[i * down + j * across]));
      }
    check('Gemm', [a, b, c], [rows, columns], { transA, transB, alpha, beta }, expected);
  });
});
