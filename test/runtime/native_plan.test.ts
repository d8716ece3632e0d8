import { expect, it } from 'vitest';
import { openNativeSession } from '../../src/runtime/index.js';
import { byOnnxRuntime, deviation, draft } from './native_graph.js';

it('runs a chain of aliases, broadcasts and in-place steps as ONNX Runtime does', async () => {
  const drafted = draft('chain', ({ emit, input, constant, output }) => {
    const x = input('x', [2, 3, 4, 5]);
    const y = emit.op('Relu', [emit.add(x, constant([3, 1, 1]))]);
    const z = emit.op('Sigmoid', [emit.reshape(y, [6, 20])]);
    const w = emit.mul(z, constant([20]));
    output(y);
    output(emit.op('Exp', [emit.sub(w, z)]));
    output(emit.reshape(y, [120]));
  });
  const expected = await byOnnxRuntime(drafted);
  const session = await openNativeSession(drafted.graph);
  for (let run = 0; run < 2; run++) {
    const found = await session.run(drafted.inputs);
    for (const name of session.outputNames) expect(deviation(found[name], expected[name])).toBeLessThan(1e-6);
  }
  expect(session.profile().runs).toBe(2);
  await session.close();
});
