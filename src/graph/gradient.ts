import { SightlineError } from '../core/errors.js';
import type { Emitter } from './emitter.js';
import { describeNode, type Graph, type Node } from './ir.js';
import { rulesOf } from './ops/index.js';
import { dependents } from './passes.js';

/**
 * Appends the reverse-mode gradient pass: nodes that compute d(seed · of)/d(target).
 *
 * For a graph whose samples do not influence each other (a model in inference) and a one-hot `seed` per sample, this
 * is the gradient of each sample's chosen logit.
 *
 * @param graph appended to in place, through `emit`
 * @param of value to differentiate
 * @param seed gradient that arrives at `of`, same dims
 * @param target value to differentiate with respect to
 * @returns name of the value that holds the gradient, dims of `target`
 * @throws SightlineError E_OP_UNSUPPORTED for an op without gradient rule between `target` and `of`;
 *   E_MODEL_UNSUPPORTED when `of` does not depend on `target`, or a shape in between is unknown
 */
export function appendGradient(graph: Graph, emit: Emitter, of: string, seed: string, target: string): string {
  const forward = [...graph.nodes];
  const depends = dependents(graph, target);
  if (!depends.has(of)) throw independent(of, target);
  const arrived = new Map<string, string>([[of, seed]]);
  for (const node of forward.reverse()) {
    if (node.outputs.includes(target)) break;
    if (!node.outputs.some((name) => arrived.has(name)) || !node.inputs.some((name) => depends.has(name))) continue;
    const rule = rulesOf(node)?.gradient;
    if (!rule) throw noRule(node, target);
    const gradients = rule({
      node,
      opset: emit.opset,
      emit,
      arriving: (index) => arrived.get(node.outputs[index] ?? ''),
      wants: (index) => depends.has(node.inputs[index] ?? ''),
    });
    node.inputs.forEach((input, index) => {
      const gradient = gradients[index];
      if (!gradient || !depends.has(input)) return;
      const before = arrived.get(input);
      arrived.set(input, before ? emit.add(before, gradient) : gradient);
    });
  }
  const result = arrived.get(target);
  if (!result) throw independent(of, target);
  return result;
}

function noRule(node: Node, target: string): SightlineError {
  return new SightlineError('E_OP_UNSUPPORTED', {
    where: describeNode(node),
    what: `no gradient rule for ${node.op}, which lies between the target layer '${target}' and the logits`,
    remedy: 'Choose a target layer after this node (--layer), or a strategy that needs no saliency maps.',
  });
}

function independent(of: string, target: string): SightlineError {
  return new SightlineError('E_MODEL_UNSUPPORTED', {
    where: target,
    what: `the logits '${of}' do not depend on this layer in a differentiable way`,
    remedy: 'Choose another target layer (--layer).',
  });
}
