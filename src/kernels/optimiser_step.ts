import { defineOp, spec } from '../backend/op.js';
import { expectArgument, SightlineError } from '../core/errors.js';

/** The rules of {@link optimiserStep} as its parameter `rule`. */
export const optimiserRules = { sgd: 0, adam: 1, adamw: 2 } as const;

/**
 * One optimiser step of a whole model: torch.optim.SGD, Adam and AdamW, with float32 state and float64 arithmetic, but for
 * Adam's denominator and quotient and AdamW's product p(1 − αλ), which are float32 as in PyTorch.
 *
 * All tensors lie one behind the other in flat arrays of N elements; tensor s begins at starts[s] (ascending, the first
 * at 0) and ends where the next begins. `rates` and `decays` (≥ 0) multiply learningRate and weightDecay per tensor. A
 * rate of 0 freezes: parameters and state stay, the gradient is not read. steps[s] counts the tensor's own updates, this
 * one included (1 = its first): bias correction and the first momentum follow it, so that tensors may thaw later.
 *
 * With g = clamp(gradient·gradientScale, ±clipValue), λ, α the tensor's decay and rate:
 * - SGD: g += λp; with momentum μ: b = g on the first step, else μb + (1 − dampening)g; g = nesterov ? g + μb : b;
 *   p −= αg. `first` holds b (F = N, or 0 without momentum), `second` nothing (V = 0).
 * - Adam: g += λp; m += (1 − β₁)(g − m); v = β₂v + (1 − β₂)g²; p −= α/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + ε). F = V = N.
 * - AdamW: p ·= 1 − αλ first, and no λp in g.
 *
 * Each element is read before it is written: the outputs may be the inputs' own arrays (`inPlace`), which saves three
 * arrays of the model's size and the pages of fresh ones on every step. NaN and infinity spread as in PyTorch; ask
 * {@link gradientNorm} first to skip such a step.
 */
