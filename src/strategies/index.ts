import { SightlineError } from '../core/errors.js';
import { bald } from './bald.js';
import { borda } from './borda.js';
import { entropy } from './entropy.js';
import { kurtosis } from './kurtosis.js';
import { leastConfidence } from './least_confidence.js';
import { margin } from './margin.js';
import { mcDropout } from './mc_dropout.js';
import { pyradFirstorder } from './pyrad_firstorder.js';
import { pyradGlcm } from './pyrad_glcm.js';
import { pyradShape2d } from './pyrad_shape2d.js';
import { random } from './random.js';
import type { Strategy } from './strategy.js';
import { xal } from './xal.js';

export { defaultContext } from './strategy.js';
export { parseBorda, type BordaTerm } from './borda_count.js';
export type { ScoredPool, Strategy, StrategyContext } from './strategy.js';

/** Every strategy by name, in the order in which --help lists them. */
export const strategies: ReadonlyMap<string, Strategy> = new Map(
  [
    random,
    entropy,
    leastConfidence,
    margin,
    mcDropout,
    bald,
    kurtosis,
    pyradFirstorder,
    pyradGlcm,
    pyradShape2d,
    borda,
    xal,
  ].map((strategy) => [strategy.name, strategy]),
);

/** @throws SightlineError E_ARGUMENT naming the known strategies. */
export function findStrategy(name: string): Strategy {
  const strategy = strategies.get(name);
  if (!strategy) {
    throw new SightlineError('E_ARGUMENT', {
      where: 'strategy',
      what: `unknown strategy "${name}"`,
      remedy: `Choose one of: ${[...strategies.keys()].join(', ')}.`,
    });
  }
  return strategy;
}
