import type { Op } from '../../../src/backend/index.js';
import { Rng } from '../../../src/core/rng.js';
import { tensor, type Tensor } from '../../../src/core/tensor.js';
import { glcm } from '../../../src/kernels/glcm.js';
import { glcmOffsets, offsetWeights } from '../../../src/kernels/glcm_offsets.js';
import { type Case, type Fill, type KernelCases, constant, f32, shared, u8, uniform, view, withNaN } from './case.js';

interface Options {
  map?: Fill;
  mask?: Fill;
  params?: Record<string, number>;
  distances?: number[];
  offsets?: number[];
  spacing?: [number, number, number];
  seed?: number;
}

/** @param dims [B,D,H,W] */
function glcmCase(name: string, dims: [number, number, number, number], options: Options = {}): Case {
  const { map = uniform, mask = constant(1), params = {}, distances = [1], spacing = [1, 1, 1], seed = 3 } = options;
  const offsets = options.offsets
    ? Int32Array.from(options.offsets)
    : glcmOffsets([dims[1], dims[2], dims[3]], distances);
  const count = offsets.length / 3;
  return {
    name,
    inputs: {
      maps: f32(dims, map, seed),
      masks: u8(dims, mask, seed + 1),
      offsets: tensor('i32', [count, 3], offsets),
      weights: tensor('f32', [count], offsetWeights(offsets, spacing, 'euclidean')),
    },
    params: { scale: 255, levels: 48, ...params },
  };
}

/** Whole numbers below n, which are levels at binWidth 1. */
const whole =
  (n: number): Fill =>
  (rng) =>
    rng.int(n);
const raw = (levels: number) => ({ scale: 1, binWidth: 1, levels });
const sparse: Fill = (rng) => Number(rng.uniform() < 0.6) * (1 + rng.int(255));
const smooth: Fill = (_, i) => 0.5 + 0.4 * Math.sin(i / 19) * Math.cos(i / 700);

/** C++ only: more levels than fit the table of the WGSL version; edges whose rounding float64 decides. */
export const wideGlcmCases: Case[] = [
  glcmCase('an outlier: few of 300 levels', [2, 1, 20, 20], {
    map: (rng, i) => (i % 400 === 7 ? 299 : rng.int(6)),
    params: raw(4096),
  }),
  glcmCase('tenths in 10 bins', [2, 1, 20, 20], { map: (rng) => rng.int(11) / 10, params: { scale: 1, binCount: 10 } }),
  glcmCase('thirds, scaled', [2, 1, 20, 20], { map: (rng) => rng.int(4) / 3, params: { scale: 0.3, binWidth: 0.1 } }),
  glcmCase('70 levels', [1, 1, 60, 60], { map: whole(70), params: raw(256) }),
  glcmCase('100 levels, directed', [1, 1, 40, 40], { map: whole(100), params: { ...raw(128), symmetric: 0 } }),
  glcmCase('260 levels, merged', [1, 1, 20, 20], { map: whole(260), params: { ...raw(300), merge: 1 } }),
];

