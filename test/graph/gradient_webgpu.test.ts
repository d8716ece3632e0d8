import { describe, expect, it } from 'vitest';
import { tensor } from '../../src/core/tensor.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { openSession } from '../../src/runtime/index.js';
import { evaluator } from './evaluator/evaluate.js';
import { real } from './evaluator/value.js';
import type { Case } from './gradient_cases/case.js';
import { compiled } from './gradient_cases/compiled.js';
import { cases } from './gradient_cases/index.js';

/**
 * Ops of a model itself that ONNX Runtime 1.30's webgpu provider refuses or gets wrong. No gradient rule emits any of
 * these forms. A case that starts to pass here fails, so that the list stays true.
 */
const lacking: Record<string, string> = {
  'Pow right, spread': 'refused: exponents spread along the last axis',
  'Einsum ...ij,jk->...ik operand 0': 'refused: an ellipsis that stands for two axes',
  'Einsum ...ij,jk->...ik operand 1': 'refused: an ellipsis that stands for two axes',
  'ReduceL1 opset 18 nothing': 'wrong: the identity where nothing is reduced',
  'ReduceL2 opset 18 nothing': 'wrong: the identity where nothing is reduced',
  'ReduceSumSquare opset 18 nothing': 'wrong: the identity where nothing is reduced',
  'ReduceLogSum opset 18 nothing': 'wrong: the identity where nothing is reduced',
  'Resize linear antialias': 'refused: antialias',
  'Resize cubic antialias': 'refused: antialias',
  'Resize linear antialias without outside': 'refused: antialias',
  'Resize cubic antialias without outside': 'refused: antialias',
  'Softmax opset 11 everything': 'refused: over all axes at once',
  'Slice backwards, one axis of three': 'wrong: backwards from a place other than the last',
};

/** What webgpu computes that differs from the float64 definition by more than 10⁻³; undefined = nothing. */
async function disagreement(test: Case): Promise<string | undefined> {
  const { graph, x } = compiled(test);
  const expected = evaluator(graph, ['y_out', 'dx_out'])({ x: real(test.dims, x) });
  const session = await openSession(exportOnnx(graph), { provider: 'webgpu' });
  const outputs = await session.run({ x: tensor('f32', test.dims, x) }).catch((error: Error) => error.message);
  await session.close();
  if (typeof outputs === 'string') return outputs;
  for (const name of ['y_out', 'dx_out']) {
    const [found, wanted] = [outputs[name].data as Float32Array, expected.get(name)?.data ?? new Float64Array()];
    expect(found.length).toBe(wanted.length);
    const scale = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    const wrong = wanted.findIndex((value, i) => !(Math.abs(found[i] - value) < 1e-3 * scale));
    if (wrong >= 0) return `${name}[${wrong}] is ${found[wrong]}, not ${wanted[wrong]}`;
  }
  return undefined;
}

// Needs a GPU, or `node test/support/run.mjs test/graph/gradient_webgpu.test.ts`.
describe('every gradient on the webgpu provider', () => {
  it.each(cases.filter((test) => !lacking[test.name]).map((test) => [test.name, test] as const))(
    '%s',
    async (_name, test) => expect(await disagreement(test)).toBeUndefined(),
  );

  it.each(Object.entries(lacking))('%s: %s', async (name) => {
    const test = cases.find((candidate) => candidate.name === name) as Case;
    expect(await disagreement(test)).toBeDefined();
  });
});
