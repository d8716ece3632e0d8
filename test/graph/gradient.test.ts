import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { sizeOf, tensor } from '../../src/core/tensor.js';
import { f32 } from '../../src/graph/constant.js';
import { Emitter } from '../../src/graph/emitter.js';
import { appendGradient } from '../../src/graph/gradient.js';
import { Inference } from '../../src/graph/infer.js';
import type { Graph } from '../../src/graph/ir.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { differentiableOps } from '../../src/graph/ops/index.js';
import { openSession } from '../../src/runtime/index.js';
import { op, random, type Case } from './gradient_cases/case.js';
import { cases } from './gradient_cases/index.js';

/** x ↦ Σ r ⊙ f(x) with fixed random r, and its gradient by the rules. */
async function compiled(test: Case) {
  const opset = test.opset ?? 17;
  const graph: Graph = {
    name: 'case',
    irVersion: opset > 21 ? 12 : 8,
    opsets: new Map([['', opset]]),
    inputs: [{ name: 'x', type: 'f32', dims: [...test.dims] }],
    outputs: [],
    nodes: [],
    initializers: new Map(),
    declared: new Map(),
    metadata: new Map(),
    functions: [],
  };
  const rng = new Rng(1, test.name);
  const known = new Inference(graph);
  known.setShape('x', { type: 'f32', dims: test.dims });
  const emit = new Emitter(graph, known, (node) => known.visit(node));
  const constant = (dims: readonly number[], values?: readonly number[]) =>
    emit.constant(f32(dims, values ?? random(rng, dims)));
  const y = test.build({ emit, x: 'x', constant });
  const dims = known.shape(y)?.dims;
  if (!dims) throw new Error(known.reasons.get(y));
  const seed = constant(dims);
  const gradient = appendGradient(graph, emit, y, seed, 'x');
  emit.op('Identity', [y], {}, 'y_out');
  emit.op('Identity', [gradient], {}, 'dx_out');
  graph.outputs.push(
    { name: 'y_out', type: 'f32', dims: [...dims] },
    { name: 'dx_out', type: 'f32', dims: [...test.dims] },
  );
  const session = await openSession(exportOnnx(graph));
  const seedValues = new Float32Array(graph.initializers.get(seed)?.raw.slice().buffer as ArrayBuffer);
  return { session, seedValues, rng, dims };
}

function inputFor(test: Case, rng: Rng): Float32Array {
  const { dims, spaced, kinks = [], range } = test;
  if (spaced) {
    const size = sizeOf(dims);
    const ranks = rng.shuffle(Array.from({ length: size }, (_, i) => i));
    return avoiding(
      Float32Array.from(ranks, (rank) => (rank - size / 2) * spaced + 0.013),
      kinks,
    );
  }
  return avoiding(random(rng, dims, range), kinks);
}

function avoiding(x: Float32Array, kinks: readonly number[]): Float32Array {
  return x.map((value) => {
    const near = kinks.find((kink) => Math.abs(value - kink) < 0.02);
    return near === undefined ? value : near + 0.03;
  });
}

describe('gradient rules against central differences', () => {
  it.each(cases.map((test) => [test.name, test] as const))('%s', async (_name, test) => {
    const { session, seedValues, rng, dims } = await compiled(test);
    const x = inputFor(test, rng);
    const run = async (data: Float32Array) => session.run({ x: tensor('f32', test.dims, data) });
    const outputs = await run(x);
    expect(outputs.y_out.dims).toEqual(dims);
    const analytic = outputs.dx_out.data as Float32Array;
    const value = async (data: Float32Array) => {
      const y = (await run(data)).y_out.data as Float32Array;
      return y.reduce((sum, v, i) => sum + v * seedValues[i], 0);
    };
    const h = 4e-3;
    const probes = Array.from({ length: Math.min(x.length, 24) }, (_, i) =>
      Math.floor((i * x.length) / Math.min(x.length, 24)),
    );
    for (const i of probes) {
      const up = x.slice();
      const down = x.slice();
      up[i] += h;
      down[i] -= h;
      const numeric = ((await value(up)) - (await value(down))) / (up[i] - down[i]);
      expect(Math.abs(numeric - analytic[i]), `element ${i}: ${analytic[i]} against ${numeric}`).toBeLessThan(
        4e-3 + 4e-3 * Math.abs(numeric),
      );
    }
    await session.close();
  });

  it.each([
    ['tiling windows', { kernel_shape: [2, 2], strides: [2, 2] }, [0, 2, 8, 10]],
    // Windows start at row and column −1, 1: the first pixel inside each is the one that all ties go to.
    ['overlapping windows', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }, [0, 1, 4, 5]],
  ] as const)('MaxPool gives ties to the first of them, as PyTorch does: %s', async (_name, attributes, winners) => {
    const test = op('MaxPool ties', [1, 1, 4, 4], attributes);
    const { session, seedValues } = await compiled(test);
    const { dx_out } = await session.run({ x: tensor('f32', test.dims, new Float32Array(16)) });
    const expected = new Float32Array(16);
    winners.forEach((at, window) => (expected[at] += seedValues[window]));
    expect(dx_out.data).toEqual(expected);
    await session.close();
  });

  it.each(['GlobalMaxPool', 'ReduceMax'])('%s gives ties to the first of them', async (name) => {
    const { session, seedValues } = await compiled(
      op(name, [1, 2, 2, 2], name === 'ReduceMax' ? { axes: [2, 3] } : {}),
    );
    const { dx_out } = await session.run({ x: tensor('f32', [1, 2, 2, 2], new Float32Array(8)) });
    expect(Array.from(dx_out.data as Float32Array, (v) => v + 0)).toEqual([
      seedValues[0],
      0,
      0,
      0,
      seedValues[1],
      0,
      0,
      0,
    ]);
    await session.close();
  });

  it('covers every op that claims a gradient rule', () => {
    const covered = new Set(cases.map((test) => test.name.split(' ')[0]));
    expect(differentiableOps().filter((name) => !covered.has(name))).toEqual([]);
  });
});
