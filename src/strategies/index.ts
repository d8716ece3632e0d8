import { SightlineError } from '../core/errors.js';
import { badge } from './badge.js';
import { bald } from './bald.js';
import { borda } from './borda.js';
import { committee } from './committee.js';
import { coreSet } from './core_set.js';
import { deepFeatures } from './deep_features.js';
import { densityEntropy } from './density_entropy.js';
import { entropy } from './entropy.js';
import { kurtosis } from './kurtosis.js';
import { leastConfidence } from './least_confidence.js';
import { margin } from './margin.js';
import { mcDropout } from './mc_dropout.js';
import { pyradFirstorder } from './pyrad_firstorder.js';
import { pyradGlcm } from './pyrad_glcm.js';
import { pyradShape2d } from './pyrad_shape2d.js';
import { random } from './random.js';
import { randomRoi } from './random_roi.js';
import { randomStratified } from './random_stratified.js';
import { roiArea } from './roi_area.js';
import type { Strategy } from './strategy.js';
import { typiclust } from './typiclust.js';
import { xal } from './xal.js';
import { xalRoiControl } from './xal_roi_control.js';

export { strategyContext, type StrategyOptions } from './context.js';
export { defaultContext } from './strategy.js';
export { parseBorda, type BordaTerm } from './borda_count.js';
export { loopColumns, requireOnePass, type LoopColumn } from './loop_columns.js';
export { rankPool, requireReversible, vectorsOf, type PoolRanking, type RankingOptions } from './rank_pool.js';
export type {
  ChoosingStrategy,
  PoolVectors,
  ScoredPool,
  ScoringStrategy,
  Strategy,
  StrategyContext,
} from './strategy.js';

/** Every strategy by what it looks at, in the order in which --help lists them. */
export const strategyGroups: readonly (readonly [what: string, members: readonly Strategy[]])[] = [
  ['attention (saliency maps)', [xal, kurtosis, pyradFirstorder, pyradGlcm, pyradShape2d, borda, deepFeatures]],
  ['uncertainty', [entropy, leastConfidence, margin, mcDropout, bald, committee, densityEntropy]],
  ['diversity', [coreSet, badge, typiclust]],
  ['baselines', [random, randomStratified, randomRoi, roiArea, xalRoiControl]],
];

/** Every strategy by name. */
export const strategies: ReadonlyMap<string, Strategy> = new Map(
  strategyGroups.flatMap(([, members]) => members).map((strategy) => [strategy.name, strategy]),
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
