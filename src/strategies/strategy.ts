import type { Backend } from '../backend/index.js';
import type { Criteria, Criterion } from '../core/criteria.js';
import type { Tensor } from '../core/tensor.js';
import type { Activation } from '../features/uncertainty.js';
import type { DiversityOptions } from '../selection/diversity.js';
import type { BordaTerm } from './borda_count.js';
import type { LoopColumn } from './loop_columns.js';

/** The scored pool, column by column; all columns have one length, N. A number that does not exist is NaN. */
export interface ScoredPool {
  readonly ids: readonly string[];
  readonly columns: Readonly<Criteria<Float64Array>>;
  /** By name: radiomics features ("saliency_glcm_Idn") and loop columns, where the strategy asked for them. */
  readonly features: ReadonlyMap<string, Float64Array>;
  /** Predicted class of each sample; of a single sigmoid output 0 or 1. */
  readonly predicted: Int32Array;
  /** f64[N,K], and how they follow from the logits. */
  readonly probabilities: Tensor<'f64'>;
  readonly activation: Activation;
  /** Features before the last layer: f32[N,D], where the strategy asked for them. */
  readonly embeddings?: Tensor<'f32'>;
  /** Those of the samples that have labels: f32[L,D]. Left out where there are none. */
  readonly labelled?: Tensor<'f32'>;
}

/** Vectors of a scored pool that are computed where they are asked for. */
export type PoolVectors = 'embeddings' | 'labelled';

/** Settings that strategies read; every one has a default in `defaultContext`. */
export interface StrategyContext {
  /** Seed of every random draw. */
  seed: number;
  /** Largest possible entropy of the model's head, in nats (ln K; ln 2 for multi-label). */
  maximumEntropy: number;
  /** XAL: weight of uncertainty against misalignment, in [0, 1]. */
  alpha: number;
  /** XAL: how the two criteria are combined. */
  combine: 'sum' | 'product' | 'rank-sum';
  /** XAL: which uncertainty. */
  uncertainty: 'entropy' | 'margin';
  /** Radiomics strategies and kurtosis: of the saliency maps, or (IDEAL's ablation) of the images themselves. */
  radiomicsOf: 'saliency' | 'image';
  /** borda: the features and their directions. */
  borda: readonly BordaTerm[];
  /** density-entropy: exponent of the mean similarity to the pool, from 0 (no weight). */
  beta: number;
  /** committee: how disagreement is measured. */
  committee: 'vote-entropy' | 'consensus-entropy' | 'divergence';
  /** xal-roi-control: of how many samples with the most similar region one is drawn, from 1. */
  roiNeighbours: number;
  /** Diversity step after the strategy: a batch of n from the top `factor` · n of its ranking. */
  diversity: Pick<DiversityOptions, 'method' | 'factor'> | null;
}

export const defaultContext: StrategyContext = {
  seed: 0,
  maximumEntropy: Math.LN2,
  alpha: 0.5,
  combine: 'sum',
  uncertainty: 'entropy',
  radiomicsOf: 'saliency',
  borda: [],
  beta: 1,
  committee: 'vote-entropy',
  roiNeighbours: 5,
  diversity: null,
};

interface AcquisitionFunction {
  readonly name: string;
  /** One line for --help. */
  readonly summary: string;
  /** Criteria without which it cannot score. The engine computes the union of what is asked for. */
  readonly needs: readonly Criterion[];
  /** Criteria it uses where they exist. */
  readonly uses?: readonly Criterion[];
  /** It ranks by ids alone: no model has to look at the samples. */
  readonly blind?: boolean;
  /** Vectors that it reads. */
  readonly vectors?: readonly PoolVectors[];
  /** Columns that it reads from the pool's features and that only a run of the loop can compute. */
  readonly columns?: readonly LoopColumn[];
  /** Full names of the radiomics features that it ranks by. @throws SightlineError E_ARGUMENT */
  features?(context: StrategyContext): readonly string[];
}

/** Ranks sample by sample. */
export interface ScoringStrategy extends AcquisitionFunction {
  /** A score per sample: higher = label first, NaN = none (last). Pure: equal arguments give equal scores. */
  score(pool: ScoredPool, context: StrategyContext): Float64Array;
  readonly choose?: undefined;
}

/** Chooses a batch, whose samples depend on each other. */
export interface ChoosingStrategy extends AcquisitionFunction {
  /**
   * Rows of the pool in the order of choice: `count`, or as many as can be chosen. Equal arguments give equal rows, and
   * the order of the pool does not matter.
   */
  choose(pool: ScoredPool, context: StrategyContext, batch: { backend: Backend; count: number }): Promise<Uint32Array>;
  readonly score?: undefined;
}

/** One acquisition function. */
export type Strategy = ScoringStrategy | ChoosingStrategy;
