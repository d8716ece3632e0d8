import { expectArgument } from '../core/errors.js';
import { withDefaults } from '../core/options.js';
import { optimiserRules, optimiserStep } from '../kernels/optimiser_step.js';
import { checkSchedule, type Schedule } from './schedules.js';

/**
 * Settings of an {@link Optimiser}, as torch.optim's. Patterns are tensor names in which `*` stands for any characters
 * (`backbone.*`, `*.bias`); each must match at least one tensor.
 */
export interface OptimiserOptions {
  rule: keyof typeof optimiserRules;
  /** A number: constant. */
  learningRate: number | Schedule;
  /** L2 (SGD, Adam) or decoupled (AdamW). */
  weightDecay: number;
  /** Adam and AdamW; IDEAL trains with 0.93. */
  beta1: number;
  beta2: number;
  epsilon: number;
  /** SGD. */
  momentum: number;
  dampening: number;
  nesterov: boolean;
  /** Tensors that stay as they are: no gradient is needed, no state changes. */
  frozen: readonly string[];
  /** Tensors without weight decay: biases, batch norm. */
  noDecay: readonly string[];
  /** Factors of the learning rate; where several match, the last one counts. */
  rateFactors: readonly { readonly pattern: string; readonly factor: number }[];
  /** Largest L2 norm of all gradients together: larger ones are scaled down to it; 0 clips nothing. */
  clipNorm: number;
  /** Largest absolute value of a gradient's element, after clipNorm; 0 clips nothing. */
  clipValue: number;
}

export const defaultOptimiser: OptimiserOptions = {
  rule: 'adam',
  learningRate: 1e-3,
  weightDecay: 0,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  momentum: 0,
  dampening: 0,
  nesterov: false,
  frozen: [],
  noDecay: [],
  rateFactors: [],
  clipNorm: 0,
  clipValue: 0,
};

/** Given options and the defaults of the others. @throws SightlineError E_ARGUMENT */
export function completeOptions(given: Partial<OptimiserOptions>): OptimiserOptions {
  const options = withDefaults<OptimiserOptions>(given, defaultOptimiser, 'optimiser options');
  expectArgument(options.rule in optimiserRules, 'rule', Object.keys(optimiserRules).join(', '), options.rule);
  expectArgument(typeof options.nesterov === 'boolean', 'nesterov', 'true or false', options.nesterov);
  for (const name of ['clipNorm', 'clipValue'] as const) {
    const value = options[name];
    expectArgument(Number.isFinite(value) && value >= 0, name, 'a finite number from 0', value);
  }
  for (const { factor } of options.rateFactors) {
    expectArgument(Number.isFinite(factor) && factor > 0, 'rateFactors', 'factors above 0', factor);
  }
  checkSchedule(scheduleOf(options));
  const { F, V } = stateSizes(options, 1);
  optimiserStep.check!({ N: 1, F, V }, { ...optimiserStep.params, ...kernelParams(options) });
  return options;
}

export function scheduleOf({ learningRate }: OptimiserOptions): Schedule {
  return typeof learningRate === 'number' ? { kind: 'constant', rate: learningRate } : learningRate;
}

/** The options that are parameters of `optimiser_step`. */
export function kernelParams(options: OptimiserOptions) {
  const { weightDecay, beta1, beta2, epsilon, momentum, dampening, nesterov, clipValue } = options;
  return {
    rule: optimiserRules[options.rule],
    ...{ weightDecay, beta1, beta2, epsilon, momentum, dampening },
    nesterov: Number(nesterov),
    clipValue: clipValue || Infinity,
  };
}

/** Elements of the two states for `count` parameters. */
export function stateSizes({ rule, momentum }: OptimiserOptions, count: number): { F: number; V: number } {
  return rule === 'sgd' ? { F: momentum > 0 ? count : 0, V: 0 } : { F: count, V: count };
}

/** Factors of learning rate (0: frozen) and decay of each tensor. @throws SightlineError E_ARGUMENT */
export function factorsOf(options: OptimiserOptions, names: readonly string[]) {
  const rates = new Float32Array(names.length).fill(1);
  const decays = new Float32Array(names.length).fill(1);
  for (const { pattern, factor } of options.rateFactors) for (const s of matches(pattern, names)) rates[s] = factor;
  for (const pattern of options.noDecay) for (const s of matches(pattern, names)) decays[s] = 0;
  for (const pattern of options.frozen) for (const s of matches(pattern, names)) rates[s] = 0;
  return { rates, decays };
}

function matches(pattern: string, names: readonly string[]): number[] {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const expression = new RegExp(`^${parts.join('[^]*')}$`);
  const found = [...names.keys()].filter((s) => expression.test(names[s]));
  const some = `a pattern that matches one of the ${names.length} tensors (${names.slice(0, 5).join(', ')} …)`;
  expectArgument(found.length > 0, 'tensor pattern', some, pattern);
  return found;
}
