import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { tensor, type Tensor } from '../../src/core/tensor.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { openSession, type ProviderName } from '../../src/runtime/index.js';
import { ops } from '../../src/runtime/tfjs/ops/index.js';
import { random } from '../graph/gradient_cases/case.js';
import { compiled } from '../graph/gradient_cases/compiled.js';
import { cases } from '../graph/gradient_cases/index.js';
import type { Graph } from '../../src/graph/ir.js';
import { expectAgreement, runOnce } from './tfjs_agreement.js';
import { forwardCases } from './tfjs_cases.js';

/** What no op table entry is needed for: shape inference makes constants of them. */
const seen = new Set(['Shape', 'Size', 'ConstantOfShape']);

/** Counted by the engine itself: before a backend is started there are none. */
const liveTensors = () => tf.engine().state.numTensors;

/** Runs a graph on both runtimes; TensorFlow.js twice, and it must free all that it made. */
async function compare(graph: Graph, x: Tensor<'f32'>, provider: ProviderName): Promise<void> {
  for (const node of graph.nodes) seen.add(node.op);
  const onnx = exportOnnx(graph);
  const expected = await runOnce(onnx, { x });
  const before = liveTensors();
  const session = await openSession(onnx, { runtime: 'tfjs', provider });
  const first = await session.run({ x });
  const loaded = liveTensors();
  const second = await session.run({ x });
  expect(liveTensors()).toBe(loaded);
  await session.close();
  expect(liveTensors()).toBe(before);
  expectAgreement(first, expected);
  expect(second).toEqual(first);
}

describe.each(['wasm', 'cpu'] as const)("TensorFlow.js on %s gives ONNX Runtime's numbers", (provider) => {
  it.each(cases.map((test) => [test.name, test] as const))('%s, and its gradient', async (_name, test) => {
    const { graph, x } = compiled(test);
    await compare(graph, tensor('f32', test.dims, x), provider);
  });

  it.each(forwardCases.map((test) => [test.name, test] as const))('%s', async (_name, { name, dims, graph }) => {
    await compare(graph, tensor('f32', dims, random(new Rng(2, name), dims)), provider);
  });
});

it('every op of the table was run', () => {
  expect([...ops.keys()].filter((op) => !seen.has(op))).toEqual([]);
});