export const glcmCases: KernelCases = {
  op: glcm as unknown as Op,
  fixed: [
    ...[0, 1].flatMap((symmetric) =>
      [0, 1].flatMap((merge) => {
        const params = { symmetric, merge };
        const kind = `${symmetric ? 'symmetric' : 'directed'}${merge ? ', merged' : ''}`;
        return [
          glcmCase(`${kind}, 32²`, [3, 1, 32, 32], { params }),
          glcmCase(`${kind}, part of 33×65`, [2, 1, 33, 65], { params, mask: sparse }),
          glcmCase(`${kind}, focused`, [2, 1, 40, 37], { params, map: (rng) => rng.uniform() ** 4, mask: sparse }),
          glcmCase(`${kind}, 3-D`, [2, 5, 9, 11], { params, mask: sparse, spacing: [2, 0.7, 0.7] }),
          glcmCase(`${kind}, 40 levels`, [2, 1, 40, 40], { params: { ...params, ...raw(48) }, map: whole(40) }),
          glcmCase(`${kind}, two levels`, [2, 1, 9, 8], { params, map: (_, i) => Number(i % 3 === 0) }),
          glcmCase(`${kind}, constant`, [2, 1, 9, 8], { params, map: constant(0.1) }),
          glcmCase(`${kind}, isolated pixels`, [2, 1, 9, 9], {
            params,
            mask: (_, i) => Number((i % 9) % 2 === 0 && Math.floor(i / 9) % 2 === 0),
          }),
          glcmCase(`${kind}, one isolated level`, [1, 1, 9, 9], {
            params,
            map: constant(1),
            mask: (_, i) => +(i === 40),
          }),
          glcmCase(`${kind}, no offset`, [2, 1, 5, 5], { params, offsets: [] }),
          glcmCase(`${kind}, one offset`, [2, 1, 16, 16], { params, offsets: [0, 1, -1] }),
          glcmCase(`${kind}, three offsets and backwards`, [2, 1, 16, 15], {
            params,
            offsets: [0, 1, -1, 0, -2, 3, 0, 0, -1],
          }),
        ];
      }),
    ),
    ...[1, 2, 15, 16, 17, 18, 33].map((levels) =>
      glcmCase(`${levels} levels`, [2, 1, 31, 30], { params: raw(64), map: whole(levels) }),
    ),
    ...[
      [1, 1],
      [1, 2],
      [2, 1],
      [1, 70],
      [70, 1],
      [2, 2],
      [3, 5],
    ].map(([h, w]) => glcmCase(`${h}×${w}`, [3, 1, h, w], { offsets: [0, 1, 1, 0, 1, 0, 0, 1, -1, 0, 0, 1] })),
    glcmCase('no pixels', [2, 1, 0, 5], { offsets: [0, 0, 1] }),
    glcmCase('empty mask', [2, 1, 9, 9], { mask: constant(0) }),
    glcmCase('one empty mask', [3, 1, 9, 9], { mask: (_, i) => Number(i < 81 || i >= 162) }),
    glcmCase('mask of one row', [2, 1, 9, 9], { mask: (_, i) => Number(Math.floor(i / 9) % 9 === 4) }),
    glcmCase('NaN inside', [3, 1, 9, 9], { map: withNaN(100) }),
    glcmCase('NaN outside', [3, 1, 9, 9], { map: withNaN(100), mask: (_, i) => Number(i !== 100) }),
    glcmCase('infinite inside', [3, 1, 9, 9], { map: (rng, i) => (i === 100 ? -Infinity : rng.uniform()) }),
    glcmCase('infinite outside', [3, 1, 9, 9], {
      map: (rng, i) => (i === 100 ? Infinity : rng.uniform()),
      mask: (_, i) => Number(i !== 100),
    }),
    glcmCase('all NaN outside the mask', [2, 1, 9, 9], { map: constant(NaN), mask: constant(0) }),
    glcmCase('distance 2', [2, 1, 20, 21], { distances: [2] }),
    glcmCase('distances 1 and 3', [2, 1, 20, 21], { distances: [1, 3], mask: sparse }),
    glcmCase('distances 1 and 3 merged', [2, 1, 20, 21], { distances: [1, 3], mask: sparse, params: { merge: 1 } }),
    glcmCase('longer than the image', [2, 1, 4, 20], { offsets: [0, 4, 0, 0, 0, 1, 0, -7, 3, 1, 0, 0] }),
    glcmCase('an offset without a pair', [2, 1, 20, 20], {
      mask: (_, i) => Number(Math.floor(i / 20) % 20 === 7),
      params: { binCount: 4 },
    }),
    glcmCase('negative values', [2, 1, 20, 20], { map: (rng) => rng.uniform() - 0.5 }),
    glcmCase('far from 0', [2, 1, 20, 20], {
      map: (rng) => 1000 + rng.int(9) / 8,
      params: { scale: 1, binWidth: 0.25 },
    }),
    glcmCase('values on bin edges', [2, 1, 20, 20], {
      map: (rng) => rng.int(12) / 10,
      params: { scale: 1, binWidth: 0.1 },
    }),
    glcmCase('both zeros on an edge', [2, 1, 20, 21], {
      map: (rng) => [-1, -0.75, -0.5, -0.25, -0, 0, 0.25, 0.5, 1][rng.int(9)],
      params: { scale: 1, binWidth: 0.5 },
    }),
    glcmCase('bytes', [2, 1, 20, 20], { map: whole(256), params: { scale: 1 } }),
    glcmCase('32 bins', [2, 1, 30, 30], { params: { binCount: 32 } }),
    glcmCase('8 bins of bytes', [2, 1, 30, 30], { map: whole(256), params: { scale: 1, binCount: 8 } }),
    glcmCase('one bin', [2, 1, 9, 9], { params: { binCount: 1 } }),
    glcmCase('8 bins, constant', [2, 1, 9, 9], { map: constant(0.3), params: { binCount: 8 } }),
    glcmCase('[0, 1] and bins of 25', [2, 1, 9, 9], { params: { scale: 1 } }),
    glcmCase('more levels than allowed', [2, 1, 20, 20], { params: { levels: 10 } }),
    glcmCase('as many levels as allowed', [2, 1, 40, 40], { params: { levels: 11 } }),
    glcmCase('a level beyond 32 bits', [1, 1, 9, 9], { map: (rng) => rng.uniform() * 1e30 }),
    glcmCase('smooth', [1, 1, 100, 101], { map: smooth }),
    (() => {
      const c = glcmCase('unaligned and shared', [2, 1, 9, 11], { mask: sparse });
      return {
        ...c,
        inputs: {
          ...c.inputs,
          maps: shared(c.inputs.maps as Tensor<'f32'>),
          masks: view(c.inputs.masks as Tensor<'u8'>, 3),
        },
      };
    })(),
  ],
  random(seed) {
    const rng = new Rng(seed, 'glcm');
    const levels = [3, 9, 15, 16, 24, 40][rng.int(6)];
    const depth = rng.int(4) === 0 ? 1 + rng.int(4) : 1;
    const power = 1 + rng.int(3);
    const inside = 0.3 + 0.7 * rng.uniform();
    return glcmCase(`random ${seed}`, [1 + rng.int(3), depth, 3 + rng.int(30), 3 + rng.int(30)], {
      // Half a level away from the edges of bins.
      map: (r) => (Math.floor(levels * r.uniform() ** power) + 0.5) / levels,
      mask: (r) => Number(r.uniform() < inside),
      distances: [[1], [2], [1, 2]][depth > 1 ? 0 : rng.int(3)],
      params: {
        scale: levels,
        binWidth: 1,
        symmetric: Number(rng.int(4) > 0),
        merge: Number(rng.int(3) === 0),
      },
      seed,
    });
  },
  bench: () => glcmCase('16 × 320², 11 levels, 4 offsets', [16, 1, 320, 320]),
};
