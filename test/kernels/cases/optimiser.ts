import type { Op } from '../../../src/backend/index.js';
import { Rng } from '../../../src/core/rng.js';
import { tensor, type Tensor } from '../../../src/core/tensor.js';
import { gradientNorm } from '../../../src/kernels/gradient_norm.js';
import { optimiserStep } from '../../../src/kernels/optimiser_step.js';
import { f32, normal, view, withNaN, type Case, type Fill, type KernelCases } from './case.js';

type StepParams = Partial<Record<keyof typeof optimiserStep.params, number>>;

interface Segment {
  size: number;
  rate?: number;
  decay?: number;
  step?: number;
}

const u32 = (values: number[]) => tensor('u32', [values.length], Uint32Array.from(values));
const floats = (values: number[]) => tensor('f32', [values.length], Float32Array.from(values));

function segmentsOf(segments: Segment[]) {
  let end = 0;
  return {
    starts: u32(segments.map(({ size }) => (end += size) - size)),
    rates: floats(segments.map(({ rate }) => rate ?? 1)),
    decays: floats(segments.map(({ decay }) => decay ?? 1)),
    steps: u32(segments.map(({ step }) => step ?? 3)),
  };
}

function stepCase(name: string, params: StepParams, segments: Segment[], gradient: Fill = normal, seed = 1): Case {
  const N = segments.reduce((sum, { size }) => sum + size, 0);
  const adam = (params.rule ?? 1) !== 0;
  const square: Fill = (rng) => rng.normal() ** 2;
  const inputs = {
    parameters: f32([N], normal, seed),
    gradients: f32([N], gradient, seed + 1),
    first: f32([adam || params.momentum ? N : 0], normal, seed + 2),
    second: f32([adam ? N : 0], square, seed + 3),
    ...segmentsOf(segments),
  };
  return { name, inputs, params: { learningRate: 0.01, ...params } };
}

const several: Segment[] = [
  { size: 33, step: 1 },
  { size: 0 },
  { size: 7, rate: 0 },
  { size: 1, decay: 0, step: 100000 },
  { size: 65, rate: 0.1, step: 12 },
];
const rules: [string, StepParams][] = [
  ['SGD', { rule: 0 }],
  ['SGD, decay', { rule: 0, weightDecay: 0.1 }],
  ['momentum', { rule: 0, momentum: 0.9, weightDecay: 0.1 }],
  ['momentum, dampening', { rule: 0, momentum: 0.9, dampening: 0.3 }],
  ['Nesterov', { rule: 0, momentum: 0.9, nesterov: 1, weightDecay: 0.01 }],
  ['Adam', { rule: 1 }],
  ['Adam, decay, β₁ = 0.93', { rule: 1, weightDecay: 0.1, beta1: 0.93 }],
  ['AdamW', { rule: 2, weightDecay: 0.1 }],
  ['Adam, β₁ = β₂ = 0', { rule: 1, beta1: 0, beta2: 0 }],
];
const spoilt: Fill = (rng, i) => (i === 2 ? NaN : i === 5 ? Infinity : i === 40 ? -Infinity : rng.normal());

function withViews(c: Case): Case {
  const names = ['parameters', 'gradients', 'first', 'second'];
  const views = names.map((name, i) => [name, view(c.inputs[name] as Tensor<'f32'>, i + 1)] as const);
  return { ...c, name: `${c.name}, unaligned`, inputs: { ...c.inputs, ...Object.fromEntries(views) } };
}

export const optimiserStepCases: KernelCases = {
  op: optimiserStep as unknown as Op,
  fixed: [
    ...rules.map(([name, params]) => stepCase(name, params, several)),
    ...rules.map(([name, params]) => stepCase(`${name}, NaN and infinite gradients`, params, several, spoilt)),
    stepCase('clipped by value, scaled', { clipValue: 0.4, gradientScale: -0.5 }, several),
    stepCase('clipped by value, NaN and infinite', { clipValue: 0.4, rule: 0 }, several, spoilt),
    stepCase('learning rate 0', { learningRate: 0, weightDecay: 1 }, several),
    stepCase('all frozen', {}, [{ size: 9, rate: 0, step: 0 }]),
    stepCase('no gradient', { epsilon: 1e-8 }, several, () => 0),
    stepCase('huge and tiny gradients', {}, [{ size: 300 }], (rng) => rng.normal() * 10 ** (rng.int(70) - 40)),
    stepCase('one element', { rule: 2 }, [{ size: 1, step: 1 }]),
    stepCase('no tensor', {}, []),
    withViews(stepCase('AdamW', { rule: 2, weightDecay: 0.1 }, several)),
  ],
  random(seed) {
    const rng = new Rng(seed, 'optimiser');
    const segments = Array.from({ length: 1 + rng.int(6) }, () => ({
      size: rng.int(90),
      rate: rng.int(4) && rng.uniform(),
      decay: rng.int(3) && rng.uniform(),
      step: 1 + rng.int(4) * rng.int(500),
    }));
    const momentum = rng.int(2) && rng.uniform();
    const params = {
      rule: rng.int(3),
      weightDecay: rng.int(2) * 0.05,
      momentum,
      nesterov: momentum > 0 ? rng.int(2) : 0,
      gradientScale: rng.uniform(),
      clipValue: rng.int(2) ? Infinity : rng.uniform() + 1e-3,
      beta1: rng.uniform() * 0.99,
      beta2: rng.uniform() * 0.999,
    };
    return stepCase(`random ${seed}`, params, segments, normal, seed);
  },
  bench: () =>
    stepCase('a million parameters, AdamW', { rule: 2, weightDecay: 0.01 }, [{ size: 999_995 }, { size: 5 }]),
};

function normCase(name: string, segments: Segment[], fill: Fill, seed = 1): Case {
  const N = segments.reduce((sum, { size }) => sum + size, 0);
  const { starts, rates } = segmentsOf(segments);
  return { name, inputs: { gradients: f32([N], fill, seed), starts, rates } };
}

export const gradientNormCases: KernelCases = {
  op: gradientNorm as unknown as Op,
  fixed: [
    normCase('several tensors', several, normal),
    normCase('NaN and infinity, one of them frozen', several, spoilt),
    normCase('several blocks', [{ size: 16384 }, { size: 16385 }, { size: 40000 }, { size: 3 }], normal),
    normCase('the largest floats', [{ size: 50 }], () => 3.4e38),
    normCase('NaN in the last element', [{ size: 20000 }], withNaN(19999)),
    normCase('no tensor', [], normal),
    normCase('empty tensor', [{ size: 0 }], normal),
  ],
  random(seed) {
    const rng = new Rng(seed, 'norm');
    const segments = Array.from({ length: 1 + rng.int(6) }, () => ({ size: rng.int(300), rate: rng.int(4) }));
    return normCase(`random ${seed}`, segments, rng.int(4) ? normal : withNaN(rng.int(400)), seed);
  },
  bench: () => normCase('a million gradients', [{ size: 999_995 }, { size: 5 }], normal),
};

/** C++ only: parameters, gradients and state lie in host memory. */
export const optimiserCases: KernelCases[] = [optimiserStepCases, gradientNormCases];
