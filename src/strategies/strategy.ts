import type { BordaTerm } from './borda_count.js';
import type { Criteria, Criterion } from '../core/criteria.js';

/** The scored pool, column by column; all columns have one length. */
export interface ScoredPool {
  readonly ids: readonly string[];
  readonly columns: Readonly<Criteria<Float64Array>>;
  /** Radiomics features by full name ("saliency_glcm_Idn"), where the strategy asked for them. */
  readonly features: ReadonlyMap<string, Float64Array>;
}

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
  /** Radiomics strategies: of the saliency maps, or (IDEAL's ablation) of the images themselves. */
  radiomicsOf: 'saliency' | 'image';
  /** borda: the features and their directions. */
  borda: readonly BordaTerm[];
}

export const defaultContext: StrategyContext = {
  seed: 0,
  maximumEntropy: Math.LN2,
  alpha: 0.5,
  combine: 'sum',
  uncertainty: 'entropy',
  radiomicsOf: 'saliency',
  borda: [],
};

/** One acquisition function. */
export interface Strategy {
  readonly name: string;
  /** One line for --help. */
  readonly summary: string;
  /** Criteria without which it cannot score. The engine computes the union of what is asked for. */
  readonly needs: readonly Criterion[];
  /** Criteria it uses where they exist. */
  readonly uses?: readonly Criterion[];
  /** Full names of the radiomics features that it ranks by. @throws SightlineError E_ARGUMENT */
  features?(context: StrategyContext): readonly string[];
  /** A score per sample: higher = label first. Pure: equal arguments give equal scores. */
  score(pool: ScoredPool, context: StrategyContext): Float64Array;
}