export const optimiserStep = defineOp({
  name: 'optimiser_step',
  inputs: {
    parameters: spec('f32', 'N'),
    gradients: spec('f32', 'N'),
    first: spec('f32', 'F'),
    second: spec('f32', 'V'),
    starts: spec('u32', 'S'),
    rates: spec('f32', 'S'),
    decays: spec('f32', 'S'),
    steps: spec('u32', 'S'),
  },
  params: {
    rule: 1,
    learningRate: 1e-3,
    weightDecay: 0,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    momentum: 0,
    dampening: 0,
    nesterov: 0,
    gradientScale: 1,
    clipValue: Infinity,
  },
  outputs: {
    newParameters: spec('f32', 'N'),
    newFirst: spec('f32', 'F'),
    newSecond: spec('f32', 'V'),
  },
  inPlace: { newParameters: 'parameters', newFirst: 'first', newSecond: 'second' },

  check({ N, F, V }, params) {
    const { rule, learningRate, weightDecay, beta1, beta2, epsilon, momentum, dampening, nesterov } = params;
    const where = (name: string) => `optimiser_step.${name}`;
    expectArgument([0, 1, 2].includes(rule), where('rule'), '0 (SGD), 1 (Adam) or 2 (AdamW)', rule);
    for (const [name, value] of Object.entries({ learningRate, weightDecay, epsilon, momentum, dampening })) {
      expectArgument(Number.isFinite(value) && value >= 0, where(name), 'a finite number from 0', value);
    }
    expectArgument(beta1 >= 0 && beta1 < 1, where('beta1'), 'a number from 0, below 1', beta1);
    expectArgument(beta2 >= 0 && beta2 < 1, where('beta2'), 'a number from 0, below 1', beta2);
    expectArgument(params.clipValue > 0, where('clipValue'), 'a number above 0', params.clipValue);
    expectArgument(
      Number.isFinite(params.gradientScale),
      where('gradientScale'),
      'a finite number',
      params.gradientScale,
    );
    expectArgument(
      nesterov === 0 || (nesterov === 1 && momentum > 0 && dampening === 0),
      where('nesterov'),
      '0, or 1 with momentum and without dampening',
      nesterov,
    );
    const [first, second] = rule === optimiserRules.sgd ? [momentum > 0 ? N : 0, 0] : [N, N];
    expectArgument(F === first, where('first'), `${first} elements for this rule`, F);
    expectArgument(V === second, where('second'), `${second} elements for this rule`, V);
  },

  reference(inputs, outputs, { N, S }, params) {
    const { parameters, gradients, first, second, starts, rates, decays, steps } = inputs;
    const { rule, beta1, beta2, epsilon, momentum, dampening, nesterov, gradientScale, clipValue } = params;
    checkSegments('optimiser_step', starts, N);
    rates.forEach((rate, s) => {
      const valid = rate >= 0 && decays[s] >= 0 && Number.isFinite(rate) && Number.isFinite(decays[s]);
      expectArgument(valid, `optimiser_step, tensor ${s}`, 'a rate and a decay from 0', [rate, decays[s]]);
      expectArgument(rate === 0 || steps[s] > 0, `optimiser_step.steps, tensor ${s}`, 'a count from 1', steps[s]);
    });
    const tiny = Math.fround(epsilon);
    outputs.newParameters.set(parameters);
    outputs.newFirst.set(first);
    outputs.newSecond.set(second);
    for (let s = 0; s < S; s++) {
      if (rates[s] === 0) continue;
      const rate = params.learningRate * rates[s];
      const decay = params.weightDecay * decays[s];
      const step = rate / (1 - beta1 ** steps[s]);
      const keep = Math.fround(1 - rate * decay);
      const root = Math.fround(1 / Math.sqrt(1 - beta2 ** steps[s]));
      for (let i = starts[s]; i < (starts[s + 1] ?? N); i++) {
        let p = parameters[i];
        let g = gradients[i] * gradientScale;
        g = g > clipValue ? clipValue : g < -clipValue ? -clipValue : g;
        if (rule === optimiserRules.adamw) p = Math.fround(p * keep);
        else if (decay !== 0) g += decay * p;
        if (rule !== optimiserRules.sgd) {
          const m = Math.fround(first[i] + (1 - beta1) * (g - first[i]));
          const v = Math.fround(beta2 * second[i] + (1 - beta2) * g * g);
          outputs.newFirst[i] = m;
          outputs.newSecond[i] = v;
          const denominator = Math.fround(Math.fround(Math.fround(Math.sqrt(v)) * root) + tiny);
          p -= step * Math.fround(m / denominator);
        } else {
          if (momentum > 0) {
            const b = Math.fround(steps[s] === 1 ? g : momentum * first[i] + (1 - dampening) * g);
            outputs.newFirst[i] = b;
            g = nesterov ? g + momentum * b : b;
          }
          p -= rate * g;
        }
        outputs.newParameters[i] = p;
      }
    }
  },

  native: true,
  wgsl: { unavailable: 'the parameters lie in host memory, where the training session takes them from' },
  // Not 0: the step sizes come from pow, whose last bit is the library's own.
  tolerance: { native: { relative: 2.5e-7, absolute: 1e-12 } },
  bytes: ({ N, F, V }) => 4 * (3 * N + 2 * F + 2 * V),
  flops: ({ N, F, V }) => 4 * N + 4 * F + 8 * V,
});

/** Whether segments ascend from 0 and stay within `count` elements. @throws SightlineError E_ARGUMENT */
export function checkSegments(op: string, starts: Uint32Array, count: number): void {
  let least = 0;
  starts.forEach((start, s) => {
    if (s === 0 ? start === 0 && count >= 0 : start >= least && start <= count) least = start;
    else throw new SightlineError('E_ARGUMENT', { where: `${op}.starts`, what: `tensor ${s} begins at ${start}` });
  });
  if (!starts.length && count) {
    throw new SightlineError('E_ARGUMENT', { where: `${op}.starts`, what: `no tensor holds the ${count} elements` });
  }
}
