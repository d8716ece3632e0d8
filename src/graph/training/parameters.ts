import { SightlineError } from '../../core/errors.js';
import { sizeOf } from '../../core/tensor.js';
import type { Graph, Node } from '../ir.js';

/** Inputs of an op that a model learns, by position. */
const learned: Readonly<Record<string, readonly number[]>> = {
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  Gemm: [0, 1, 2],
  MatMul: [0, 1],
  BatchNormalization: [1, 2],
  InstanceNormalization: [1, 2],
  GroupNormalization: [1, 2],
  LayerNormalization: [1, 2],
  RMSNormalization: [1],
  PRelu: [1],
  // Biases of MatMul, layer scale, class tokens and position embeddings stand in plain arithmetic.
  Add: [0, 1],
  Mul: [0, 1],
  Concat: [0, 1],
};

/** What comes before the first of these works on pixels alone: constants there (mean, standard deviation) are no weights. */
const weighted = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/** What the builders call constants that are no parameters (src/models/builder.ts). */
const builtConstant = /^constant_\d+$/;

/** Names of the f32 initializers that training changes by their gradients, in the order in which the graph reads them. */
export function trainableParameters(graph: Graph): string[] {
  const found = new Set<string>();
  const behind = new Set<string>();
  const repeated = new Map<string, string>();
  for (const node of graph.nodes) {
    if (node.domain !== '') continue;
    if (node.op === 'Expand' || node.op === 'Tile') repeated.set(node.outputs[0], node.inputs[0]);
    const isWeighted = weighted.has(node.op);
    if (isWeighted || node.inputs.some((name) => behind.has(name))) node.outputs.forEach((name) => behind.add(name));
    // A class token is joined to what a convolution made of the patches, a bias added to what a product gave.
    const counts = isWeighted || node.inputs.some((name) => behind.has(name)) || isAffineNorm(node);
    for (const index of counts ? (learned[node.op] ?? []) : []) {
      const name = repeated.get(node.inputs[index] ?? '') ?? node.inputs[index] ?? '';
      const constant = graph.initializers.get(name);
      if (constant?.type !== 'f32' || sizeOf(constant.dims) < 2) {
        const single = constant?.type === 'f32' && constant.dims.length > 0 && isLayer(node);
        if (!single) continue;
      }
      if (!builtConstant.test(name)) found.add(name);
    }
  }
  return [...found];
}

/** Layers whose weights may be a single number (one channel), unlike constants in arithmetic. */
const isLayer = (node: Node) => !['Add', 'Mul', 'Concat', 'MatMul'].includes(node.op);

/** A normalisation of the image itself has weights too, if it learns. */
const isAffineNorm = (node: Node) => node.op.endsWith('Normalization');

/** The batch normalisations of a model with running statistics among its initializers. */
export function batchNorms(graph: Graph): Node[] {
  return graph.nodes.filter(
    ({ op, domain, inputs }) =>
      op === 'BatchNormalization' &&
      domain === '' &&
      [3, 4].every((i) => graph.initializers.get(inputs[i])?.type === 'f32'),
  );
}

/** E_MODEL_UNSUPPORTED: a model without parameters. */
export function noParameters(): SightlineError {
  return new SightlineError('E_MODEL_UNSUPPORTED', {
    where: 'model',
    what: 'it has no f32 weights that could be trained',
    remedy: 'Export it with 32-bit float weights, not quantised or in 16 bits.',
  });
}
