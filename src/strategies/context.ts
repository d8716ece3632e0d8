import { expectArgument, SightlineError } from '../core/errors.js';
import { defaultContext, type StrategyContext } from './strategy.js';

/** Settings of the strategies as flags and configurations give them; what each means: `StrategyContext`. */
export interface StrategyOptions extends Partial<
  Pick<
    StrategyContext,
    'seed' | 'alpha' | 'combine' | 'uncertainty' | 'radiomicsOf' | 'borda' | 'committee' | 'roiNeighbours'
  >
> {
  /** Exponent of density-entropy, from 0. Default 1. */
  densityBeta?: number;
  /** Diversity step after the strategy. Default none. */
  diversity?: 'k-center' | 'k-means' | 'none';
  /** Candidates for each sample of a diverse batch, from 1. Default 10. */
  diversityFactor?: number;
}

/**
 * The settings that are given, with defaults for the others. `options` may hold anything else besides.
 * @throws SightlineError E_ARGUMENT for numbers outside their range and a factor without a diversity step
 */
export function strategyContext(options: StrategyOptions): StrategyContext {
  const { seed, alpha, combine, uncertainty, radiomicsOf, borda, committee, roiNeighbours } = options;
  const { densityBeta: beta, diversity = 'none', diversityFactor } = options;
  const given = { seed, alpha, combine, uncertainty, radiomicsOf, borda, committee, roiNeighbours, beta };
  const named = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const context: StrategyContext = { ...defaultContext, ...named };
  const { alpha: a, roiNeighbours: k } = context;
  expectArgument(a >= 0 && a <= 1, 'alpha', 'a number from 0 to 1', a);
  expectArgument(Number.isSafeInteger(k) && k >= 1, 'roiNeighbours', 'a whole number from 1', k);
  expectArgument(context.beta >= 0 && context.beta < Infinity, 'densityBeta', 'a number from 0', context.beta);
  const factor = diversityFactor ?? 10;
  expectArgument(factor >= 1 && factor < Infinity, 'diversityFactor', 'a number from 1', factor);
  if (diversity !== 'none') return { ...context, diversity: { method: diversity, factor } };
  if (diversityFactor === undefined) return context;
  throw new SightlineError('E_ARGUMENT', {
    where: 'diversityFactor',
    what: 'there is no diversity step',
    remedy: 'Choose one: k-center or k-means.',
  });
}
