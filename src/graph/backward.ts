import { SightlineError } from '../core/errors.js';
import type { Emitter } from './emitter.js';
import type { Graph, Node } from './ir.js';
import type { BackwardView } from './ops/rules.js';
import { dependents } from './rewriting.js';

/** What is sent backwards through a graph, and how one node passes it on. */
export interface Backward {
  /** Appended to, through `emit`. */
  graph: Graph;
  emit: Emitter;
  /** Value where it starts. */
  of: string;
  /** What arrives there, same dims. */
  seed: string;
  /** Values where it is wanted. */
  targets: readonly string[];
  /** What arrives at each input, given what arrived at the outputs; undefined = nothing. Throws where it cannot. */
  rule: (node: Node, view: BackwardView) => (string | undefined)[];
}

/**
 * Walks a graph from its end to its beginning, each node passing on to its inputs what arrived at its outputs; a value
 * with several readers receives the sum. The common core of gradients (rule: chain rule) and of relevance (rule: LRP).
 *
 * @returns for every target the value that holds what arrived there, same dims
 * @throws SightlineError E_MODEL_UNSUPPORTED when `of` does not depend on a target, or a shape in between is unknown;
 *   what `rule` throws
 */
export function appendBackward({ graph, emit, of, seed, targets, rule }: Backward): Map<string, string> {
  const forward = [...graph.nodes];
  const depends = dependents(graph, targets);
  const arrived = new Map<string, string>([[of, seed]]);
  for (const node of forward.reverse()) {
    if (!node.outputs.some((name) => arrived.has(name)) || !node.inputs.some((name) => depends.has(name))) continue;
    const parts = rule(node, {
      node,
      opset: emit.opset,
      emit,
      arriving: (index) => arrived.get(node.outputs[index] ?? ''),
      wants: (index) => depends.has(node.inputs[index] ?? ''),
    });
    node.inputs.forEach((input, index) => {
      const part = parts[index];
      if (!part || !depends.has(input)) return;
      const before = arrived.get(input);
      arrived.set(input, before ? emit.add(before, part) : part);
    });
  }
  return new Map(
    targets.map((target) => {
      const result = arrived.get(target);
      if (!result || !depends.has(of)) throw independent(of, target);
      return [target, result];
    }),
  );
}

function independent(of: string, target: string): SightlineError {
  return new SightlineError('E_MODEL_UNSUPPORTED', {
    where: target,
    what: `the logits '${of}' do not depend on this layer in a differentiable way`,
    remedy: 'Choose another target layer (--layer).',
  });
}
