import { i64 } from './constant.js';
import type { Inference } from './infer.js';
import type { Graph, Node } from './ir.js';
import { ShapeMismatch, product } from './ops/rules.js';
import { resolveReshape } from './ops/reshaping.js';
import { intAttribute } from './ir.js';
import { valuesOf } from './constant.js';

/**
 * Gives a graph another batch size. Exporters write the example's batch size into Reshape targets ([1, 1024] after a
 * pooling); those are rewritten where the reshaped value's first dim is the batch, which is seen by comparing shapes at
 * the model's own batch (`own`) with shapes at the new one.
 *
 * @param inference for the new batch; nodes are visited here
 * @param own inference of the same graph at its own batch
 * @param factor new batch / own batch
 */
export function rebatch(graph: Graph, inference: Inference, own: Inference, factor: number): Graph {
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.map((node) => {
    const spec = node.op === 'Reshape' && node.domain === '' ? rewritten(node, inference, own, factor) : undefined;
    if (!spec) {
      inference.visit(node);
      return node;
    }
    const name = `${node.outputs[0]}/rebatched_shape`;
    const { allowzero: _, ...attributes } = node.attributes;
    const replaced = { ...node, inputs: [node.inputs[0], name], attributes };
    initializers.set(name, i64([spec.length], spec));
    inference.setConstant(name, i64([spec.length], spec));
    inference.visit(replaced);
    return replaced;
  });
  return { ...graph, nodes, initializers };
}

/** The Reshape target that keeps samples apart at the new batch, where the one in the file does not. */
function rewritten(node: Node, inference: Inference, own: Inference, factor: number): number[] | undefined {
  const [x, shape] = node.inputs;
  const before = own.shape(x)?.dims;
  const after = inference.shape(x)?.dims;
  const result = own.shape(node.outputs[0])?.dims;
  const constant = shape ? inference.constant(shape) : undefined;
  if (!before || !after || !result || !constant || factor === 1) return undefined;
  // A target that the file computes from shapes, and that moved with the batch, knows where the batch is.
  const ownTarget = own.constant(shape);
  if (ownTarget && Array.from(valuesOf(ownTarget)).join() !== Array.from(valuesOf(constant)).join()) return undefined;
  const scaled =
    before.length === after.length &&
    after[0] === before[0] * factor &&
    after.slice(1).join() === before.slice(1).join();
  if (!scaled) return undefined;
  const expected = [result[0] * factor, ...result.slice(1)];
  if (!expected.every(Number.isInteger) || product(expected) !== product(after)) return undefined;
  try {
    const natural = resolveReshape(after, Array.from(valuesOf(constant)), intAttribute(node, 'allowzero', 0) === 1);
    return natural.join() === expected.join() ? undefined : expected;
  } catch (error) {
    if (error instanceof ShapeMismatch) return expected;
    throw error;
  }
}
