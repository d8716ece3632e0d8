import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { sizeOf, tensor, type Tensor } from '../../src/core/tensor.js';
import { nativeObstacle, openNativeSession } from '../../src/runtime/index.js';
import { crowding, pack, type Interval } from '../../src/runtime/native/memory.js';
import { byOnnxRuntime, deviation, draft, sameBits, type Draft, type Drafted } from './native_graph.js';
import { opCases } from './native_ops.js';

/** Two runs of the plan, each held against ONNX Runtime's. */
async function agree(drafted: Drafted, tolerance = 2e-6): Promise<void> {
  expect(nativeObstacle(drafted.graph)).toBeUndefined();
  const expected = await byOnnxRuntime(drafted);
  const session = await openNativeSession(drafted.graph);
  for (let run = 0; run < 2; run++) {
    const found = await session.run(drafted.inputs);
    for (const name of session.outputNames) {
      expect(deviation(found[name], expected[name]), name).toBeLessThan(tolerance);
    }
  }
  await session.close();
}

describe('ops of plans, against ONNX Runtime', () => {
  it.each(opCases)('$name', async ({ name, build, opset }) => agree(draft(name, build, opset)));
});

const fiveOps = ({ emit, input, constant, output }: Draft) => {
  // Large enough for two threads.
  const x = input('x', [2, 3, 160, 50]);
  const y = emit.op('Relu', [emit.add(x, constant([3, 1, 1]))]);
  const z = emit.op('Sigmoid', [emit.reshape(y, [6, 8000])]);
  const w = emit.mul(z, constant([8000]));
  output(y);
  output(emit.op('Exp', [emit.sub(w, z)]));
  output(emit.op('ReduceSum', [y, emit.ints([2, 3])], { keepdims: 0 }));
};

describe('plans', () => {
  it('follow aliases, and copy what an output cannot be written to directly', async () => {
    await agree(
      draft('aliases', ({ emit, input, constant, output }) => {
        const x = input('x', [2, 12]);
        output(emit.op('Identity', [x]));
        const again = emit.reshape(x, [4, 6]);
        output(again);
        output(emit.op('Relu', [again]));
        const y = emit.add(x, constant([12]));
        output(y);
        output(emit.reshape(y, [24]));
        output(emit.op('Unsqueeze', [emit.op('Neg', [y]), emit.ints([0])]));
        output(emit.op('Identity', [constant([3])]));
        output(emit.op('Flatten', [emit.op('Dropout', [emit.reshape(y, [2, 3, 4])])]));
      }),
    );
  });

  it.each(Array.from({ length: 40 }, (_, i) => i))(
    'with shared memory compute what separate memory does: graph %i',
    async (i) => agree(draft(`random ${i}`, randomGraph), 1e-5),
  );

  it('give the same bits on one thread and on two, run after run', async () => {
    const drafted = draft('threads', fiveOps);
    const [one, two] = await Promise.all([1, 2].map((threads) => openNativeSession(drafted.graph, { threads })));
    const expected = await one.run(drafted.inputs);
    for (let run = 0; run < 20; run++) {
      const found = await two.run(drafted.inputs);
      for (const name of one.outputNames) expect(sameBits(found[name].data, expected[name].data)).toBe(true);
    }
    await Promise.all([one.close(), two.close()]);
  });

  it('write to the tensors that they are given, shared memory included, and queue overlapping calls', async () => {
    const drafted = draft('into', fiveOps);
    const session = await openNativeSession(drafted.graph);
    const [y, z] = session.outputNames;
    const expected = await session.run(drafted.inputs);
    const shared = tensor(
      'f32',
      expected[y].dims,
      new Float32Array(new SharedArrayBuffer(4 * expected[y].data.length)),
    );
    const plain = tensor('f32', expected[z].dims);
    const [first, second] = await Promise.all([
      session.run(drafted.inputs, { [y]: shared }),
      session.run(drafted.inputs, { [z]: plain }),
    ]);
    expect(first[y]).toBe(shared);
    expect(second[z]).toBe(plain);
    expect(Array.from(shared.data)).toEqual(Array.from(expected[y].data as Float32Array));
    expect(plain.data).toEqual(expected[z].data);
    await session.close();
  });

  it('say where the time went', async () => {
    const drafted = draft('profile', fiveOps);
    const session = await openNativeSession(drafted.graph);
    expect(session.profile()).toMatchObject({ runs: 0 });
    for (let run = 0; run < 3; run++) await session.run(drafted.inputs);
    const { runs, ops, nodes } = session.profile();
    expect(runs).toBe(3);
    // ReduceSum comes last in the graph; it runs as soon as it can.
    expect(nodes.map(({ op }) => op)).toEqual(['Add', 'Relu', 'ReduceSum', 'Sigmoid', 'Mul', 'Sub', 'Exp']);
    expect(ops.map(({ nodes: count }) => count)).toEqual(ops.map(() => 1));
    expect(ops.every(({ milliseconds }) => milliseconds > 0)).toBe(true);
    await session.close();
  });
});

