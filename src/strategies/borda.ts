import { SightlineError } from '../core/errors.js';
import { fullName } from '../features/radiomics/features.js';
import { bordaCount, type BordaTerm } from './borda_count.js';
import type { ScoringStrategy, StrategyContext } from './strategy.js';

/** A strategy that ranks by the Borda count of radiomics features; without `terms` the user gives them. */
export function bordaStrategy(name: string, summary: string, terms?: readonly BordaTerm[]): ScoringStrategy {
  const resolved = (context: StrategyContext) =>
    (terms ?? givenTerms(context)).map(({ feature, first }) => ({
      feature: fullName(feature, context.radiomicsOf === 'image' ? 'original' : 'saliency'),
      first,
    }));
  return {
    name,
    summary,
    needs: [],
    features: (context) => resolved(context).map(({ feature }) => feature),
    score: (pool, context) => bordaCount(pool, resolved(context)),
  };
}

/** Borda count over the features that the user lists. */
export const borda = bordaStrategy('borda', 'Borda count of the radiomics features given by --borda');

function givenTerms({ borda: terms }: StrategyContext): readonly BordaTerm[] {
  if (terms.length) return terms;
  throw new SightlineError('E_ARGUMENT', {
    where: 'strategy borda',
    what: 'no features were given',
    remedy:
      'List them with their direction: --borda firstorder_Kurtosis+,glcm_SumEntropy- (+ high values first, - low ones).',
  });
}
