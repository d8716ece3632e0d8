import { SightlineError } from '../core/errors.js';
import { appendBackward } from './backward.js';
import type { Emitter } from './emitter.js';
import { describeNode, type Graph, type Node } from './ir.js';
import { rulesOf } from './ops/index.js';
import type { GradientRule } from './ops/rules.js';

/**
 * Appends the reverse-mode gradient pass: nodes that compute d(seed · of)/d(target) for every target.
 *
 * For a graph whose samples do not influence each other (a model in inference) and a one-hot `seed` per sample, this
 * is the gradient of each sample's chosen logit.
 *
 * @param graph appended to in place, through `emit`
 * @param of value to differentiate
 * @param seed gradient that arrives at `of`, same dims
 * @param targets values to differentiate with respect to
 * @param overrides rules to use instead of the ops' own, by op name
 * @returns by target the name of the value that holds its gradient, same dims
 * @throws SightlineError E_OP_UNSUPPORTED for an op without gradient rule between a target and `of`;
 *   E_MODEL_UNSUPPORTED when `of` does not depend on a target, or a shape in between is unknown
 */
export function appendGradients(
  graph: Graph,
  emit: Emitter,
  of: string,
  seed: string,
  targets: readonly string[],
  overrides: Readonly<Record<string, GradientRule>> = {},
): Map<string, string> {
  return appendBackward({
    graph,
    emit,
    of,
    seed,
    targets,
    rule: (node, view) => {
      const rule = (node.domain === '' && overrides[node.op]) || rulesOf(node)?.gradient;
      if (!rule) throw noRule(node, targets[0]);
      return rule(view);
    },
  });
}

/** Gradient with respect to one value: see `appendGradients`. */
export function appendGradient(graph: Graph, emit: Emitter, of: string, seed: string, target: string): string {
  return appendGradients(graph, emit, of, seed, [target]).get(target) as string;
}

function noRule(node: Node, target: string): SightlineError {
  return new SightlineError('E_OP_UNSUPPORTED', {
    where: describeNode(node),
    what: `no gradient rule for ${node.op}, which lies between '${target}' and the logits`,
    remedy: 'Choose a target layer after this node (--layer), or a strategy that needs no saliency maps.',
  });
}