describe('refusals', () => {
  const simple = draft('refusals', ({ emit, input, output }) => output(emit.op('Relu', [input('x', [2, 3])])));

  it.each([
    ['an op without kernel', (d: Draft) => d.output(d.emit.op('Det', [d.input('x', [3, 3])], {}, 'y')), /Det node/],
    [
      'a mode without kernel',
      (d: Draft) => d.output(d.emit.op('Pad', [d.input('x', [3]), d.emit.ints([1, 1])], { mode: 'edge' })),
      /Pad node '.*': mode 'edge'/,
    ],
    ['a type without kernels', (d: Draft) => d.output(d.emit.op('Cast', [d.input('x', [3])], { to: 11 })), /f64/],
  ])('%s is named', async (_name, build, message) => {
    const { graph } = draft('refused', (d) => {
      try {
        build(d);
      } catch {
        // An op whose shape nobody knows: its output is declared.
        d.graph.declared.set('y', { name: 'y', type: 'f32', dims: [1] });
        d.graph.outputs.push({ name: 'y', type: 'f32', dims: [1] });
      }
    });
    expect(nativeObstacle(graph)).toMatch(message);
    await expect(openNativeSession(graph)).rejects.toMatchObject({ code: 'E_OP_UNSUPPORTED' });
  });

  it('inputs without fixed dims', () => {
    const open = { ...simple.graph, inputs: [{ name: 'x', type: 'f32' as const, dims: [null, 3] }] };
    expect(nativeObstacle(open)).toMatch(/'x' has no fixed dims/);
  });

  it('arrays that do not fit, overlap or are missing, and runs after closing', async () => {
    const session = await openNativeSession(simple.graph);
    const [y] = session.outputNames;
    const { x } = simple.inputs;
    await expect(session.run({})).rejects.toMatchObject({ code: 'E_ARGUMENT', where: 'x' });
    await expect(session.run({ x: tensor('f32', [3, 2]) })).rejects.toMatchObject({ code: 'E_SHAPE' });
    await expect(session.run({ x }, { [y]: x })).rejects.toMatchObject({ code: 'E_ARGUMENT' });
    await expect(session.run({ x }, { [y]: tensor('i32', [2, 3]) as Tensor })).rejects.toMatchObject({
      code: 'E_SHAPE',
    });
    await expect(session.run({ x }, { z: x })).rejects.toMatchObject({ code: 'E_ARGUMENT' });
    await session.close();
    await expect(session.run({ x })).rejects.toMatchObject({ code: 'E_ARGUMENT' });
  });

  it('a step that fails is named, and the plan goes on', async () => {
    const drafted = draft('fails', ({ emit, input, constant, output }) =>
      output(emit.op('Gather', [constant([4]), input('at', [2], 'i64')], {}, 'y')),
    );
    const session = await openNativeSession(drafted.graph);
    const at = (...indices: bigint[]) => ({ at: tensor('i64', [2], BigInt64Array.from(indices)) });
    await expect(session.run(at(1n, 4n))).rejects.toMatchObject({
      code: 'E_PROVIDER',
      what: expect.stringMatching(/Gather node '.*': index 4 is outside an axis of 4/),
    });
    const { y } = await session.run(at(1n, -1n));
    expect(y.data).toHaveLength(2);
    await session.close();
  });

  it('more memory than there is', async () => {
    const { graph, inputs } = draft('large', ({ emit, input, output }) => {
      const wide = emit.op('Expand', [input('x', [1]), emit.ints([2 ** 24, 2 ** 24])]);
      output(emit.op('ReduceMax', [wide], { axes: [0, 1] }));
    });
    const session = await openNativeSession(graph);
    expect(session.bytes).toBe(2 ** 50);
    await expect(session.run(inputs)).rejects.toMatchObject({
      code: 'E_MEMORY',
      what: expect.stringMatching(/1073741824 MiB/),
    });
    await session.close();
  });
});

