import { i64, valuesOf } from './constant.js';
import type { Inference } from './infer.js';
import { intAttribute, type Graph } from './ir.js';

/**
 * Rewrites exporters' detours into plain ops, so that later passes see through them. Now: PyTorch's dynamo exporter
 * writes as_strided as a Gather of every element of a flattened tensor in its order, which is a Reshape.
 */
export function canonical(graph: Graph, inference: Inference): Graph {
  const initializers = new Map(graph.initializers);
  let changed = false;
  const nodes = graph.nodes.map((node) => {
    if (node.op !== 'Gather' || node.domain !== '' || intAttribute(node, 'axis', 0) !== 0) return node;
    const [x, positions] = node.inputs;
    const indices = inference.constant(positions);
    const dims = inference.shape(x)?.dims;
    if (!indices || dims?.length !== 1) return node;
    const values = valuesOf(indices);
    if (values.length !== dims[0]) return node;
    for (let i = 0; i < values.length; i++) if (values[i] !== i) return node;
    changed = true;
    const shape = `${node.outputs[0]}/shape`;
    initializers.set(shape, i64([indices.dims.length], indices.dims));
    return { ...node, op: 'Reshape', inputs: [x, shape], attributes: {} };
  });
  return changed ? { ...graph, nodes, initializers } : graph;
}
