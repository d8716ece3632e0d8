import { expectArgument } from '../core/errors.js';
import type { Values } from '../metrics/inputs.js';
import { curvePoints, valuesAt } from './learning_curve.js';
import { pairedTTest } from './paired_t_test.js';
import { runsByStrategy, type StrategyRun } from './strategy_run.js';

/** Runs that can be compared with each other: one data set, network and batch size. */
export interface Experiment {
  runs: readonly StrategyRun[];
  /** Numbers of labels at which strategies are compared; default: the points that all runs have in common. */
  checkpoints?: Values;
}

/** Who beats whom, over experiments. */
export interface PenaltyMatrix {
  strategies: string[];
  /**
   * wins[i][j]: by how much strategy i beats strategy j, from 0 to the number of experiments; NaN where no experiment has
   * two paired runs of both.
   */
  wins: number[][];
  /** How much each strategy is beaten: mean over the others of wins[other][strategy]; lower is better. */
  penalties: number[];
}

/**
 * The pairwise penalty matrix of Ash et al. (BADGE, ICLR 2020): in each experiment of C checkpoints, i gains 1/C over j at each
 * checkpoint where i is better by a two-sided paired t-test over the seeds that both have (5 seeds: t > 2.776). Nobody wins a
 * checkpoint that a run does not cover, nor one where both are equal in every seed. Not corrected for the number of tests: of
 * two equal strategies each still wins (1 − confidence)/2 of the checkpoints.
 * @param confidence of the tests, default 0.95
 * @throws SightlineError E_ARGUMENT for a confidence outside (0, 1) or a seed twice
 */
export function penaltyMatrix(experiments: readonly Experiment[], confidence = 0.95): PenaltyMatrix {
  expectArgument(confidence > 0 && confidence < 1, 'confidence', 'a number between 0 and 1', confidence);
  const strategies = [...new Set(experiments.flatMap(({ runs }) => runs.map(({ strategy }) => strategy)))];
  const wins = strategies.map((_, i) => strategies.map((_, j) => (i === j ? 0 : NaN)));
  for (const experiment of experiments) {
    const checkpoints = Array.from(experiment.checkpoints ?? commonPoints(experiment.runs));
    const values = valuesBySeed(experiment.runs, checkpoints);
    for (const [i, first] of strategies.entries()) {
      for (const [j, second] of strategies.entries()) {
        const pairs = [...(values.get(first) ?? [])].flatMap(([seed, own]) => {
          const other = values.get(second)?.get(seed);
          return other ? [{ own, other }] : [];
        });
        if (i === j || pairs.length < 2 || checkpoints.length === 0) continue;
        const won = checkpoints.filter((_, k) => {
          const [own, other] = [pairs.map((pair) => pair.own[k]), pairs.map((pair) => pair.other[k])];
          const { t, pValue } = pairedTTest(own, other);
          return t > 0 && pValue < 1 - confidence;
        });
        wins[i][j] = (Number.isNaN(wins[i][j]) ? 0 : wins[i][j]) + won.length / checkpoints.length;
      }
    }
  }
  const penalties = strategies.map((_, j) => {
    const others = wins.filter((_, i) => i !== j).map((row) => row[j]);
    const defined = others.filter((value) => !Number.isNaN(value));
    return defined.reduce((sum, value) => sum + value, 0) / defined.length;
  });
  return { strategies, wins, penalties };
}

/** Strategy → seed → the metric at each checkpoint. */
function valuesBySeed(
  runs: readonly StrategyRun[],
  checkpoints: readonly number[],
): Map<string, Map<number | string, Float64Array>> {
  const bySeed = [...runsByStrategy(runs)].map(([strategy, ofStrategy]) => {
    const values = [...ofStrategy].map(([seed, run]) => [seed, valuesAt(run, checkpoints)] as const);
    return [strategy, new Map(values)] as const;
  });
  return new Map(bySeed);
}

function commonPoints(runs: readonly StrategyRun[]): number[] {
  const [first, ...others] = runs.map((run) => new Set(curvePoints(run).labelled));
  return first ? [...first].filter((x) => others.every((points) => points.has(x))) : [];
}
