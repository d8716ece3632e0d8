import type { PlanDescription } from '../../backend/native.js';
import { sizeOf, type DType } from '../../core/tensor.js';
import { bytesPerElement, valuesOf, type ElementType } from '../../graph/constant.js';
import { Inference } from '../../graph/infer.js';
import { describeNode, opsetOf, type Graph, type Node } from '../../graph/ir.js';
import { ownDomain } from '../../graph/ops/own_domain.js';
import { ShapeMismatch } from '../../graph/ops/rules.js';
import { placeValues, type PlannedStep } from './placement.js';
import { stepForm, Unplannable } from './steps.js';

/** How the addon stores element types; booleans are bytes. */
const kinds: Partial<Record<ElementType, { dtype: DType; kind: number }>> = {
  f32: { dtype: 'f32', kind: 0 },
  i32: { dtype: 'i32', kind: 1 },
  i64: { dtype: 'i64', kind: 2 },
  u8: { dtype: 'u8', kind: 3 },
  bool: { dtype: 'u8', kind: 3 },
};

/** An array that a run takes or gives. */
export interface PlanPort {
  name: string;
  dtype: DType;
  dims: readonly number[];
}

export interface CompiledPlan {
  description: PlanDescription;
  inputs: readonly PlanPort[];
  outputs: readonly PlanPort[];
}

/** A graph's values and the steps that compute its outputs. */
export interface Lowered {
  steps: PlannedStep[];
  known: Inference;
  /** What a value's memory is called: values that are the same bytes have one name. */
  storageOf(name: string): string;
}

/** Ops whose output is their first input's bytes in another shape. */
const renaming = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity']);

/**
 * Turns a graph into steps: constants folded, values that only rename others followed to what they name, nodes that no
 * output needs left out.
 * @param ops names of the ops that have a kernel
 * @throws Unplannable naming the node that the addon cannot run, and why
 */
export function lower(graph: Graph, ops: ReadonlySet<string>): Lowered {
  const known = inferred(graph);
  const needed = neededNodes(graph, known);
  const renamed = new Map<string, string>();
  const storageOf = (name: string): string => {
    let at = name;
    for (let next = renamed.get(at); next !== undefined; next = renamed.get(at)) at = next;
    return at;
  };
  const steps: PlannedStep[] = [];
  const opset = opsetOf(graph);
  for (const node of graph.nodes) {
    if (!needed.has(node)) continue;
    for (const name of [...node.inputs, ...node.outputs]) if (name) checkValue(node, name, known);
    if (passes(node, known)) {
      renamed.set(node.outputs[0], node.inputs[0]);
      continue;
    }
    if ((node.domain !== '' && node.domain !== ownDomain) || !ops.has(node.op)) {
      throw new Unplannable(`${describeNode(node)}: the addon has no kernel for this op`);
    }
    try {
      steps.push({ node, ...stepForm({ node, opset, known }) });
    } catch (error) {
      if (error instanceof Unplannable || error instanceof ShapeMismatch)
        throw new Unplannable(`${describeNode(node)}: ${error.message}`);
      throw error;
    }
  }
  return { steps, known, storageOf };
}

/** Steps and places of values, ready for the addon. @throws Unplannable */
export function compilePlan(graph: Graph, ops: ReadonlySet<string>): CompiledPlan {
  const lowered = lower(graph, ops);
  const { known } = lowered;
  const port = (name: string): PlanPort => {
    const shape = known.shape(name);
    const kind = shape && kinds[shape.type];
    if (!kind) throw new Unplannable(`'${name}': ${known.reasons.get(name) ?? `type ${shape?.type} has no kernels`}`);
    return { name, dtype: kind.dtype, dims: shape.dims };
  };
  const inputs = graph.inputs.flatMap(({ name }) => (graph.initializers.has(name) ? [] : [port(name)]));
  const outputs = graph.outputs.map(({ name }) => port(name));
  const placed = placeValues(lowered, inputs, outputs);
  const numbers = new Map<string, number>();
  const values: PlanDescription['values'][number][] = [];
  const numberOf = (name: string): number => {
    if (!name) return -1;
    const found = numbers.get(name);
    if (found !== undefined) return found;
    const { dims, dtype } = port(name);
    const kind = Object.values(kinds).find((entry) => entry.dtype === dtype)?.kind ?? 0;
    numbers.set(name, values.length);
    values.push({ dims, kind, ...placed.placeOf(name) });
    return values.length - 1;
  };
  // Ports are values even where no step reads them: their arrays are then checked all the same.
  for (const name of [...inputs.map((input) => input.name), ...placed.results]) numberOf(name);
  const steps = placed.steps.map(({ node, inputs: reads, attributes }) => ({
    op: node.op,
    name: node.name,
    inputs: reads.map(numberOf),
    outputs: node.outputs.map(numberOf),
    attributes,
  }));
  const { constants, constantBytes, arenaBytes } = placed;
  return { description: { steps, values, constants, constantBytes, arenaBytes }, inputs, outputs };
}

/** Shapes and constants of all values; shapes the file declares stand in where a rule is lacking. */
function inferred(graph: Graph): Inference {
  const declared = (name: string) => {
    const { type, dims } = graph.declared.get(name) ?? {};
    return type && dims && dims.every((dim) => dim !== null) ? { type, dims: dims as number[] } : undefined;
  };
  const known = new Inference(graph, declared);
  for (const { name, type, dims } of graph.inputs) {
    if (graph.initializers.has(name)) continue;
    if (!type || !dims || dims.some((dim) => dim === null)) throw new Unplannable(`input '${name}' has no fixed dims`);
    known.setShape(name, { type, dims: dims as number[] });
  }
  for (const node of graph.nodes) {
    known.visit(node);
    const value = node.op === 'Constant' && node.domain === '' ? node.attributes.value : undefined;
    if (value?.kind === 'tensor') known.setConstant(node.outputs[0], value.value);
  }
  return known;
}

/** Nodes on a way to an output, except those whose outputs are constants. */
function neededNodes(graph: Graph, known: Inference): Set<Node> {
  const wanted = new Set(graph.outputs.map(({ name }) => name));
  const needed = new Set<Node>();
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((name) => name && wanted.has(name) && !known.constant(name))) continue;
    needed.add(node);
    for (const name of node.inputs) wanted.add(name);
  }
  return needed;
}

function checkValue(node: Node, name: string, known: Inference): void {
  const shape = known.shape(name);
  const reason = known.reasons.get(name);
  if (!shape) throw new Unplannable(reason ?? `${describeNode(node)}: the shape of '${name}' is unknown`);
  // A constant of another type may still be read as numbers while planning.
  if (!kinds[shape.type] && !known.constant(name)) {
    throw new Unplannable(`${describeNode(node)}: '${name}' is ${shape.type}, for which there are no kernels`);
  }
}

/** Whether a node's output is its input under another name. */
function passes(node: Node, known: Inference): boolean {
  if (node.domain !== '') return false;
  if (renaming.has(node.op)) return true;
  if (node.op === 'Cast') return known.shape(node.inputs[0])?.type === known.shape(node.outputs[0])?.type;
  if (node.op !== 'Dropout' || node.outputs[1]) return false;
  const training = node.inputs[2];
  if (!training) return true;
  const constant = known.constant(training);
  return constant !== undefined && !valuesOf(constant)[0];
}

/** Bytes of a value in the addon's memory. */
export function bytesOf(known: Inference, name: string): number {
  const shape = known.shape(name);
  return shape ? sizeOf(shape.dims) * bytesPerElement(shape.type) : 0;
}
