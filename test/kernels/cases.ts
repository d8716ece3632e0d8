import type { Op } from '../../src/backend/index.js';
import type { Tolerance } from '../../src/backend/op.js';
import { Rng } from '../../src/core/rng.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { dice } from '../../src/kernels/dice.js';
import { gradcam } from '../../src/kernels/gradcam.js';
import { histogram } from '../../src/kernels/histogram.js';
import { nearest } from '../../src/kernels/nearest.js';
import { distance, pairwise } from '../../src/kernels/pairwise.js';
import { resize, resizeBytes } from '../../src/kernels/resize.js';

/** One call of a kernel. The same list drives parity, degenerate input and the bench. */
export interface Case {
  name: string;
  inputs: Record<string, Tensor>;
  params?: Record<string, number>;
}

export interface KernelCases {
  op: Op;
  /** Hand-picked: degenerate content, adversarial sizes. */
  fixed: Case[];
  /** A random case; any seed. */
  random(seed: number): Case;
  /** A realistic size, for timing. */
  bench: () => Case;
}

type Fill = (rng: Rng, i: number) => number;
const uniform: Fill = (rng) => rng.uniform();
const normal: Fill = (rng) => rng.normal();

export function f32(dims: number[], fill: Fill, seed = 1): Tensor<'f32'> {
  const rng = new Rng(seed, ...dims);
  return tensor(
    'f32',
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => fill(rng, i)),
  );
}

function u8(dims: number[], fill: Fill, seed = 2): Tensor<'u8'> {
  const rng = new Rng(seed, ...dims);
  return tensor(
    'u8',
    dims,
    Uint8Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => fill(rng, i)),
  );
}

const constant =
  (value: number): Fill =>
  () =>
    value;
const withNaN =
  (at: number): Fill =>
  (rng, i) =>
    i === at ? NaN : rng.uniform();

/** The same tensor as an unaligned view into a larger array: `offset` elements in. */
function view<T extends Tensor<'f32'> | Tensor<'u8'>>(t: T, offset: number): T {
  const Constructor = t.data.constructor as Float32ArrayConstructor;
  const whole = new Constructor(t.data.length + offset + 3);
  whole.set(t.data, offset);
  return { ...t, data: whole.subarray(offset, offset + t.data.length) } as T;
}

function shared(t: Tensor<'f32'>): Tensor<'f32'> {
  const data = new Float32Array(new SharedArrayBuffer(t.data.byteLength));
  data.set(t.data);
  return { ...t, data };
}

// ---- gradcam ----

function camCase(
  name: string,
  dims: number[],
  height: number,
  width: number,
  options: { a?: Fill; g?: Fill; normalise?: number; seed?: number } = {},
): Case {
  const { a = uniform, g = normal, normalise = 1, seed = 3 } = options;
  return {
    name,
    inputs: { activations: f32(dims, a, seed), gradients: f32(dims, g, seed + 1) },
    params: { height, width, normalise },
  };
}

const camCases: KernelCases = {
  op: gradcam as unknown as Op,
  fixed: [
    camCase('typical head', [2, 64, 7, 7], 224, 224, { g: (rng) => 0.02 + 0.05 * rng.normal() }),
    camCase('1×1 to 1×1', [1, 1, 1, 1], 1, 1),
    camCase('1×1 to odd size', [1, 3, 1, 1], 5, 3),
    camCase('odd sizes', [3, 5, 3, 5], 17, 31),
    camCase('downsampling', [1, 4, 33, 29], 10, 7),
    camCase('many channels', [1, 2100, 4, 4], 16, 16),
    camCase('large maps', [1, 3, 65, 63], 64, 66),
    camCase('all evidence negative', [2, 4, 6, 6], 12, 12, { g: constant(-1) }),
    camCase('zero gradients', [1, 4, 6, 6], 12, 12, { g: constant(0) }),
    camCase('constant positive cam', [1, 2, 6, 6], 12, 12, { a: constant(2), g: constant(0.5) }),
    camCase('tiny gradients', [1, 8, 7, 7], 21, 21, { g: (rng) => 1e-9 * (0.3 + rng.normal()) }),
    camCase('raw', [2, 4, 6, 5], 12, 11, { normalise: 0, g: constant(0.5) }),
    camCase('one pixel high', [2, 3, 1, 9], 5, 17),
    camCase('to one pixel', [2, 3, 5, 4], 1, 1),
    camCase('raw and constant', [1, 2, 3, 3], 4, 4, { a: constant(2), g: constant(0.5), normalise: 0 }),
    camCase('NaN activation', [2, 3, 4, 4], 8, 8, { a: withNaN(5), g: constant(0.5) }),
    camCase('infinite gradient', [2, 3, 4, 4], 8, 8, { g: (_, i) => (i === 40 ? Infinity : 1) }),
    (() => {
      const c = camCase('unaligned and shared inputs', [2, 5, 7, 7], 20, 20);
      return {
        ...c,
        inputs: {
          activations: view(c.inputs.activations as Tensor<'f32'>, 1),
          gradients: shared(c.inputs.gradients as Tensor<'f32'>),
        },
      };
    })(),
  ],
  random(seed) {
    const rng = new Rng(seed, 'gradcam');
    const dims = [1 + rng.int(3), 1 + rng.int(70), 1 + rng.int(15), 1 + rng.int(15)];
    const bias = rng.normal();
    return camCase(`random ${seed}`, dims, 1 + rng.int(70), 1 + rng.int(70), {
      seed,
      g: (r) => bias + r.normal(),
      normalise: rng.int(2),
    });
  },
  bench: () =>
    camCase('16 × [1024,7,7] → 224²', [16, 1024, 7, 7], 224, 224, { g: (rng) => 0.01 + 0.02 * rng.normal() }),
};

