import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openNative } from '../../src/backend/native.js';
import { referenceExecutor } from '../../src/backend/reference.js';
import type { Executor } from '../../src/backend/executor.js';
import { SightlineError } from '../../src/core/errors.js';
import { tensor } from '../../src/core/tensor.js';
import { filters, resize, resizeBytes } from '../../src/kernels/resize.js';
import type { Op } from '../../src/backend/op.js';

interface GoldenCase {
  by: string;
  image: [number, number, number];
  size: [number, number];
  box?: [number, number, number, number];
  resized: string;
}

const { cases } = JSON.parse(readFileSync(new URL('../golden/resize.json', import.meta.url), 'utf8')) as {
  cases: GoldenCase[];
};
const opened = openNative();
const native = 'available' in opened ? undefined : opened;
const executors: [string, Executor | undefined][] = [
  ['reference', referenceExecutor],
  ['native', native],
];

async function run(
  executor: Executor,
  op: typeof resize | typeof resizeBytes,
  data: Float32Array | Uint8Array,
  dims: number[],
  params: Record<string, number>,
): Promise<Float32Array> {
  const image = data instanceof Uint8Array ? tensor('u8', dims, data) : tensor('f32', dims, data);
  const { resized } = await executor.run(op as unknown as Op, { image }, params, []);
  return (resized as { data: Float32Array }).data;
}

function pattern([rows, columns, channels]: number[]): Float32Array {
  const out = new Float32Array(rows * columns * channels);
  let i = 0;
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++)
      for (let c = 0; c < channels; c++) out[i++] = ((y * 31 + x * 17 + c * 101 + y * x * 7) % 256) / 255;
  }
  return out;
}

function farthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let worst = 0;
  for (let i = 0; i < a.length; i++) worst = Math.max(worst, Number.isNaN(a[i]) ? Infinity : Math.abs(a[i] - b[i]));
  return worst;
}

const whole = ([rows, columns]: number[]) => ({ x: 0, y: 0, sourceWidth: columns, sourceHeight: rows });

describe.each(executors)('resize on %s', (_name, executor) => {
  it.each(
    cases.map(
      (c) =>
        [`${c.by} ${c.image.join('×')} → ${c.size.join('×')}${c.box ? ` of ${c.box.join(', ')}` : ''}`, c] as const,
    ),
  )('equals %s', async (_, c) => {
    const [x, y, x1, y1] = c.box ?? [0, 0, c.image[1], c.image[0]];
    const got = await run(executor!, resize, pattern(c.image), c.image, {
      x,
      y,
      sourceWidth: x1 - x,
      sourceHeight: y1 - y,
      height: c.size[0],
      width: c.size[1],
    });
    const bytes = Buffer.from(c.resized, 'base64');
    const want = new Float32Array(Uint8Array.from(bytes).buffer);
    expect(farthest(got, want)).toBeLessThan(1e-5);
  });

  it('takes bytes as they are', async () => {
    const dims = [31, 45, 3];
    const bytes = Uint8Array.from(pattern(dims), (v) => Math.round(v * 255));
    const params = { ...whole(dims), width: 9, height: 12 };
    const fromBytes = await run(executor!, resizeBytes, bytes, dims, params);
    const fromFloats = await run(executor!, resize, Float32Array.from(bytes), dims, params);
    expect(farthest(fromBytes, fromFloats)).toBeLessThan(1e-4);
  });

  it('area is the mean over each footprint, nearest a pixel of the image', async () => {
    const data = Float32Array.from({ length: 24 }, (_, i) => i); // 4 × 6
    const area = await run(executor!, resize, data, [4, 6, 1], {
      ...whole([4, 6]),
      width: 3,
      height: 2,
      filter: filters.area,
    });
    expect([...area]).toEqual([3.5, 5.5, 7.5, 15.5, 17.5, 19.5]);
    const third = await run(executor!, resize, Float32Array.of(0, 3, 9), [1, 3, 1], {
      ...whole([1, 3]),
      width: 2,
      height: 1,
      filter: filters.area,
    });
    expect(farthest(third, [1, 7])).toBeLessThan(1e-6);
    const nearest = await run(executor!, resize, data, [4, 6, 1], {
      ...whole([4, 6]),
      width: 3,
      height: 2,
      filter: filters.nearest,
    });
    expect([...nearest]).toEqual([7, 9, 11, 19, 21, 23]);
  });

  it('keeps a constant constant and refuses a rectangle outside the image', async () => {
    const flat = await run(executor!, resize, new Float32Array(13 * 7).fill(0.3), [13, 7, 1], {
      ...whole([13, 7]),
      width: 5,
      height: 29,
    });
    expect(farthest(flat, new Float32Array(flat.length).fill(0.3))).toBeLessThan(1e-6);
    const outside = async () =>
      run(executor!, resize, new Float32Array(4), [2, 2, 1], {
        x: 1,
        y: 0,
        sourceWidth: 2,
        sourceHeight: 2,
        width: 1,
        height: 1,
      });
    await expect(outside()).rejects.toThrow(SightlineError);
  });
});

describe('parity', () => {
  it('the addon has the kernel', () => {
    expect(native?.supports(resize as unknown as Op)).toBe(true);
  });

  it('native equals the reference at any size, rectangle, channel count and filter', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          rows: fc.integer({ min: 1, max: 40 }),
          columns: fc.integer({ min: 1, max: 70 }),
          channels: fc.integer({ min: 1, max: 4 }),
          height: fc.integer({ min: 1, max: 40 }),
          width: fc.integer({ min: 1, max: 40 }),
          filter: fc.constantFrom(0, 1, 2),
          inset: fc.tuple(...Array.from({ length: 4 }, () => fc.double({ min: 0, max: 0.49, noNaN: true }))),
          seed: fc.nat(),
        }),
        async ({ rows, columns, channels, height, width, filter, inset, seed }) => {
          const data = Float32Array.from(
            { length: rows * columns * channels },
            (_, i) => ((i * 2654435761 + seed) % 1000) / 999,
          );
          const [x, y] = [inset[0] * columns, inset[1] * rows];
          const params = {
            x,
            y,
            sourceWidth: columns - x - inset[2] * columns,
            sourceHeight: rows - y - inset[3] * rows,
            width,
            height,
            filter,
          };
          const dims = [rows, columns, channels];
          expect(
            farthest(
              await run(native!, resize, data, dims, params),
              await run(referenceExecutor, resize, data, dims, params),
            ),
          ).toBeLessThan(1e-5);
        },
      ),
      { numRuns: 300 },
    );
  });
});
