import type { ValueShape } from './ir.js';
import { readsOf, type Graph, type Node } from './ir.js';
import { Inference } from './infer.js';

/** Shapes that a file declares for values, with the batch size in use in place of an open or a fixed one. */
export function declaredShapes(
  graph: Graph,
  batch: number,
  ownBatch: number | null,
): (name: string) => ValueShape | undefined {
  return (name) => {
    const info = graph.declared.get(name) ?? graph.outputs.find((output) => output.name === name);
    if (!info?.type || !info.dims?.length || info.dims.slice(1).includes(null)) return undefined;
    const [first] = info.dims;
    const dims = info.dims as number[];
    return { type: info.type, dims: first === null || first === ownBatch ? [batch, ...dims.slice(1)] : dims };
  };
}

/** Infers a whole graph for given input shapes. */
export function inferGraph(
  graph: Graph,
  inputs: ReadonlyMap<string, ValueShape>,
  fallback?: (name: string) => ValueShape | undefined,
): Inference {
  const inference = new Inference(graph, fallback);
  for (const [name, shape] of inputs) inference.setShape(name, shape);
  for (const node of graph.nodes) inference.visit(node);
  return inference;
}

/** The graph with everything that was found constant as initializers, and only what `outputs` need. */
export function simplify(graph: Graph, inference: Inference, outputs: readonly string[]): Graph {
  const needed = new Set(outputs);
  const nodes: Node[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    if (node.outputs.every((name) => !needed.has(name) || inference.folded.has(name))) continue;
    nodes.push(node);
    for (const name of readsOf(node)) needed.add(name);
  }
  const initializers = new Map([...graph.initializers].filter(([name]) => needed.has(name)));
  for (const [name, constant] of inference.folded) if (needed.has(name)) initializers.set(name, constant);
  return { ...graph, nodes: nodes.reverse(), initializers };
}

/** Only what leads to `output`, with everything that is made of constants alone computed. */
export function withPlainWeights(graph: Graph, output: string): Graph {
  const known = new Inference(graph, () => undefined, Infinity);
  // A class token repeated for the example's batch stays one token, so that it is learned once and follows the batch.
  for (const node of graph.nodes) if (node.op !== 'Expand' && node.op !== 'Tile') known.visit(node);
  return simplify(graph, known, [output]);
}

/** `name`, or what stands before it repeated until nothing has it: a model that Sightline wrote has been renamed before. */
export function freeName(name: string, used: ReadonlySet<string>): string {
  let free = name;
  while (used.has(free)) free = `model/${free}`;
  return free;
}

/**
 * The graph under other value names. A value that a subgraph captures keeps its name.
 * @returns the new graph; `names` that were captured are left as they are
 */
export function renameValues(graph: Graph, names: ReadonlyMap<string, string>): Graph {
  if (names.size === 0) return graph;
  const renamed = (name: string) => names.get(name) ?? name;
  const info = <T extends { name: string }>(value: T): T => ({ ...value, name: renamed(value.name) });
  return {
    ...graph,
    inputs: graph.inputs.map(info),
    outputs: graph.outputs.map(info),
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(renamed),
      outputs: node.outputs.map(renamed),
    })),
    initializers: new Map([...graph.initializers].map(([name, constant]) => [renamed(name), constant])),
    declared: new Map([...graph.declared.values()].map(info).map((value) => [value.name, value])),
  };
}

/** Values that depend on any of `from`, themselves included. */
export function dependents(graph: Graph, from: Iterable<string>): Set<string> {
  const reached = new Set(from);
  for (const node of graph.nodes) {
    if (readsOf(node).some((name) => reached.has(name)))
      for (const output of node.outputs) if (output) reached.add(output);
  }
  return reached;
}

/** Values that any of `to` is made of, themselves included. */
export function precedents(graph: Graph, to: Iterable<string>): Set<string> {
  const reached = new Set(to);
  for (const node of graph.nodes.toReversed()) {
    if (node.outputs.some((name) => reached.has(name))) for (const name of readsOf(node)) reached.add(name);
  }
  return reached;
}
