import { constantOf, valuesOf, type Constant } from './constant.js';
import { floatAttribute, intAttribute, producersOf, readsOf, type Graph, type Node } from './ir.js';
import { product } from './ops/rules.js';

/**
 * Folds every batch normalisation that directly follows a convolution or dense layer into that layer's weights and bias:
 * exact, and the graph then says what the network computes with one product per layer.
 * @param constant constant behind a value, where it is one
 * @param kept values that must stay as they are
 */
export function foldBatchNorm(
  graph: Graph,
  constant: (name: string) => Constant | undefined,
  kept: readonly string[],
): Graph {
  const readers = new Map<string, number>();
  for (const node of graph.nodes) {
    for (const name of readsOf(node)) readers.set(name, (readers.get(name) ?? 0) + 1);
  }
  for (const name of kept) readers.set(name, Infinity);
  const producers = producersOf(graph);
  const initializers = new Map(graph.initializers);
  const replaced = new Map<Node, Node | null>();
  for (const node of graph.nodes) {
    if (node.op !== 'BatchNormalization' || node.domain !== '' || intAttribute(node, 'training_mode', 0) === 1)
      continue;
    const layer = producers.get(node.inputs[0]);
    if (!layer || layer.domain !== '' || readers.get(node.inputs[0]) !== 1 || replaced.has(layer)) continue;
    const folded = foldedInto(layer, node, constant);
    if (!folded) continue;
    const weights = `${node.outputs[0]}/folded_weights`;
    const bias = `${node.outputs[0]}/folded_bias`;
    initializers.set(weights, folded.weights).set(bias, folded.bias);
    replaced.set(layer, null);
    replaced.set(node, { ...layer, inputs: [layer.inputs[0], weights, bias], outputs: [node.outputs[0]] });
  }
  if (replaced.size === 0) return graph;
  // The layer moves to where the normalisation stood: everything it reads is still before it.
  const nodes = graph.nodes.flatMap((node) => {
    const now = replaced.get(node);
    return now === undefined ? [node] : now ? [now] : [];
  });
  return { ...graph, nodes, initializers };
}

function foldedInto(
  layer: Node,
  norm: Node,
  constant: (name: string) => Constant | undefined,
): { weights: Constant; bias: Constant } | undefined {
  const weights = constant(layer.inputs[1] ?? '');
  const bias = layer.inputs[2] ? constant(layer.inputs[2]) : undefined;
  const parameters = norm.inputs.slice(1, 5).map(constant);
  if (!weights || (layer.inputs[2] && !bias) || parameters.some((parameter) => !parameter)) return undefined;
  const axis = outputAxis(layer);
  if (axis === undefined) return undefined;
  const [scale, shift, mean, variance] = parameters.map((parameter) => valuesOf(parameter as Constant));
  const count = scale.length;
  if (weights.dims[axis] !== count) return undefined;
  const epsilon = floatAttribute(norm, 'epsilon', 1e-5);
  const factors = Array.from({ length: count }, (_, c) => scale[c] / Math.sqrt(variance[c] + epsilon));
  const before = bias && valuesOf(bias);
  const biases = factors.map((factor, c) => shift[c] + ((before ? before[c % before.length] : 0) - mean[c]) * factor);
  const values = valuesOf(weights);
  const inner = product(weights.dims.slice(axis + 1));
  const scaled = new Float32Array(values.length);
  for (let i = 0; i < scaled.length; i++) scaled[i] = values[i] * factors[Math.floor(i / inner) % count];
  return { weights: constantOf(weights.type, weights.dims, scaled), bias: constantOf(weights.type, [count], biases) };
}

/** The axis of a layer's weights that counts its outputs. */
function outputAxis(layer: Node): number | undefined {
  if (layer.op === 'Conv') return 0;
  if (layer.op === 'ConvTranspose') return intAttribute(layer, 'group', 1) === 1 ? 1 : undefined;
  const plain = floatAttribute(layer, 'alpha', 1) === 1 && floatAttribute(layer, 'beta', 1) === 1;
  if (layer.op === 'Gemm' && plain) return intAttribute(layer, 'transB', 0) ? 0 : 1;
  return undefined;
}
