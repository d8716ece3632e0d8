import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { sizeOf, tensor, type Tensor } from '../../src/core/tensor.js';
import { readClassifier } from '../../src/graph/classifier.js';
import { compile, type CompiledGraph } from '../../src/graph/compile.js';
import type { DropoutOptions } from '../../src/graph/dropout.js';
import type { Graph } from '../../src/graph/ir.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { GraphBuilder } from '../../src/models/builder.js';
import { openSession } from '../../src/runtime/index.js';

const random = (name: string, dims: readonly number[]) => {
  const rng = new Rng(3, name);
  return Float32Array.from({ length: sizeOf(dims) }, () => rng.normal());
};

/** Two blocks of two convolutions with a residual, then a dense layer; masks are inputs where `masked` says so. */
function model(masked: { blocks?: boolean; head?: boolean } = {}, own = false): Graph {
  const b = new GraphBuilder('blocks');
  let x = b.input('input', [null, 3, 8, 8]);
  const conv = (value: string, name: string, out: number, from: number, stride = 1) =>
    b.relu(b.conv(value, { dims: [out, from, 3, 3], data: random(name, [out, from, 3, 3]) }, { padding: 1, stride }));
  const masks: string[] = [];
  const drop = (value: string, dims: readonly number[]) => {
    masks.push(b.input(`mask_${masks.length}`, dims));
    return b.op('Mul', [value, masks[masks.length - 1]]);
  };
  const first = conv(x, 'a', 4, 3);
  x = b.op('Add', [conv(first, 'b', 4, 4), first]);
  if (masked.blocks) x = drop(x, [1, 4, 1, 1]);
  const second = conv(x, 'c', 6, 4, 2);
  x = b.op('Add', [conv(second, 'd', 6, 6), second]);
  if (masked.blocks) x = drop(x, [1, 6, 1, 1]);
  x = b.globalPool(x, 'average');
  if (own) x = b.op('Dropout', [x, b.floats([], [0.3])]);
  if (masked.head) x = drop(x, [1, 6]);
  b.output(b.dense(x, random('head', [6, 3]), Float32Array.of(0.1, -0.2, 0.3)), 'scores', [null, 3]);
  return b.graph;
}

const image = (batch: number) => {
  const one = random('image', [3, 8, 8]);
  const data = new Float32Array(batch * one.length);
  for (let i = 0; i < batch; i++)
    data.set(
      one.map((v) => v * (1 + i)),
      i * one.length,
    );
  return tensor('f32', [batch, 3, 8, 8], data);
};

async function split(graph: Graph, batch: number, dropout: DropoutOptions) {
  const compiled = compile(readClassifier(exportOnnx(graph)), { batch, dropout });
  const main = await openSession(compiled.onnx);
  const outputs = await main.run({ image: image(batch) });
  await main.close();
  return { compiled, outputs, dropout: compiled.dropout as NonNullable<CompiledGraph['dropout']> };
}

/** Runs the stochastic part with the masks that `make` gives. */
async function tail(
  { dropout, outputs }: Awaited<ReturnType<typeof split>>,
  make: (index: number, dims: readonly number[]) => Float32Array,
): Promise<Tensor> {
  const session = await openSession(dropout.onnx);
  const feeds = Object.entries(dropout.feeds).map(([from, to]) => [to, outputs[from]]);
  const masks = dropout.masks.map(({ name, dims }, i) => [name, tensor('f32', dims, make(i, dims))]);
  const result = await session.run(Object.fromEntries([...feeds, ...masks]) as Record<string, Tensor>);
  await session.close();
  return result['dropout/logits'];
}

const ones = (_index: number, dims: readonly number[]) => new Float32Array(sizeOf(dims)).fill(1);

describe('splitting a model at its dropout', () => {
  it.each(['blocks', 'head'] as const)('%s: nothing dropped gives the logits of the whole', async (placement) => {
    const run = await split(model(), 2, { placement });
    const logits = await tail(run, ones);
    expect(logits.dims).toEqual([2, 3]);
    Array.from(logits.data as Float32Array).forEach((v, i) =>
      expect(v).toBeCloseTo((run.outputs.logits.data as Float32Array)[i], 4),
    );
  });

  it.each(['blocks', 'head'] as const)('%s: equals the model with the masks built in, at any batch', async (where) => {
    const mask = (index: number, dims: readonly number[]) =>
      random(`mask${index}`, dims).map((v) => (v < 0 ? 0 : 1.25));
    const built = model({ [where]: true });
    const reference = await openSession(exportOnnx(built));
    for (const batch of [1, 3]) {
      const run = await split(model(), batch, { placement: where });
      const expected = await reference.run({
        input: image(batch),
        ...Object.fromEntries(
          run.dropout.masks.map(({ dims }, i) => [`mask_${i}`, tensor('f32', dims, mask(i, dims))]),
        ),
      });
      const logits = await tail(run, mask);
      Array.from(logits.data as Float32Array).forEach((v, i) =>
        expect(v).toBeCloseTo((expected.scores.data as Float32Array)[i], 3),
      );
    }
    await reference.close();
  });

  it('takes whole channels of maps or single elements, and the rates asked for', async () => {
    const channels = await split(model(), 2, { placement: 'blocks', rate: 0.4 });
    expect(channels.dropout.masks).toEqual([
      { name: 'dropout/mask_0', dims: [1, 4, 1, 1], rate: 0.4 },
      { name: 'dropout/mask_1', dims: [1, 6, 1, 1], rate: 0.4 },
    ]);
    const elements = await split(model(), 2, { placement: 'blocks', unit: 'element' });
    expect(elements.dropout.masks.map(({ dims }) => dims)).toEqual([
      [1, 4, 8, 8],
      [1, 6, 4, 4],
    ]);
  });

  it("finds the model's own Dropout with its rate first, and does the deterministic part once", async () => {
    const run = await split(model({}, true), 2, {});
    expect(run.dropout.placement).toBe('model');
    expect(run.dropout.masks).toEqual([
      { name: 'dropout/mask_0', dims: [1, 6], rate: expect.closeTo(0.3, 6) as number },
    ]);
    expect(run.compiled.dims.dropout_prefix_0).toEqual([2, 6]);
  });

  it('says what to do where the model has no Dropout', () => {
    expect(() => compile(readClassifier(exportOnnx(model())), { batch: 1, dropout: { placement: 'model' } })).toThrow(
      /no Dropout node.*--dropout-at/,
    );
  });
});
