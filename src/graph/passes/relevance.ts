import { SightlineError } from '../../core/errors.js';
import { appendBackward } from '../backward.js';
import { describeNode, type Node } from '../ir.js';
import { rulesOf } from '../ops/index.js';
import type { BackwardView } from '../ops/rules.js';
import { factsOf } from '../relevance/facts.js';
import type { RelevancePreset } from '../relevance/presets.js';
import { relevanceRules } from '../relevance/rules.js';
import type { GraphPass } from './pass.js';

/** Values that a preprocessed pixel can have at least and at most, per channel. */
export interface PixelRange {
  low: readonly number[];
  high: readonly number[];
}

/**
 * Output `relevance` f32[B,C,H,W]: the chosen logit's value handed back layer by layer to the pixels that made it (LRP,
 * Deep Taylor), by the rules of a preset.
 * @throws on appending, SightlineError E_OP_UNSUPPORTED naming an op that relevance cannot pass
 */
export function relevance(preset: RelevancePreset, { low, high }: PixelRange): GraphPass {
  return {
    name: 'relevance',
    outputs: ['relevance'],
    foldsBatchNorm: preset.batchNorm === 'fold',
    append({ graph, emit, image, logits, classSeed, output }) {
      const values = factsOf(graph, image, low, high);
      const chosen = emit.mul(classSeed(), logits);
      const seed = preset.seed === 'positive' ? emit.op('Relu', [chosen]) : chosen;
      const rule = (node: Node, backward: BackwardView) => {
        const known = node.domain === '' ? relevanceRules[node.op] : undefined;
        if (!known) throw noRule(node);
        const gradients = (view: BackwardView) => {
          const own = rulesOf(view.node)?.gradient;
          if (!own) throw noRule(node);
          return own(view);
        };
        const masked = node.op === 'Relu' && preset.relu === 'gradient';
        if (known === 'gradient' || masked) return gradients(backward);
        if (known === 'pass') {
          const first = node.inputs.findIndex((_, index) => backward.wants(index));
          return node.inputs.map((_, index) => (index === first ? backward.arriving(0) : undefined));
        }
        return known({
          ...backward,
          preset,
          values,
          gradient: (other, arriving) =>
            gradients({
              ...backward,
              node: other,
              arriving: (index) => (index === 0 ? arriving : undefined),
              wants: (index) => index === 0,
            })[0] as string,
        });
      };
      const arrived = appendBackward({ graph, emit, of: logits, seed, targets: [image], rule });
      output('relevance', arrived.get(image) as string);
      return {};
    },
  };
}

function noRule(node: Node): SightlineError {
  return new SightlineError('E_OP_UNSUPPORTED', {
    where: describeNode(node),
    what: `no relevance rule for ${node.op}`,
    remedy: 'Gradient methods work where relevance does not: grad-cam, integrated-gradients, smoothgrad.',
  });
}
