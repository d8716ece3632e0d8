import { intAttribute, type Attribute, type Graph, type Node } from './ir.js';

/** Ops whose result is not a function of their inputs alone. */
const random = /^(Random|Multinomial|Bernoulli)/;

/**
 * Computes every value once: nodes of the same op, attributes and inputs become one, and a Concat that begins with what
 * another Concat already joined takes that (DenseNet's blocks join ever longer lists: their gradients then need one cut
 * per layer instead of one per pair of layers).
 * @param kept values that must keep their names
 */
export function shareCommon(graph: Graph, kept: ReadonlySet<string>): Graph {
  const same = new Map<string, string>();
  const now = (name: string) => same.get(name) ?? name;
  const known = new Map<string, Node>();
  const joined = new Map<string, { inputs: readonly string[]; output: string }[]>();
  const nodes: Node[] = [];
  for (const original of graph.nodes) {
    let node: Node = { ...original, inputs: original.inputs.map(now) };
    const opaque = Object.values(node.attributes).some((a) => a.kind === 'opaque' || a.kind === 'tensor');
    if (node.domain === '' && !opaque && !random.test(node.op)) {
      const key = keyOf(node);
      const twin = known.get(key);
      if (twin && !node.outputs.some((name) => kept.has(name))) {
        node.outputs.forEach((name, i) => name && same.set(name, twin.outputs[i]));
        continue;
      }
      if (!twin) known.set(key, node);
      if (node.op === 'Concat') node = withPrefix(node, joined);
    }
    nodes.push(node);
  }
  return { ...graph, nodes };
}

function withPrefix(node: Node, joined: Map<string, { inputs: readonly string[]; output: string }[]>): Node {
  const key = `${intAttribute(node, 'axis', 1)}/${node.inputs[0]}`;
  const others = joined.get(key) ?? [];
  joined.set(key, [...others, { inputs: node.inputs, output: node.outputs[0] }]);
  const prefix = others
    .filter(({ inputs }) => inputs.length > 1 && inputs.length < node.inputs.length)
    .filter(({ inputs }) => inputs.every((name, i) => name === node.inputs[i]))
    .sort((a, b) => b.inputs.length - a.inputs.length)[0];
  return prefix ? { ...node, inputs: [prefix.output, ...node.inputs.slice(prefix.inputs.length)] } : node;
}

function keyOf({ op, inputs, outputs, attributes }: Node): string {
  const settings = Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([op, inputs, outputs.map(Boolean), settings as [string, Attribute][]]);
}
