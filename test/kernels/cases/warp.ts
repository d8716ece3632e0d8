import type { Op } from '../../../src/backend/index.js';
import { Rng } from '../../../src/core/rng.js';
import { warp, warpBytes } from '../../../src/kernels/warp.js';
import { f32, u8, uniform, view, withNaN, type Case, type Fill, type KernelCases } from './case.js';

type WarpParams = Partial<Record<keyof typeof warp.params, number>>;

/** The matrix of a rotation by `degrees` about the centre of the source, then a scaling. */
function turned([, rows, columns]: number[], width: number, height: number, degrees: number, scale = 1): WarpParams {
  const [c, s] = [Math.cos, Math.sin].map((f) => f((degrees * Math.PI) / 180) / scale);
  return {
    xx: c,
    xy: -s,
    x0: columns / 2 - (c * width) / 2 + (s * height) / 2,
    yx: s,
    yy: c,
    y0: rows / 2 - (s * width) / 2 - (c * height) / 2,
  };
}

function warpCase(name: string, dims: number[], given: WarpParams, bytes: boolean, fill: Fill = uniform): Case {
  const image = bytes ? u8(dims, (rng) => rng.int(256)) : f32(dims, fill);
  const params = { width: dims[2], height: dims[1], ...given } as Record<string, number>;
  if (bytes) params.interpolation = 0;
  return { name, inputs: { image }, params };
}

const unaligned = (c: Case): Case => ({ ...c, inputs: { image: view(c.inputs.image as never, 1) } });

function warpCasesOf(op: Op, bytes: boolean): KernelCases {
  const kinds = [0, 1, 2].flatMap((border) =>
    (bytes ? [0] : [0, 1]).map((interpolation) => ({ border, interpolation })),
  );
  return {
    op,
    fixed: [
      ...kinds.flatMap((kind) => {
        const name = `border ${kind.border}, interpolation ${kind.interpolation}`;
        return [
          warpCase(`${name}, 1×1`, [1, 1, 1], { ...kind, ...turned([1, 1, 1], 1, 1, 30), fill: 1 }, bytes),
          warpCase(`${name}, identity`, [3, 7, 5], kind, bytes, withNaN(17)),
          warpCase(`${name}, turned`, [3, 33, 47], { ...kind, ...turned([3, 33, 47], 47, 33, 25, 1.05) }, bytes),
          warpCase(`${name}, a quarter turn with ties`, [1, 4, 5], { ...kind, ...turned([1, 4, 5], 5, 4, 90) }, bytes),
          warpCase(
            `${name}, another size`,
            [2, 9, 8],
            { ...kind, ...turned([2, 9, 8], 17, 5, -70, 0.3), width: 17, height: 5 },
            bytes,
          ),
          warpCase(`${name}, mirrored`, [1, 6, 65], { ...kind, xx: -1, x0: 65 }, bytes),
          warpCase(`${name}, far outside`, [1, 5, 6], { ...kind, x0: 1e6 + 0.25, y0: -777.5, fill: 3 }, bytes),
          warpCase(`${name}, enormous matrix`, [1, 5, 6], { ...kind, xx: 1e9, yx: -1e9, yy: 1e9 }, bytes),
          warpCase(`${name}, all from one point`, [1, 5, 6], { ...kind, xx: 0, yy: 0, x0: 2.2, y0: 3.7 }, bytes),
          warpCase(`${name}, half a pixel`, [1, 16, 17], { ...kind, x0: 0.5, y0: -0.5 }, bytes),
          unaligned(warpCase(`${name}, an unaligned view`, [1, 8, 9], { ...kind, x0: 0.3 }, bytes)),
        ];
      }),
      warpCase('no channel', [0, 4, 4], {}, bytes),
      warpCase('one row', [1, 1, 40], { border: 2, x0: -13.4, y0: 5.2 }, bytes),
      warpCase('NaN and infinite pixels, turned', [1, 20, 20], turned([1, 20, 20], 20, 20, 10), bytes, (rng, i) =>
        i % 97 === 0 ? NaN : i % 61 === 0 ? Infinity : rng.uniform(),
      ),
    ],
    random(seed) {
      const rng = new Rng(seed, 'warp');
      const dims = [1 + rng.int(3), 1 + rng.int(50), 1 + rng.int(70)];
      const [width, height] = [1 + rng.int(70), 1 + rng.int(50)];
      const matrix = turned(dims, width, height, rng.uniform() * 360, 0.3 + rng.uniform() * 3);
      const kind = { border: rng.int(3), interpolation: rng.int(2), fill: rng.int(3) };
      return warpCase(`random ${seed}`, dims, { ...matrix, width, height, ...kind }, bytes);
    },
    bench: () =>
      warpCase(
        `3×224² ${bytes ? 'bytes, nearest' : 'floats, bilinear'}, turned`,
        [3, 224, 224],
        turned([3, 224, 224], 224, 224, 20, 1.03),
        bytes,
      ),
  };
}

export const warpCases: KernelCases[] = [
  warpCasesOf(warp as unknown as Op, false),
  warpCasesOf(warpBytes as unknown as Op, true),
];
