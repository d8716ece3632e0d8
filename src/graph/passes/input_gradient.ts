import { appendGradients } from '../gradient.js';
import type { GradientRule } from '../ops/rules.js';
import type { GraphPass } from './pass.js';

/** Output `input_gradient` f32[B,C,H,W]: the derivative of each sample's chosen logit with respect to its image. */
export function inputGradient(): GraphPass {
  return throughImage('input-gradient', 'input_gradient', {});
}

/**
 * Output `guided_gradient` f32[B,C,H,W]: guided backpropagation (Springenberg et al., ICLR 2015 workshop): as the
 * gradient, but a ReLU also stops what is negative on its way back.
 */
export function guidedGradient(): GraphPass {
  return throughImage('guided-gradient', 'guided_gradient', { Relu: guidedRelu });
}

const guidedRelu: GradientRule = ({ emit, node, arriving }) => {
  const g = arriving(0);
  if (!g) return [undefined];
  const [x] = node.inputs;
  return [emit.mul(emit.op('Relu', [g]), emit.mask('Greater', x, emit.scalar(x, 0)))];
};

function throughImage(name: string, result: string, overrides: Readonly<Record<string, GradientRule>>): GraphPass {
  return {
    name,
    outputs: [result],
    append({ graph, emit, image, logits, classSeed, output }) {
      output(result, appendGradients(graph, emit, logits, classSeed(), [image], overrides).get(image) as string);
      return {};
    },
  };
}
