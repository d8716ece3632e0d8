/** How relevance is divided among the inputs of a linear layer (convolution, dense layer) with weights W and bias b. */
export type LinearRule =
  /** In proportion to x·W, stabilised (Bach et al., 2015, eq. 58). */
  | { kind: 'epsilon'; bias: 'full' | 'none' }
  /**
   * α times in proportion to the positive products, −β times to the negative ones; α − β = 1 (Bach et al., eq. 60).
   * αβ(1,0) on a non-negative input is Deep Taylor's z⁺ rule (Montavon et al., 2017).
   */
  | { kind: 'alpha-beta'; alpha: number; beta: number; bias: 'full' | 'signed' | 'none' }
  /** z^B for inputs within known bounds (Montavon et al., 2017); αβ(1,0) where none are known. */
  | { kind: 'z-box' }
  /** In proportion to W², whatever the input (Montavon et al., 2017). */
  | { kind: 'w-square' }
  /** Evenly over the receptive field. */
  | { kind: 'flat' };

/** A set of rules for every kind of layer. */
export interface RelevancePreset {
  readonly name: string;
  /** One line for --help. */
  readonly summary: string;
  /** What is explained: the logit's value, or zero where that is negative. */
  readonly seed: 'value' | 'positive';
  readonly convolution: LinearRule;
  readonly dense: LinearRule;
  /** The first linear layer; default: as the others. */
  readonly input?: LinearRule;
  /**
   * 'fold': into the neighbouring linear layer, where that is exact; what is left passes relevance on unchanged, and
   * with `rooted` the layers behind it take contributions relative to its shift, as if it were folded into them.
   */
  readonly batchNorm: 'fold' | 'pass' | 'gradient' | 'epsilon';
  readonly rooted?: boolean;
  /** Sums: in proportion to the terms; to those with the sign of the whole alone; or all of it to every term. */
  readonly add: 'proportional' | 'same-sign' | 'copy';
  /** Means: as sums, or evenly. */
  readonly averagePool: 'proportional' | 'same-sign' | 'gradient';
  /** 'gradient': none where the ReLU gave zero. It matters where Add or pooling hand relevance to zeros. */
  readonly relu: 'pass' | 'gradient';
  /** Keeps denominators from zero: z + ε·sign(z), with sign(0) = 1; or ε in place of an exact zero. */
  readonly stabiliser: { readonly kind: 'sign' | 'zero'; readonly epsilon: number };
}

const zPlus: LinearRule = { kind: 'alpha-beta', alpha: 1, beta: 0, bias: 'none' };
const epsilon: LinearRule = { kind: 'epsilon', bias: 'full' };
const zennit = { kind: 'sign', epsilon: 1e-6 } as const;
const innvestigate = { kind: 'zero', epsilon: 1e-7 } as const;

const innvestigate2: RelevancePreset = {
  name: 'innvestigate-2',
  summary: 'Deep Taylor as iNNvestigate 2.x: no bias, batch norm by its gradient, Add copies',
  seed: 'positive',
  convolution: zPlus,
  dense: zPlus,
  batchNorm: 'gradient',
  add: 'copy',
  averagePool: 'gradient',
  relu: 'gradient',
  stabiliser: innvestigate,
};

const zennitEpsilonPlus: RelevancePreset = {
  name: 'zennit-epsilon-plus',
  summary: 'LRP: z⁺ for convolutions, ε for dense layers, as zennit’s EpsilonPlus',
  seed: 'value',
  convolution: { kind: 'alpha-beta', alpha: 1, beta: 0, bias: 'signed' },
  dense: epsilon,
  batchNorm: 'fold',
  add: 'proportional',
  averagePool: 'proportional',
  relu: 'pass',
  stabiliser: zennit,
};

const lrpEpsilon: RelevancePreset = {
  ...zennitEpsilonPlus,
  name: 'lrp-epsilon',
  summary: 'LRP-ε for every layer, ε = 1e-6',
  convolution: epsilon,
};

/** Every preset; the first is the default. Defaults of Deep Taylor: the definitions in docs/explanations.md. */
export const relevancePresets: readonly RelevancePreset[] = [
  {
    name: 'deep-taylor',
    summary: 'Deep Taylor decomposition: conserves the logit, z^B at the pixels',
    seed: 'positive',
    convolution: zPlus,
    dense: zPlus,
    input: { kind: 'z-box' },
    batchNorm: 'fold',
    rooted: true,
    // z⁺ again: terms of either sign that cancel would blow each other's relevance up.
    add: 'same-sign',
    averagePool: 'same-sign',
    relu: 'pass',
    stabiliser: { kind: 'zero', epsilon: 1e-12 },
  },
  lrpEpsilon,
  {
    ...lrpEpsilon,
    name: 'lrp-alpha2-beta1',
    summary: 'LRP-αβ for every layer, α = 2, β = 1',
    convolution: { kind: 'alpha-beta', alpha: 2, beta: 1, bias: 'signed' },
    dense: { kind: 'alpha-beta', alpha: 2, beta: 1, bias: 'signed' },
  },
  zennitEpsilonPlus,
  {
    ...zennitEpsilonPlus,
    name: 'zennit-epsilon-plus-flat',
    summary: 'as zennit’s EpsilonPlusFlat: evenly at the first layer',
    input: { kind: 'flat' },
  },
  {
    ...zennitEpsilonPlus,
    name: 'zennit-epsilon-alpha2-beta1',
    summary: 'as zennit’s EpsilonAlpha2Beta1',
    convolution: { kind: 'alpha-beta', alpha: 2, beta: 1, bias: 'signed' },
  },
  {
    ...innvestigate2,
    name: 'innvestigate-1.0.8',
    summary: 'Deep Taylor as iNNvestigate 1.0.8: bias in the denominator, batch norm passes',
    convolution: { kind: 'alpha-beta', alpha: 1, beta: 0, bias: 'full' },
    dense: { kind: 'alpha-beta', alpha: 1, beta: 0, bias: 'full' },
    batchNorm: 'pass',
  },
  {
    ...innvestigate2,
    name: 'innvestigate-1',
    summary: 'Deep Taylor as iNNvestigate 1.0.9: no bias, batch norm passes',
    batchNorm: 'pass',
  },
  innvestigate2,
  {
    ...innvestigate2,
    name: 'innvestigate-2-bounded',
    summary: 'as innvestigate-2, z^B at the pixels (deep_taylor.bounded)',
    input: { kind: 'z-box' },
  },
  {
    ...lrpEpsilon,
    name: 'captum',
    summary: 'LRP-ε as Captum’s default, ε = 1e-9: unstable, for comparison',
    batchNorm: 'epsilon',
    add: 'copy',
    stabiliser: { kind: 'sign', epsilon: 1e-9 },
  },
];