// ---- dice ----

function diceCase(
  name: string,
  dims: number[],
  options: { map?: Fill; mask?: Fill; threshold?: number; mode?: number; seed?: number } = {},
): Case {
  const {
    map = uniform,
    mask = (rng) => Number(rng.uniform() < 0.3) * (1 + rng.int(255)),
    threshold = 0.5,
    mode = 0,
    seed = 5,
  } = options;
  return {
    name,
    inputs: {
      maps: f32(dims, map, seed),
      masks: u8(dims, mask, seed + 1),
      thresholds: f32([dims[0]], constant(threshold)),
    },
    params: { mode },
  };
}

const modes = [0, 1, 2];
const diceCases: KernelCases = {
  op: dice as unknown as Op,
  fixed: modes.flatMap((mode) => [
    ...[1, 3, 15, 16, 17, 63, 64, 65, 255, 256, 257, 1021].map((p) =>
      diceCase(`mode ${mode}, ${p} pixels`, [3, p], { mode }),
    ),
    diceCase(`mode ${mode}, no pixels`, [2, 0], { mode }),
    diceCase(`mode ${mode}, both empty`, [2, 33], { mode, map: constant(0), mask: constant(0) }),
    diceCase(`mode ${mode}, empty mask`, [2, 33], { mode, mask: constant(0) }),
    diceCase(`mode ${mode}, empty map`, [2, 33], { mode, map: constant(0) }),
    diceCase(`mode ${mode}, all inside`, [2, 33], { mode, map: constant(1), mask: constant(255) }),
    diceCase(`mode ${mode}, NaN pixel`, [3, 40], { mode, map: withNaN(45) }),
    diceCase(`mode ${mode}, large`, [2, 90_001], { mode }),
    (() => {
      const c = diceCase(`mode ${mode}, unaligned and shared`, [2, 51], { mode });
      return {
        ...c,
        inputs: {
          ...c.inputs,
          maps: shared(c.inputs.maps as Tensor<'f32'>),
          masks: view(c.inputs.masks as Tensor<'u8'>, 3),
        },
      };
    })(),
  ]),
  random(seed) {
    const rng = new Rng(seed, 'dice');
    return diceCase(`random ${seed}`, [1 + rng.int(5), 1 + rng.int(2000)], {
      seed,
      mode: rng.int(3),
      threshold: rng.uniform(),
    });
  },
  bench: () => diceCase('64 × 224², thresholded', [64, 224 * 224]),
};

// ---- histogram ----

/** Pixels at bin centres: float32 and float64 agree on the bin, so that counts can be compared exactly. */
const binned: Fill = (rng) => (rng.int(256) + 0.5) / 256;

function histogramCase(
  name: string,
  dims: number[],
  map: Fill = binned,
  params: Record<string, number> = {},
  seed = 7,
): Case {
  return { name, inputs: { maps: f32(dims, map, seed) }, params: { bins: 256, low: 0, high: 1, ...params } };
}

