import { Rng } from '../../../src/core/rng.js';
import { sizeOf } from '../../../src/core/tensor.js';
import { f32, valuesOf } from '../../../src/graph/constant.js';
import { Emitter } from '../../../src/graph/emitter.js';
import { appendGradient } from '../../../src/graph/gradient.js';
import { Inference } from '../../../src/graph/infer.js';
import { emptyGraph, type Graph } from '../../../src/graph/ir.js';
import { random, type Case } from './case.js';

/** x ↦ f(x) as `y_out`, and by the rules the gradient of Σ r ⊙ f(x) as `dx_out`, for fixed random r. */
export interface CompiledCase {
  graph: Graph;
  /** r, in the dims of y. */
  seed: Float64Array;
  dims: readonly number[];
  /** Where to take the gradient, away from kinks. */
  x: Float32Array;
}

export function compiled(test: Case): CompiledCase {
  const opset = test.opset ?? 17;
  const graph = emptyGraph('case', opset);
  graph.inputs.push({ name: 'x', type: 'f32', dims: [...test.dims] });
  const rng = new Rng(1, test.name);
  const known = new Inference(graph);
  known.setShape('x', { type: 'f32', dims: test.dims });
  const emit = new Emitter(graph, known, (node) => known.visit(node));
  const constant = (dims: readonly number[], values?: readonly number[]) =>
    emit.constant(f32(dims, values ?? random(rng, dims)));
  const y = test.build({ emit, x: 'x', constant });
  const dims = known.shape(y)?.dims;
  if (!dims) throw new Error(known.reasons.get(y));
  const seed = f32(dims, random(rng, dims));
  const gradient = appendGradient(graph, emit, y, emit.constant(seed), 'x');
  if (known.shape(gradient)?.dims.join() !== test.dims.join())
    throw new Error(`a gradient of dims [${known.shape(gradient)?.dims.join(', ')}] (${known.reasons.get(gradient)})`);
  emit.op('Identity', [y], {}, 'y_out');
  emit.op('Identity', [gradient], {}, 'dx_out');
  graph.outputs.push(
    { name: 'y_out', type: 'f32', dims: [...dims] },
    { name: 'dx_out', type: 'f32', dims: [...test.dims] },
  );
  return { graph, seed: Float64Array.from(valuesOf(seed)), dims, x: inputFor(test, rng) };
}

function inputFor({ dims, spaced, kinks = [], range }: Case, rng: Rng): Float32Array {
  if (!spaced) return avoiding(random(rng, dims, range), kinks);
  const size = sizeOf(dims);
  const ranks = rng.shuffle(Array.from({ length: size }, (_, i) => i));
  return avoiding(
    Float32Array.from(ranks, (rank) => (rank - size / 2) * spaced + 0.013),
    kinks,
  );
}

function avoiding(x: Float32Array, kinks: readonly number[]): Float32Array {
  return x.map((value) => {
    const near = kinks.find((kink) => Math.abs(value - kink) < 0.02);
    return near === undefined ? value : near + 0.03;
  });
}
