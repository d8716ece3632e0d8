import { Rng } from '../../src/core/rng.js';
import { sizeOf, tensor, type Tensor } from '../../src/core/tensor.js';
import { f32 } from '../../src/graph/constant.js';
import { Emitter } from '../../src/graph/emitter.js';
import { Inference } from '../../src/graph/infer.js';
import { emptyGraph, type Graph } from '../../src/graph/ir.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { openOnnxSession } from '../../src/runtime/onnxruntime.js';

/** A graph under construction. */
export interface Draft {
  graph: Graph;
  emit: Emitter;
  rng: Rng;
  input(name: string, dims: readonly number[], type?: 'f32' | 'i64' | 'i32' | 'bool' | 'u8'): string;
  constant(dims: readonly number[], values?: readonly number[]): string;
  /** Makes a value an output, under its own name. */
  output(value: string): void;
}

/** A graph and random values for its inputs. */
export interface Drafted {
  graph: Graph;
  inputs: Record<string, Tensor>;
}

export function draft(seed: string, build: (draft: Draft) => void, opset = 17): Drafted {
  const graph = emptyGraph('test', opset);
  const rng = new Rng(5, seed);
  const known = new Inference(graph);
  const emit = new Emitter(graph, known, (node) => known.visit(node));
  const inputs: Record<string, Tensor> = {};
  const uniform = (dims: readonly number[]) => Float32Array.from({ length: sizeOf(dims) }, () => 4 * rng.uniform() - 2);
  const drafting: Draft = {
    graph,
    emit,
    rng,
    input(name, dims, type = 'f32') {
      // ONNX Runtime's sessions here neither take nor give booleans.
      if (type === 'bool') return emit.op('Cast', [drafting.input(name, dims, 'u8')], { to: 9 });
      graph.inputs.push({ name, type, dims: [...dims] });
      known.setShape(name, { type, dims });
      const values = uniform(dims);
      if (type === 'f32') inputs[name] = tensor('f32', dims, values);
      else if (type === 'i64')
        inputs[name] = tensor(
          'i64',
          dims,
          BigInt64Array.from(values, (v) => BigInt(Math.round(5 * v))),
        );
      else if (type === 'i32')
        inputs[name] = tensor(
          'i32',
          dims,
          Int32Array.from(values, (v) => Math.round(5 * v)),
        );
      else
        inputs[name] = tensor(
          'u8',
          dims,
          Uint8Array.from(values, (v) => Number(v > 0)),
        );
      return name;
    },
    constant: (dims, values) => emit.constant(f32(dims, values ?? uniform(dims))),
    output(made) {
      const value = known.shape(made)?.type === 'bool' ? emit.op('Cast', [made], { to: 6 }) : made;
      const shape = known.shape(value);
      if (!shape) throw new Error(`${value}: ${known.reasons.get(value)}`);
      graph.outputs.push({ name: value, type: shape.type, dims: [...shape.dims] });
    },
  };
  build(drafting);
  return { graph, inputs };
}

/** What ONNX Runtime makes of it. */
export async function byOnnxRuntime({ graph, inputs }: Drafted): Promise<Record<string, Tensor>> {
  const session = await openOnnxSession(exportOnnx(graph));
  const outputs = await session.run(inputs);
  await session.close();
  return outputs;
}

/** Whether two arrays hold the same bits; many times quicker than a deep comparison. */
export function sameBits(a: ArrayBufferView, b: ArrayBufferView): boolean {
  const [x, y] = [a, b].map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength));
  return x.equals(y);
}

/** Largest difference, relative to the largest expected size where that is above 1; NaN and infinities must agree. */
export function deviation(found: Tensor, expected: Tensor): number {
  if (found.dims.join() !== expected.dims.join()) return Infinity;
  let most = 0;
  let size = 1;
  for (let i = 0; i < expected.data.length; i++) {
    const [a, b] = [Number(found.data[i]), Number(expected.data[i])];
    if (Object.is(a, b) || a === b) continue;
    if (!Number.isFinite(a) || !Number.isFinite(b)) return Infinity;
    most = Math.max(most, Math.abs(a - b));
    size = Math.max(size, Math.abs(b));
  }
  return most / size;
}
