import { SightlineError } from '../core/errors.js';
import type { Constant, ElementType } from './constant.js';

/** An attribute of a node. Subgraphs and exotic kinds stay encoded: they pass through unchanged. */
export type Attribute =
  | { kind: 'int'; value: number }
  | { kind: 'float'; value: number }
  | { kind: 'string'; value: string }
  | { kind: 'ints'; value: number[] }
  | { kind: 'floats'; value: number[] }
  | { kind: 'strings'; value: string[] }
  | { kind: 'tensor'; value: Constant }
  /** `captures`: outer values that the encoded subgraphs read. */
  | { kind: 'opaque'; value: unknown; captures: string[] };

/** One operation. Empty strings in `inputs` and `outputs` are omitted optional ones, as in ONNX. */
export interface Node {
  /** Unique in the graph (invented where the file has none). */
  name: string;
  op: string;
  /** '' is the standard ONNX domain. */
  domain: string;
  inputs: string[];
  outputs: string[];
  attributes: Record<string, Attribute>;
}

/** A named size that is only known when the model runs is null. */
export type Dim = number | null;

/** What a file declares about a value. `dims` is undefined when not even the rank is declared. */
export interface ValueInfo {
  name: string;
  type?: ElementType;
  dims?: Dim[];
}

/** Element type and static shape of a value, as inferred. */
export interface ValueShape {
  type: ElementType;
  dims: readonly number[];
}

/**
 * A model graph in static single assignment: every value is produced by one node, or is an input or an
 * initializer. Nodes are in topological order. Passes return a new Graph and share what they do not change.
 */
export interface Graph {
  name: string;
  irVersion: number;
  /** Operator set version by domain; '' is the standard one. */
  opsets: Map<string, number>;
  inputs: ValueInfo[];
  outputs: ValueInfo[];
  nodes: Node[];
  initializers: Map<string, Constant>;
  /** What the file declares about inner values: a fallback where inference lacks an op. */
  declared: Map<string, ValueInfo>;
  metadata: Map<string, string>;
  /** Encoded FunctionProtos, passed through. */
  functions: Uint8Array[];
}

/** A graph to build: standard operator set `opset`, nothing in it. */
export function emptyGraph(name: string, opset = 17): Graph {
  return {
    name,
    irVersion: opset > 21 ? 12 : 8,
    opsets: new Map([['', opset]]),
    inputs: [],
    outputs: [],
    nodes: [],
    initializers: new Map(),
    declared: new Map(),
    metadata: new Map(),
    functions: [],
  };
}

/** Version of the standard operator set. */
export function opsetOf(graph: Graph): number {
  return graph.opsets.get('') ?? graph.opsets.get('ai.onnx') ?? 1;
}

/** The node that produces each value. */
export function producersOf(graph: Graph): Map<string, Node> {
  const producers = new Map<string, Node>();
  for (const node of graph.nodes) for (const output of node.outputs) if (output) producers.set(output, node);
  return producers;
}

/** Values that a node reads, those of its subgraphs included. */
export function readsOf(node: Node): string[] {
  const reads = node.inputs.filter((name) => name !== '');
  for (const attribute of Object.values(node.attributes)) {
    if (attribute.kind === 'opaque') reads.push(...attribute.captures);
  }
  return reads;
}

/** "Conv node 'features.0'", for messages. */
export function describeNode(node: Node): string {
  return `${node.domain ? `${node.domain}.` : ''}${node.op} node '${node.name}'`;
}

export function intAttribute(node: Node, name: string, fallback: number): number {
  const attribute = node.attributes[name];
  return attribute?.kind === 'int' ? attribute.value : fallback;
}

export function floatAttribute(node: Node, name: string, fallback: number): number {
  const attribute = node.attributes[name];
  return attribute?.kind === 'float' || attribute?.kind === 'int' ? attribute.value : fallback;
}

export function stringAttribute(node: Node, name: string, fallback: string): string {
  const attribute = node.attributes[name];
  return attribute?.kind === 'string' ? attribute.value : fallback;
}

export function intsAttribute(node: Node, name: string): number[] | undefined {
  const attribute = node.attributes[name];
  return attribute?.kind === 'ints' ? attribute.value : undefined;
}

/** A value that shape inference or a rule needs but the node does not have. */
export function requireInput(node: Node, index: number): string {
  const name = node.inputs[index];
  if (!name) {
    throw new SightlineError('E_MODEL_FORMAT', {
      where: describeNode(node),
      what: `input ${index} is missing`,
      remedy: 'The model file is damaged or was edited by hand: export it again.',
    });
  }
  return name;
}
