import { SightlineError } from '../core/errors.js';
import type { LearningCurve } from './learning_curve.js';

/** The learning curve of one strategy under one seed. Runs of several strategies with the same seed are paired. */
export interface StrategyRun extends LearningCurve {
  strategy: string;
  seed: number | string;
}

/**
 * Runs by strategy, in order of first appearance, then by seed.
 * @throws SightlineError E_ARGUMENT where a strategy has a seed twice
 */
export function runsByStrategy(runs: readonly StrategyRun[]): Map<string, Map<number | string, StrategyRun>> {
  const grouped = new Map<string, Map<number | string, StrategyRun>>();
  for (const run of runs) {
    const ofStrategy = grouped.get(run.strategy) ?? new Map<number | string, StrategyRun>();
    grouped.set(run.strategy, ofStrategy);
    if (ofStrategy.has(run.seed)) {
      throw new SightlineError('E_ARGUMENT', {
        where: `runs of "${run.strategy}"`,
        what: `seed ${run.seed} occurs twice`,
        remedy: 'Seeds pair the runs of strategies: give each run of a strategy a seed of its own.',
      });
    }
    ofStrategy.set(run.seed, run);
  }
  return grouped;
}