describe('memory', () => {
  it.each(Array.from({ length: 30 }, (_, i) => i))('no two values that live at once overlap: set %i', (i) => {
    const rng = new Rng(3, `pack ${i}`);
    const intervals: Interval[] = Array.from({ length: 1 + rng.int(120) }, () => {
      const first = rng.int(60);
      return { bytes: rng.int(4) === 0 ? 0 : 1 + rng.int(5000), first, last: first + rng.int(20) };
    });
    const { offsets, total } = pack(intervals);
    expect(offsets.every((offset) => offset % 64 === 0)).toBe(true);
    intervals.forEach((a, k) => {
      expect(offsets[k] + a.bytes).toBeLessThanOrEqual(total);
      for (let other = 0; other < k; other++) {
        const b = intervals[other];
        if (a.bytes === 0 || b.bytes === 0 || a.last < b.first || b.last < a.first) continue;
        expect(offsets[k] + a.bytes <= offsets[other] || offsets[other] + b.bytes <= offsets[k]).toBe(true);
      }
    });
    const least = Math.max(...crowding(intervals));
    expect(total).toBeGreaterThanOrEqual(least);
    expect(total).toBeLessThanOrEqual(1.5 * least);
  });

  it('a chain of pointwise ops needs one buffer', async () => {
    const { graph } = draft('chain', ({ emit, input, constant, output }) => {
      let x = emit.op('Exp', [input('x', [1000])]);
      for (let i = 0; i < 10; i++) x = emit.op('Relu', [emit.add(x, constant([1]))]);
      output(emit.op('ReduceSum', [x, emit.ints([0])], { keepdims: 0 }));
    });
    const session = await openNativeSession(graph);
    expect(session.bytes).toBe(4032);
    await session.close();
  });
});

/** Twenty random steps over values of four shapes that broadcast; any of them may be an output. */
function randomGraph({ emit, rng, input, constant, output }: Draft): void {
  const shapes = [[2, 3, 4, 5], [3, 1, 1], [2, 3, 4, 5], [120]];
  const values = shapes.map((dims, i) => input(`x${i}`, dims));
  const pick = () => values[rng.int(values.length)];
  const steps: (() => string)[] = [
    () => emit.op('Relu', [pick()]),
    () => emit.op('Tanh', [pick()]),
    () => emit.op('Neg', [pick()]),
    () => joined('Add'),
    () => joined('Sub'),
    () => joined('Mul'),
    () => joined('Max'),
    () => reshaped(),
    () => emit.op('Where', [emit.op('Greater', same()), ...same()]),
    () => emit.op('Sigmoid', [pick()]),
    () => emit.op('Mul', [pick(), constant([1])]),
  ];
  // Two values of the same number of elements in the same shape.
  const same = (): [string, string] => {
    const [a, b] = [pick(), pick()];
    const dims = [2, 3, 4, 5];
    const full = (v: string) =>
      sizeOf(emit.dims(v)) === 120 ? emit.reshape(v, dims) : emit.op('Expand', [v, emit.ints(dims)]);
    return [full(a), full(b)];
  };
  const joined = (op: string) => {
    const [a, b] = [pick(), pick()];
    const apart = [a, b].some((v) => emit.dims(v).length === 1) && emit.dims(a).length !== emit.dims(b).length;
    return emit.op(op, apart ? same() : [a, b]);
  };
  const reshaped = () => {
    const value = pick();
    const dims = emit.dims(value);
    return sizeOf(dims) === 120
      ? emit.op('Reshape', [value, emit.ints(dims.length === 1 ? [2, 3, 4, 5] : [120])])
      : emit.op('Abs', [value]);
  };
  for (let i = 0; i < 20; i++) values.push(steps[rng.int(steps.length)]());
  const made = values.slice(4);
  // Not all are outputs: the others share memory. Dead ones too.
  made.filter((_, i) => i === made.length - 1 || rng.int(5) === 0).forEach((value) => output(value));
  output(emit.op('ReduceSum', [made[10], emit.ints([0])], { keepdims: 0 }));
}
