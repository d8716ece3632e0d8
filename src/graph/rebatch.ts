import { constantOf, i64, valuesOf, type Constant } from './constant.js';
import type { Inference } from './infer.js';
import { intAttribute, type Graph, type Node } from './ir.js';
import { resolveReshape } from './ops/reshaping.js';
import { ShapeMismatch, axisOf, broadcast, product } from './ops/rules.js';

/**
 * Gives a graph another batch size. Exporters write the example's batch size into targets of Reshape, Expand and Resize
 * ([1, 1024] after a pooling) and into constants that are joined to each sample (a class token repeated for the batch);
 * those are rewritten where the value's first dim is the batch, which is seen by comparing shapes at the model's own
 * batch (`own`) with shapes at the new one.
 *
 * @param inference for the new batch; nodes are visited here
 * @param own inference of the same graph at its own batch
 * @param factor new batch / own batch
 */
export function rebatch(graph: Graph, inference: Inference, own: Inference, factor: number): Graph {
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.map((node) => {
    const rewrite = node.domain === '' && factor !== 1 ? rewrites[node.op] : undefined;
    const constants = rewrite?.({ node, inference, own, factor });
    if (!constants) {
      inference.visit(node);
      return node;
    }
    const inputs = node.inputs.map((input, index) => {
      const constant = constants.get(index);
      if (!constant) return input;
      const name = `${node.outputs[0]}/rebatched_${index}`;
      initializers.set(name, constant);
      inference.setConstant(name, constant);
      return name;
    });
    const { allowzero: _, ...attributes } = node.attributes;
    const replaced = { ...node, inputs, attributes };
    inference.visit(replaced);
    return replaced;
  });
  return { ...graph, nodes, initializers };
}

interface Rebatched {
  node: Node;
  inference: Inference;
  own: Inference;
  factor: number;
}

/** Inputs to replace by constants, by index; undefined where the node follows the batch by itself. */
type Rewrite = (context: Rebatched) => ReadonlyMap<number, Constant> | undefined;

const rewrites: Readonly<Record<string, Rewrite>> = {
  Reshape: (context) =>
    targetOf(context, (after, spec) => {
      return resolveReshape(after, spec, intAttribute(context.node, 'allowzero', 0) === 1);
    }),
  Expand: (context) => targetOf(context, (after, spec) => broadcast(after, spec)),
  Concat: joinedConstants,
  Resize: resizedBatch,
};

/**
 * The target shape that keeps samples apart at the new batch, where the one in the file does not.
 * @param resolve output dims for the input's dims and a target
 */
function targetOf(
  { node, inference, own, factor }: Rebatched,
  resolve: (dims: readonly number[], spec: number[]) => number[],
): ReadonlyMap<number, Constant> | undefined {
  const [x, shape] = node.inputs;
  const before = own.shape(x)?.dims;
  const after = inference.shape(x)?.dims;
  const result = own.shape(node.outputs[0])?.dims;
  const constant = shape ? inference.constant(shape) : undefined;
  if (!before || !after || !result || !constant) return undefined;
  // A target that the file computes from shapes, and that moved with the batch, knows where the batch is.
  const ownTarget = own.constant(shape);
  if (ownTarget && Array.from(valuesOf(ownTarget)).join() !== Array.from(valuesOf(constant)).join()) return undefined;
  if (!isScaled(before, after, factor)) return undefined;
  // An Expand that repeats what stands for all samples has no batch to keep.
  if (node.op === 'Expand' && (result.length !== before.length || result[0] !== before[0])) return undefined;
  const expected = [result[0] * factor, ...result.slice(1)];
  if (!expected.every(Number.isInteger)) return undefined;
  if (node.op === 'Reshape' && product(expected) !== product(after)) return undefined;
  const rewritten = new Map([[1, i64([expected.length], expected)]]);
  try {
    return resolve(after, Array.from(valuesOf(constant))).join() === expected.join() ? undefined : rewritten;
  } catch (error) {
    if (error instanceof ShapeMismatch) return rewritten;
    throw error;
  }
}

/** Constants that repeat one row for each sample of the file's batch, repeated for the new batch. */
function joinedConstants({ node, inference, own, factor }: Rebatched): ReadonlyMap<number, Constant> | undefined {
  const result = own.shape(node.outputs[0])?.dims;
  if (!result || axisOf(intAttribute(node, 'axis', 0), result.length) === 0) return undefined;
  const count = result[0] * factor;
  const follows = node.inputs.some((name) => {
    const [before, after] = [own.shape(name)?.dims, inference.shape(name)?.dims];
    return before && after && isScaled(before, after, factor);
  });
  if (!follows || !Number.isInteger(count)) return undefined;
  const repeated = new Map<number, Constant>();
  for (const [index, name] of node.inputs.entries()) {
    const constant = inference.constant(name);
    if (!constant || constant.dims[0] !== result[0]) continue;
    const values = Array.from(valuesOf(constant));
    const row = values.slice(0, values.length / result[0]);
    if (values.some((value, i) => value !== row[i % row.length])) continue;
    const dims = [count, ...constant.dims.slice(1)];
    repeated.set(index, constantOf(constant.type, dims, new Array<number[]>(count).fill(row).flat()));
  }
  return repeated.size ? repeated : undefined;
}

/** Target sizes that name the file's batch. */
function resizedBatch({ node, inference, own, factor }: Rebatched): ReadonlyMap<number, Constant> | undefined {
  const [x, , , target] = node.inputs;
  const [before, after] = [own.shape(x)?.dims, inference.shape(x)?.dims];
  const constant = target ? inference.constant(target) : undefined;
  if (!before || !after || !constant || !isScaled(before, after, factor)) return undefined;
  const sizes = Array.from(valuesOf(constant));
  // Sizes of some axes only, or computed from a shape that moved with the batch.
  if (sizes.length !== before.length || sizes[0] !== before[0]) return undefined;
  return new Map([[3, i64([sizes.length], [after[0], ...sizes.slice(1)])]]);
}

function isScaled(before: readonly number[], after: readonly number[], factor: number): boolean {
  return (
    before.length === after.length &&
    after[0] === before[0] * factor &&
    after.slice(1).join() === before.slice(1).join()
  );
}
