import { lowerAttention, type Lowered } from './attention.js';
import { i64, valuesOf } from './constant.js';
import type { Inference } from './infer.js';
import { intAttribute, type Graph, type Node } from './ir.js';

/**
 * Rewrites exporters' detours into plain ops, so that later passes see through them: fused attention, and what PyTorch's
 * dynamo exporter makes of as_strided, a Gather of every element of a flattened tensor in its order, which is a Reshape.
 * @param inference of the graph; learns of what is new
 */
export function canonical(graph: Graph, inference: Inference): Graph {
  const initializers = new Map(graph.initializers);
  let changed = false;
  const nodes = graph.nodes.flatMap((node) => {
    const rewrite = node.domain === '' ? rewrites[node.op] : undefined;
    const lowered = rewrite?.(node, inference);
    if (!lowered) return [node];
    changed = true;
    for (const [name, constant] of lowered.constants) {
      initializers.set(name, constant);
      inference.setConstant(name, constant);
    }
    lowered.nodes.forEach((fresh) => inference.visit(fresh));
    return lowered.nodes;
  });
  return changed ? { ...graph, nodes, initializers } : graph;
}

const rewrites: Readonly<Record<string, (node: Node, inference: Inference) => Lowered | undefined>> = {
  Attention: lowerAttention,
  Gather: identityGather,
};

function identityGather(node: Node, inference: Inference): Lowered | undefined {
  if (intAttribute(node, 'axis', 0) !== 0) return undefined;
  const [x, positions] = node.inputs;
  const indices = inference.constant(positions);
  const dims = inference.shape(x)?.dims;
  if (!indices || dims?.length !== 1) return undefined;
  const values = valuesOf(indices);
  if (values.length !== dims[0]) return undefined;
  for (let i = 0; i < values.length; i++) if (values[i] !== i) return undefined;
  const shape = `${node.outputs[0]}/shape`;
  const constants = new Map([[shape, i64([indices.dims.length], indices.dims)]]);
  return { nodes: [{ ...node, op: 'Reshape', inputs: [x, shape], attributes: {} }], constants };
}