const histogramCases: KernelCases = {
  op: histogram as unknown as Op,
  fixed: [
    ...[1, 2, 15, 16, 17, 255, 256, 257, 1000].map((p) => histogramCase(`${p} pixels`, [3, p])),
    histogramCase('no pixels', [2, 0]),
    histogramCase('constant 0', [2, 50], constant(0)),
    histogramCase('constant 1 (last bin is closed)', [2, 50], constant(1)),
    histogramCase('constant 0.1 (rounds in the mean)', [2, 240], constant(0.1)),
    histogramCase('two values', [2, 64], (_, i) => (i % 8 === 0 ? 1 : 0)),
    histogramCase('focused map', [2, 50_176], (rng, i) => (i % 997 === 0 ? 0.75 : (0.5 + rng.int(8)) / 256)),
    histogramCase('NaN pixel', [3, 100], (rng, i) => (i === 150 ? NaN : binned(rng, i))),
    histogramCase('all NaN', [2, 30], constant(NaN)),
    histogramCase('outside the range', [2, 90], (_, i) => [-0.25, 0.25, 1.25][i % 3]),
    histogramCase('nothing inside', [2, 30], constant(7)),
    histogramCase('one bin', [2, 100], binned, { bins: 1 }),
    histogramCase('1024 bins', [1, 5000], (rng) => (rng.int(1024) + 0.5) / 1024, { bins: 1024 }),
    histogramCase('other range', [2, 500], (rng) => -4 + (rng.int(32) + 0.5) / 4, { bins: 32, low: -4, high: 4 }),
    histogramCase('all infinite', [2, 30], constant(Infinity)),
    histogramCase('an infinite pixel', [3, 100], (rng, i) => (i === 150 ? -Infinity : binned(rng, i))),
    histogramCase('both infinities', [1, 100], (_, i) => (i === 50 ? Infinity : i === 51 ? -Infinity : 0.5)),
    histogramCase('odd bins', [3, 777], (rng) => (rng.int(49) + 0.5) / 49, { bins: 49 }),
    (() => {
      const c = histogramCase('unaligned', [3, 51]);
      return { ...c, inputs: { maps: view(c.inputs.maps as Tensor<'f32'>, 1) } };
    })(),
    (() => {
      const c = histogramCase('shared', [3, 51]);
      return { ...c, inputs: { maps: shared(c.inputs.maps as Tensor<'f32'>) } };
    })(),
    histogramCase('far from 0', [2, 500], (rng) => 1000 + (rng.int(64) + 0.5) / 64, {
      bins: 64,
      low: 1000,
      high: 1001,
    }),
  ],
  random(seed) {
    const rng = new Rng(seed, 'histogram');
    const bins = 2 ** (1 + rng.int(9));
    const skew = 1 + rng.int(4);
    return histogramCase(
      `random ${seed}`,
      [1 + rng.int(3), 1 + rng.int(3000)],
      (r) => (Math.floor(bins * r.uniform() ** skew) + 0.5) / bins,
      { bins },
      seed,
    );
  },
  bench: () => histogramCase('64 × 224², 256 bins', [64, 224 * 224]),
};

// ---- distances ----

function distanceCase(
  second: string,
  name: string,
  n: number,
  m: number,
  d: number,
  metric: number,
  fill: Fill = normal,
  seed = 9,
): Case {
  return { name, inputs: { a: f32([n, d], fill, seed), [second]: f32([m, d], fill, seed + 1) }, params: { metric } };
}

/** Rows of b that repeat rows of a, exactly and almost: where |a|²+|b|²−2ab cancels. */
function twins(second: string, metric: number, far: number): Case {
  const c = distanceCase(second, `metric ${metric}, twins at ${far}`, 20, 20, 37, metric, (rng) => far + rng.normal());
  const [a, b] = [c.inputs.a.data as Float32Array, c.inputs[second].data as Float32Array];
  b.set(a.subarray(0, 10 * 37));
  for (let i = 5 * 37; i < 10 * 37; i++) b[i] = Math.fround(a[i] * (1 + 1e-4));
  return c;
}

function distanceCases(op: Op, second: string): KernelCases {
  const sizes = [
    [1, 1, 1],
    [3, 1, 2],
    [1, 3, 15],
    [15, 17, 16],
    [16, 16, 17],
    [17, 33, 63],
    [64, 65, 64],
    [85, 31, 65],
    [5, 7, 300],
    [170, 40, 257],
  ];
  return {
    op,
    fixed: [0, 1, 2].flatMap((metric) => [
      ...sizes.map(([n, m, d]) => distanceCase(second, `metric ${metric}, ${n}×${m}×${d}`, n, m, d, metric)),
      ...[0, 1, 30].map((far) => twins(second, metric, far)),
      distanceCase(second, `metric ${metric}, zero rows`, 4, 5, 9, metric, (rng, i) => (i < 18 ? 0 : rng.normal())),
      distanceCase(second, `metric ${metric}, NaN`, 5, 4, 6, metric, (rng, i) => (i === 8 ? NaN : rng.normal())),
      distanceCase(second, `metric ${metric}, all NaN`, 3, 4, 6, metric, constant(NaN)),
      distanceCase(second, `metric ${metric}, an infinity`, 5, 4, 6, metric, (rng, i) =>
        i === 8 ? Infinity : rng.normal(),
      ),
      distanceCase(second, `metric ${metric}, no rows`, 0, 4, 6, metric),
      distanceCase(second, `metric ${metric}, no columns`, 3, 4, 0, metric),
      distanceCase(
        second,
        `metric ${metric}, small and large rows`,
        9,
        9,
        33,
        metric,
        (rng, i) => 10 ** (8 * ((i / 33) % 2 < 1 ? -1 : 1)) * rng.normal(),
      ),
      (() => {
        const c = distanceCase(second, `metric ${metric}, unaligned and shared`, 19, 21, 35, metric);
        const [a, b] = [c.inputs.a, c.inputs[second]] as Tensor<'f32'>[];
        return { ...c, inputs: { a: view(a, 1), [second]: shared(b) } };
      })(),
      distanceCase(second, `metric ${metric}, all equal`, 3, 4, 6, metric, constant(0.3)),
    ]),
    random(seed) {
      const rng = new Rng(seed, op.name);
      return distanceCase(
        second,
        `random ${seed}`,
        1 + rng.int(100),
        1 + rng.int(60),
        1 + rng.int(200),
        rng.int(3),
        normal,
        seed,
      );
    },
    bench: () => distanceCase(second, '2,000 × 500 × 256, L2', 2000, 500, 256, 0),
  };
}

