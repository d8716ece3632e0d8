import { constantOf, type Constant } from './constant.js';
import type { Inference } from './infer.js';
import { floatAttribute, intAttribute, type Attribute, type Node } from './ir.js';

/** Nodes and constants that stand in for one node. */
export interface Lowered {
  nodes: Node[];
  constants: Map<string, Constant>;
}

/**
 * ONNX's fused Attention (opset 23; PyTorch's dynamo exporter writes scaled_dot_product_attention so) as the ops it
 * stands for: softmax(scale · Q·Kᵀ + mask) · V. Undefined for what image classifiers do not have (key caches, soft
 * caps, heads that share keys, 3-axis operands, causal masks): those nodes stay, and run forward only.
 */
export function lowerAttention(node: Node, inference: Inference): Lowered | undefined {
  const [query, key, value, mask] = node.inputs;
  const shapes = [query, key, value].map((name) => inference.shape(name));
  const plain =
    node.inputs.slice(4).every((name) => !name) &&
    node.outputs.slice(1).every((name) => !name) &&
    intAttribute(node, 'is_causal', 0) === 0 &&
    floatAttribute(node, 'softcap', 0) === 0 &&
    shapes.every((shape) => shape?.dims.length === 4 && shape.dims[1] === shapes[0]?.dims[1]);
  const type = shapes[0]?.type;
  const maskType = mask ? inference.shape(mask)?.type : undefined;
  if (!plain || !shapes[0] || !type || (mask && maskType !== type && maskType !== 'bool')) return undefined;

  const [output] = node.outputs;
  const nodes: Node[] = [];
  const constants = new Map<string, Constant>();
  const constant = (name: string, number: number) => {
    constants.set(`${output}/${name}`, constantOf(type, [], [number]));
    return `${output}/${name}`;
  };
  const add = (op: string, inputs: string[], role: string, attributes: Record<string, Attribute> = {}) => {
    const to = role ? `${output}/${role}` : output;
    nodes.push({ name: role ? `${node.name}/${role}` : node.name, op, domain: '', inputs, outputs: [to], attributes });
    return to;
  };
  const scale = floatAttribute(node, 'scale', 1 / Math.sqrt(shapes[0].dims[3]));
  // The root on either side, as ONNX says: the product of half floats would overflow before it is scaled.
  const root = constant('root_scale', Math.sqrt(scale));
  const turned = add('Transpose', [key], 'transposed', { perm: { kind: 'ints', value: [0, 1, 3, 2] } });
  const scaled = [add('Mul', [query, root], 'query'), add('Mul', [turned, root], 'key')];
  let scores = add('MatMul', scaled, 'scores');
  if (maskType === 'bool') scores = add('Where', [mask, scores, constant('masked', -Infinity)], 'where');
  else if (mask) scores = add('Add', [scores, mask], 'biased');
  const weights = add('Softmax', [scores], 'weights', { axis: { kind: 'int', value: -1 } });
  add('MatMul', [weights, value], '');
  return { nodes, constants };
}
