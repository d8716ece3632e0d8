import { opsetOf, producersOf, readsOf, type Graph } from '../../../src/graph/ir.js';
import { arithmetic } from './arithmetic.js';
import { Call, type Definition } from './call.js';
import { convolution } from './convolution.js';
import { gathering } from './gathering.js';
import { joining } from './joining.js';
import { linear } from './linear.js';
import { normalisation } from './normalisation.js';
import { pointwise } from './pointwise.js';
import { pooling } from './pooling.js';
import { reduction } from './reduction.js';
import { reshaping } from './reshaping.js';
import { resizing } from './resizing.js';
import { shaping } from './shaping.js';
import { slicing } from './slicing.js';
import { valueOf, type Value } from './value.js';

/** Every op's definition, from the ONNX operator specification. */
export const definitions: Readonly<Record<string, Definition>> = {
  ...arithmetic,
  ...convolution,
  ...gathering,
  ...joining,
  ...linear,
  ...normalisation,
  ...pointwise,
  ...pooling,
  ...reduction,
  ...reshaping,
  ...resizing,
  ...shaping,
  ...slicing,
};

/**
 * A graph as a function in float64: what its ops mean, for comparison with what is fast. Casts to narrower floats do
 * not round.
 * @param wanted values to compute; nodes that they do not need are never evaluated
 * @returns all values by name, given the inputs; inner values that are given too are not computed
 */
export function evaluator(
  graph: Graph,
  wanted: readonly string[],
): (inputs: Readonly<Record<string, Value>>) => Map<string, Value> {
  const opset = opsetOf(graph);
  const constants = new Map([...graph.initializers].map(([name, constant]) => [name, valueOf(constant)]));
  const producers = producersOf(graph);
  const needed = new Set<unknown>();
  const visit = (name: string) => {
    const node = producers.get(name);
    if (!node || needed.has(node)) return;
    needed.add(node);
    readsOf(node).forEach(visit);
  };
  wanted.forEach(visit);
  const nodes = graph.nodes.filter((node) => needed.has(node));
  return (inputs) => {
    const values = new Map([...constants, ...Object.entries(inputs)]);
    for (const node of nodes) {
      if (node.outputs.every((name) => !name || name in inputs)) continue;
      const definition = node.domain === '' ? definitions[node.op] : undefined;
      if (!definition) throw new Error(`no definition of ${node.domain}.${node.op}`);
      const given = node.inputs.map((name) => (name ? values.get(name) : undefined));
      const outputs = definition(new Call(node, opset, given));
      node.outputs.forEach((name, i) => {
        if (name && !(name in inputs) && outputs[i]) values.set(name, outputs[i]);
      });
    }
    return values;
  };
}
