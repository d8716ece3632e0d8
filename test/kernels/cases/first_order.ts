import type { Op } from '../../../src/backend/index.js';
import { Rng } from '../../../src/core/rng.js';
import type { Tensor } from '../../../src/core/tensor.js';
import { firstOrder } from '../../../src/kernels/first_order.js';
import { type Case, type KernelCases, type Fill, uniform, normal, f32, u8, constant, view, shared } from './case.js';

function firstOrderCase(
  name: string,
  dims: number[],
  options: { map?: Fill; mask?: Fill; params?: Record<string, number>; seed?: number } = {},
): Case {
  const { map = uniform, mask = constant(1), params = {}, seed = 31 } = options;
  const inputs = { maps: f32(dims, map, seed), masks: u8(dims, mask, seed + 1) };
  return { name, inputs, params: { scale: 255, ...params } };
}

const some: Fill = (rng) => Number(rng.uniform() < 0.3) * (1 + rng.int(255));
const bytes: Fill = (rng) => rng.int(256);

/** Values on every edge of bins of this width up to `highest`, and the float32 before and after. */
function edges(width: number, scale: number, highest: number): number[] {
  const words = new Uint32Array(1);
  const value = new Float32Array(words.buffer);
  return Array.from({ length: Math.floor(highest / width) }, (_, i) => ((i + 1) * width) / scale).flatMap((edge) =>
    [-1, 0, 1].map((step) => {
      value[0] = edge;
      words[0] += step;
      return value[0];
    }),
  );
}

const onEdges = (
  [
    [25, 255, 255],
    [25, 1, 5000],
    [0.1, 1, 20],
    [1 / 3, 0.7, 90],
    [1, 255, 255],
    [8, 1, 2 ** 13],
  ] as const
).map(([binWidth, scale, highest]) => {
  const values = edges(binWidth, scale, highest);
  return firstOrderCase(`edges of width ${binWidth}, scale ${scale}, and beside them`, [1, values.length], {
    map: (_, i) => values[i],
    params: { scale, binWidth, levels: 1024 },
  });
});

export const firstOrderCases: KernelCases = {
  op: firstOrder as unknown as Op,
  fixed: [
    ...[1, 2, 3, 7, 8, 9, 63, 64, 65, 255, 256, 257, 1021].flatMap((p) => [
      firstOrderCase(`${p} pixels`, [3, p]),
      firstOrderCase(`${p} pixels, masked`, [3, p], { mask: some }),
    ]),
    firstOrderCase('no pixels', [2, 0]),
    firstOrderCase('empty mask', [3, 50], { mask: (_, i) => Number(i < 50) }),
    firstOrderCase('one pixel inside', [2, 50], { mask: (_, i) => Number(i % 50 === 17) }),
    firstOrderCase('two pixels inside', [2, 50], { mask: (_, i) => Number(i % 50 > 47) }),
    firstOrderCase('one odd row', [1, 321]),
    firstOrderCase('isolated pixels', [2, 31 * 31], {
      mask: (_, i) => Number(i % 2 === 0 && Math.floor(i / 31) % 2 === 0),
    }),
    firstOrderCase('constant 0', [2, 50], { map: constant(0) }),
    firstOrderCase('constant 0.1 (rounds in the mean)', [2, 240], { map: constant(0.1) }),
    firstOrderCase('constant inside', [2, 240], { map: (_, i) => (i % 3 ? 0.1 : 0.7), mask: (_, i) => i % 3 }),
    firstOrderCase('constant, 8 bins', [2, 240], { map: constant(0.1), params: { binCount: 8 } }),
    firstOrderCase('mostly 0', [2, 50_176], { map: (rng) => Math.max(0, rng.normal() - 1.5) / 4 }),
    firstOrderCase('all but the outer tenths the same', [2, 240], {
      map: (_, i) => (i % 240 < 20 ? 0 : i % 240 > 219 ? 1 : 0.3),
    }),
    firstOrderCase('NaN inside', [3, 100], { map: (rng, i) => (i === 150 ? NaN : rng.uniform()) }),
    firstOrderCase('infinite inside', [3, 100], { map: (rng, i) => (i === 150 ? -Infinity : rng.uniform()) }),
    firstOrderCase('both infinities inside', [1, 100], {
      map: (rng, i) => (i === 50 ? Infinity : i === 51 ? -Infinity : rng.uniform()),
    }),
    firstOrderCase('NaN and infinities outside', [2, 99], {
      map: (rng, i) => (i % 3 ? rng.uniform() : [NaN, Infinity, -Infinity][(i / 3) % 3]),
      mask: (_, i) => i % 3,
    }),
    firstOrderCase('bytes: values on the edges', [2, 2000], { map: bytes, params: { scale: 1 } }),
    firstOrderCase('whole numbers around 0', [2, 2000], { map: (rng) => rng.int(400) - 200, params: { scale: 1 } }),
    firstOrderCase('[0, 1] in one bin', [2, 500], { params: { scale: 1 } }),
    firstOrderCase('tenths, width 0.1', [2, 110], {
      map: (_, i) => (i % 11) / 10,
      params: { scale: 1, binWidth: 0.1 },
    }),
    ...onEdges,
    firstOrderCase('8 bins', [2, 999], { params: { binCount: 8 } }),
    firstOrderCase('10 bins of whole numbers 0 to 10', [2, 110], {
      map: (_, i) => i % 11,
      params: { scale: 1, binCount: 10 },
    }),
    firstOrderCase('256 levels', [2, 5000], { params: { binWidth: 1 } }),
    firstOrderCase('more levels than allowed', [2, 500], { params: { binWidth: 1, levels: 100 } }),
    firstOrderCase('shift and voxel volume', [2, 500], { map: normal, params: { shift: 300, voxelVolume: 0.125 } }),
    firstOrderCase('far from 0', [2, 500], {
      map: (rng) => 1000 + rng.int(64) / 64,
      params: { scale: 1, binWidth: 0.25 },
    }),
    firstOrderCase('far from 0, any value', [2, 500], { map: (rng) => 1000 + rng.uniform(), params: { scale: 1 } }),
    firstOrderCase('very small', [2, 500], { map: (rng) => rng.int(1000) * 1e-9 }),
    (() => {
      const c = firstOrderCase('unaligned and shared', [2, 51], { mask: some });
      const { maps, masks } = c.inputs;
      return { ...c, inputs: { maps: shared(maps as Tensor<'f32'>), masks: view(masks as Tensor<'u8'>, 3) } };
    })(),
    (() => {
      const c = firstOrderCase('unaligned maps', [2, 51]);
      return { ...c, inputs: { ...c.inputs, maps: view(c.inputs.maps as Tensor<'f32'>, 1) } };
    })(),
  ],
  random(seed) {
    const rng = new Rng(seed, 'first order');
    const power = 1 + rng.int(4);
    return firstOrderCase(`random ${seed}`, [1 + rng.int(3), 1 + rng.int(3000)], {
      seed,
      map: (r) => r.uniform() ** power,
      mask: rng.int(2) ? some : constant(1),
      params: rng.int(2) ? { binCount: 1 + rng.int(64) } : { binWidth: 1 + rng.int(50) },
    });
  },
  bench: () => firstOrderCase('16 × 320², scale 255, width 25', [16, 320 * 320]),
};
