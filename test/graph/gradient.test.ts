import { describe, expect, it } from 'vitest';
import { tensor } from '../../src/core/tensor.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { differentiableOps } from '../../src/graph/ops/index.js';
import { openSession } from '../../src/runtime/index.js';
import { definitions, evaluator } from './evaluator/evaluate.js';
import { real } from './evaluator/value.js';
import type { AttributeValue } from '../../src/graph/emitter.js';
import { op, type Case } from './gradient_cases/case.js';
import { compiled } from './gradient_cases/compiled.js';
import { cases } from './gradient_cases/index.js';

/** Largest difference, relative to the largest expected value where that is above 1. */
function deviation(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(found.length).toBe(expected.length);
  let most = 0;
  let size = 1;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(found[i] - expected[i]);
    if (Number.isNaN(difference)) return NaN;
    most = Math.max(most, difference);
    size = Math.max(size, Math.abs(expected[i]));
  }
  return most / size;
}

function convTransposeOf(attributes: Record<string, AttributeValue>): Case {
  return {
    name: 'ConvTranspose',
    dims: [1, 1, 3, 3],
    build: ({ emit, x, constant }) => emit.op('ConvTranspose', [x, constant([1, 1, 2, 2])], attributes),
  };
}

describe('gradient rules', () => {
  it.each(cases.map((test) => [test.name, test] as const))('%s', async (_name, test) => {
    const { graph, seed, dims, x } = compiled(test);
    const whole = evaluator(graph, ['y_out', 'dx_out'])({ x: real(test.dims, x) });
    const [y, dx] = ['y_out', 'dx_out'].map((name) => whole.get(name)?.data ?? new Float64Array());

    // The rules, in float64, against central differences of the op's definition.
    const forward = evaluator(graph, ['y_out']);
    const value = (data: Float64Array) => {
      const result = forward({ x: real(test.dims, data) }).get('y_out')?.data ?? [];
      return seed.reduce((sum, r, i) => sum + r * result[i], 0);
    };
    const h = 1e-5;
    const places = Array.from({ length: Math.min(x.length, 24) }, (_, i) =>
      Math.floor((i * x.length) / Math.min(x.length, 24)),
    );
    const numeric = places.map((place) => {
      const moved = (by: number) => Float64Array.from(x, (v, i) => (i === place ? v + by : v));
      return (value(moved(h)) - value(moved(-h))) / (2 * h);
    });
    const analytic = places.map((place) => dx[place]);
    expect(deviation(analytic, numeric), `${analytic.join()} against ${numeric.join()}`).toBeLessThan(1e-6);

    // ONNX Runtime, in float32, against float64.
    const session = await openSession(exportOnnx(graph));
    const outputs = await session.run({ x: tensor('f32', test.dims, x) });
    await session.close();
    expect(outputs.y_out.dims).toEqual(dims);
    expect(deviation(outputs.y_out.data as Float32Array, y)).toBeLessThan(1e-5);
    expect(deviation(outputs.dx_out.data as Float32Array, dx)).toBeLessThan(1e-4);
  });

  it.each([
    ['tiling windows', { kernel_shape: [2, 2], strides: [2, 2] }, [0, 2, 8, 10]],
    // Windows start at row and column −1, 1: the first pixel inside each is the one that all ties go to.
    ['overlapping windows', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }, [0, 1, 4, 5]],
  ] as const)('MaxPool gives ties to the first of them, as PyTorch does: %s', async (_name, attributes, winners) => {
    const test = op('MaxPool ties', [1, 1, 4, 4], attributes);
    const { graph, seed } = compiled(test);
    const session = await openSession(exportOnnx(graph));
    const { dx_out } = await session.run({ x: tensor('f32', test.dims, new Float32Array(16)) });
    const expected = new Float32Array(16);
    winners.forEach((at, window) => (expected[at] += seed[window]));
    expect(dx_out.data).toEqual(expected);
    await session.close();
  });

  it.each(['GlobalMaxPool', 'ReduceMax'])('%s gives ties to the first of them', async (name) => {
    const { graph, seed } = compiled(op(name, [1, 2, 2, 2], name === 'ReduceMax' ? { axes: [2, 3] } : {}));
    const session = await openSession(exportOnnx(graph));
    const { dx_out } = await session.run({ x: tensor('f32', [1, 2, 2, 2], new Float32Array(8)) });
    expect(Array.from(dx_out.data as Float32Array, (v) => v + 0)).toEqual([seed[0], 0, 0, 0, seed[1], 0, 0, 0]);
    await session.close();
  });

  it.each([
    ['ReduceL2', { axes: [1] }],
    ['LpNormalization', {}],
    ['LpPool', { kernel_shape: [2, 2] }],
    ['GlobalLpPool', {}],
  ])('%s of zeros has gradient 0', async (name, attributes) => {
    const { graph } = compiled(op(name, [1, 2, 2, 2], attributes));
    const session = await openSession(exportOnnx(graph));
    const { dx_out } = await session.run({ x: tensor('f32', [1, 2, 2, 2], new Float32Array(8)) });
    await session.close();
    expect(Array.from(dx_out.data as Float32Array, Math.abs)).toEqual(new Array(8).fill(0));
  });

  const refused: [string, Case][] = [
    [
      'divisor',
      { name: 'Mod', dims: [3], build: ({ emit, x, constant }) => emit.op('Mod', [constant([3]), x], { fmod: 1 }) },
    ],
    ['diagonal', op('Einsum', [3, 3], { equation: 'ii->i' })],
    [
      'tf_crop_and_resize',
      {
        name: 'Resize',
        dims: [1, 1, 4, 4],
        build: ({ emit, x, constant }) =>
          emit.op('Resize', [x, constant([8], [0, 0, 0, 0, 1, 1, 1, 1]), constant([4], [1, 1, 2, 2])], {
            coordinate_transformation_mode: 'tf_crop_and_resize',
          }),
      },
    ],
    [
      'padding depends on the image',
      {
        name: 'Pad',
        dims: [],
        build: ({ emit, x, constant }) => emit.op('Pad', [constant([2, 3]), emit.ints([1, 0, 2, 1]), x]),
      },
    ],
    [
      "reduction 'mul'",
      {
        name: 'ScatterElements',
        dims: [3],
        build: ({ emit, x, constant }) =>
          emit.op('ScatterElements', [x, emit.ints([1]), constant([1])], { reduction: 'mul' }),
      },
    ],
    [
      'training mode',
      {
        name: 'BatchNormalization',
        dims: [2, 3, 2],
        build: ({ emit, x, constant }) =>
          emit.op('BatchNormalization', [x, ...[1, 2, 3, 4].map(() => constant([3]))], { training_mode: 1 }),
      },
    ],
    ['negative pads', convTransposeOf({ pads: [-1, 0, 0, 0] })],
  ];
  it.each(refused)('says what it has no rule for: %s', (what, test) => {
    expect(() => compiled(test)).toThrow(
      expect.objectContaining({ code: 'E_OP_UNSUPPORTED', message: expect.stringContaining(what) as string }),
    );
  });

  it('covers every op that claims a gradient rule', () => {
    const covered = new Set(cases.map((test) => test.name.split(' ')[0]));
    expect(differentiableOps().filter((name) => !covered.has(name))).toEqual([]);
    expect(differentiableOps().filter((name) => !(name in definitions))).toEqual([]);
  });
});
