import type { Op } from '../../../src/backend/index.js';
import { Rng } from '../../../src/core/rng.js';
import { resize, resizeBytes } from '../../../src/kernels/resize.js';
import { type Case, type KernelCases, uniform, f32, u8 } from './case.js';

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
