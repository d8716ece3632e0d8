import type { Constant } from './constant.js';
import { intAttribute, producersOf, type Graph, type Node } from './ir.js';

/** The dense layer or 1×1 convolution that makes the logits. */
export interface HeadLayer {
  /** Gemm, MatMul or Conv. */
  node: Node;
  weights: Constant;
  /** Axis of the weights that counts classes. */
  axis: 0 | 1;
  /** Initializer that an Add behind the layer adds, where one does. */
  bias?: string;
  /** What lies between the layer and the logits, from the logits back; ops that change neither values nor their order. */
  passed: readonly Node[];
}

/** Ops that leave values as they are, up to shape. */
const transparent = new Set(['Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Dropout']);

/**
 * Walks back from the logits to the layer that makes them.
 * @param graph with its constants as initializers
 * @returns the layer, or where the walk ended: the value, and what makes it
 */
export function findHeadLayer(
  graph: Graph,
  logits: string,
  classes: number,
): HeadLayer | { obstacle: { node: Node | undefined; value: string } } {
  const producers = producersOf(graph);
  const passed: Node[] = [];
  let bias: string | undefined;
  for (let at = logits; ;) {
    const node = producers.get(at);
    const obstacle = { node, value: at };
    if (!node || node.domain !== '') return { obstacle };
    const constant = (index: number) => graph.initializers.get(node.inputs[index] ?? '');
    if (transparent.has(node.op)) {
      passed.push(node);
      at = node.inputs[0];
    } else if (node.op === 'Add' && bias === undefined) {
      const index = [0, 1].find((i) => constant(i)?.dims.at(-1) === classes);
      if (index === undefined) return { obstacle };
      bias = node.inputs[index];
      at = node.inputs[1 - index];
    } else if (node.op === 'Gemm' || node.op === 'MatMul' || node.op === 'Conv') {
      const weights = constant(1);
      const axis = node.op === 'MatMul' || (node.op === 'Gemm' && intAttribute(node, 'transB', 0) === 0) ? 1 : 0;
      if (!weights || weights.dims[axis] !== classes) return { obstacle };
      return { node, weights, axis, passed, ...(bias !== undefined && { bias }) };
    } else return { obstacle };
  }
}