export const kernelCases: KernelCases[] = [
  camCases,
  diceCases,
  histogramCases,
  distanceCases(pairwise as unknown as Op, 'b'),
  distanceCases(nearest as unknown as Op, 'centres'),
];

// ---- resize: C++ only; values against Pillow and torch are in test/data/resize.test.ts ----

function resizeCase(
  name: string,
  [rows, columns, channels]: number[],
  width: number,
  height: number,
  params: Record<string, number> = {},
  bytes = false,
): Case {
  const dims = [rows, columns, channels];
  const image = bytes ? u8(dims, (rng) => rng.int(256)) : f32(dims, uniform);
  return { name, inputs: { image }, params: { sourceWidth: columns, sourceHeight: rows, width, height, ...params } };
}

function resizeCasesOf(op: Op, bytes: boolean): KernelCases {
  return {
    op,
    fixed: [0, 1, 2].flatMap((filter) => [
      resizeCase(`filter ${filter}, 1×1`, [1, 1, 1], 1, 1, { filter }, bytes),
      resizeCase(`filter ${filter}, enlarged`, [3, 5, 3], 17, 16, { filter }, bytes),
      resizeCase(`filter ${filter}, reduced`, [65, 63, 1], 15, 17, { filter }, bytes),
      resizeCase(
        `filter ${filter}, a fractional rectangle`,
        [40, 50, 3],
        31,
        33,
        { filter, x: 3.25, y: 0.5, sourceWidth: 40.5, sourceHeight: 37 },
        bytes,
      ),
    ]),
    random(seed) {
      const rng = new Rng(seed, 'resize');
      const dims = [1 + rng.int(70), 1 + rng.int(70), [1, 3][rng.int(2)]];
      return resizeCase(`random ${seed}`, dims, 1 + rng.int(80), 1 + rng.int(80), { filter: rng.int(3) }, bytes);
    },
    bench: () => resizeCase(`1024² ${bytes ? 'bytes' : 'floats'} → 224²`, [1024, 1024, 1], 224, 224, {}, bytes),
  };
}

export const resizeCases: KernelCases[] = [
  resizeCasesOf(resize as unknown as Op, false),
  resizeCasesOf(resizeBytes as unknown as Op, true),
];

// ---- agreement ----

type Arrays = Record<string, { readonly length: number; readonly [i: number]: number | bigint }>;

/**
 * What keeps `actual` from being the op's outputs within the tolerance of `expected`, or undefined: NaN must meet NaN,
 * infinities each other; another index than the reference's is right only when its centre is as near.
 */
export function disagreement(
  op: Op,
  c: Case,
  actual: Arrays,
  expected: Arrays,
  { relative, absolute }: Tolerance,
): string | undefined {
  for (const name of Object.keys(op.outputs)) {
    const [x, y] = [actual[name], expected[name]];
    if (x.length !== y.length) return `${op.name}.${name}: ${x.length} values, reference ${y.length}`;
    let worst = 1;
    let at = -1;
    for (let i = 0; i < y.length; i++) {
      let [a, b] = [Number(x[i]), Number(y[i])];
      if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
      if (op.name === 'nearest' && name === 'index') [a, b] = [a, b].map((j) => distanceTo(c, i, j));
      const deviation = Math.abs(a - b) / (absolute + relative * Math.abs(b));
      if (!(deviation <= worst)) [worst, at] = [Number.isNaN(deviation) ? Infinity : deviation, i];
    }
    if (at >= 0) return `${op.name}.${name}[${at}]: ${x[at]}, reference ${y[at]}, ${worst} times what is allowed`;
  }
  return undefined;
}

function distanceTo({ inputs, params }: Case, row: number, centre: number): number {
  const [a, centres] = [inputs.a, inputs.centres] as Tensor<'f32'>[];
  const depth = a.dims[1];
  return distance(a.data, row * depth, centres.data, centre * depth, depth, params?.metric ?? 0);
}
