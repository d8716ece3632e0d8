import { join } from 'node:path';
import { writeFileAtomic } from '../core/files.js';
import { meanDefined } from '../metrics/inputs.js';
import { compareStrategies, type ComparisonSummary } from '../statistics/compare_strategies.js';
import { ndcg } from '../statistics/ndcg.js';
import { penaltyMatrix, type PenaltyMatrix } from '../statistics/penalty_matrix.js';
import { meanOverlapByRound, overlapByRound, type MeanRoundOverlap } from '../statistics/selection_overlap.js';
import type { StrategyRun } from '../statistics/strategy_run.js';
import { fullySupervised } from './config/types.js';

/** What one strategy under one seed has come to. */
export interface RunOutcome {
  strategy: string;
  seed: number;
  /** Labels, cost and metrics ("test auc") after each round. */
  rounds: { round: number; labelled: number; cost: number; metrics: ReadonlyMap<string, number> }[];
  /** Ids chosen in each round from 1 on; the initial set is no choice. */
  chosen: string[][];
  /** The first ranking, best first: all strategies of a seed make it with the same model and pool. */
  firstRanking: string[];
  /** Samples to choose from before round 1. */
  poolSize: number;
}

/** How alike two strategies choose. */
export interface PairComparison {
  first: string;
  second: string;
  /** Selections in common, by round, mean over seeds (IDEAL Fig. 16). */
  overlap: MeanRoundOverlap[];
}

/** A ranking against the reference's (IDEAL eq. 4–5), of round 1, by seed. */
export interface RankingComparison {
  strategy: string;
  reference: string;
  p: number;
  bySeed: number[];
  mean: number;
  /** What a random order would have. */
  chance: number;
}

/** Runs of one grid side by side. */
export interface GridComparison {
  strategies: string[];
  seeds: number[];
  /** By metric ("test auc"). */
  metrics: Record<string, { summary: ComparisonSummary; penalties: PenaltyMatrix; fullySupervised: number | null }>;
  overlaps: PairComparison[];
  rankings: RankingComparison[];
}

export interface GridComparisonOptions {
  /** Strategy that the others are tested against. Default random, else the first. */
  reference?: string;
  /** Strategy whose ranking the others' are compared with. Default deep-features, else the reference. */
  rankingReference?: string;
  /** Labels that are 100 %. */
  trainingSize: number;
}

/**
 * What the runs of a grid say about their strategies, for every metric of which more is better. Runs of the same seed are paired;
 * the fully supervised ones, where there are any, give the target level and take no part otherwise.
 */
export function compareRuns(outcomes: readonly RunOutcome[], options: GridComparisonOptions): GridComparison {
  const full = outcomes.filter(({ strategy }) => strategy === fullySupervised);
  const runs = outcomes.filter(({ strategy, rounds }) => strategy !== fullySupervised && rounds.length > 0);
  const strategies = [...new Set(runs.map(({ strategy }) => strategy))];
  const reference = options.reference ?? (strategies.includes('random') ? 'random' : strategies[0]);
  const names = [...new Set(runs.flatMap(({ rounds }) => rounds.flatMap(({ metrics }) => [...metrics.keys()])))].sort();
  const metrics: GridComparison['metrics'] = {};
  for (const name of names.filter(isRising)) {
    const level = meanDefined(full.map(({ rounds }) => rounds.at(-1)?.metrics.get(name) ?? NaN));
    const curves = runs.map((run) => curveOf(run, name));
    metrics[name] = {
      summary: compareStrategies(curves, {
        trainingSize: options.trainingSize,
        reference,
        ...(!Number.isNaN(level) && { targetLevel: level }),
      }),
      penalties: penaltyMatrix([{ runs: curves }]),
      fullySupervised: Number.isNaN(level) ? null : level,
    };
  }
  const ranked = options.rankingReference ?? (strategies.includes('deep-features') ? 'deep-features' : reference);
  return {
    strategies,
    seeds: [...new Set(runs.map(({ seed }) => seed))].sort((a, b) => a - b),
    metrics,
    overlaps: overlapsOf(runs, strategies),
    rankings: rankingsOf(runs, strategies, ranked),
  };
}

/** Metrics of which less is better, or that say nothing of a model, have no place in these statistics. */
const isRising = (metric: string): boolean => !/(loss|brier|calibrationError|cost|roiShare)$/i.test(metric);

/** A run's learning curve: rounds that brought no label are one point, the later one. */
export function curveOf({ strategy, seed, rounds }: RunOutcome, metric: string): StrategyRun {
  const points = rounds.filter(({ labelled }, i) => labelled !== rounds[i + 1]?.labelled);
  return {
    ...{ strategy, seed },
    labelled: points.map(({ labelled }) => labelled),
    values: points.map(({ metrics }) => metrics.get(metric) ?? NaN),
  };
}

function overlapsOf(runs: readonly RunOutcome[], strategies: readonly string[]): PairComparison[] {
  return strategies.flatMap((first, i) =>
    strategies.slice(i + 1).map((second) => {
      const pairs = runs
        .filter(({ strategy }) => strategy === first)
        .flatMap((own) => {
          const other = runs.find(({ strategy, seed }) => strategy === second && seed === own.seed);
          return other ? [overlapByRound(own.chosen, other.chosen, own.poolSize)] : [];
        });
      return { first, second, overlap: meanOverlapByRound(pairs) };
    }),
  );
}

function rankingsOf(
  runs: readonly RunOutcome[],
  strategies: readonly string[],
  reference: string,
): RankingComparison[] {
  return strategies
    .filter((strategy) => strategy !== reference)
    .flatMap((strategy) => {
      const values = runs
        .filter((run) => run.strategy === strategy)
        .flatMap((own) => {
          const other = runs.find((run) => run.strategy === reference && run.seed === own.seed);
          const usable = other?.firstRanking.length && own.firstRanking.length;
          return usable ? [ndcg(own.firstRanking, other.firstRanking)] : [];
        });
      if (!values.length) return [];
      const bySeed = values.map(({ value }) => value);
      const chance = meanDefined(values.map((one) => one.chance));
      return [{ strategy, reference, p: values[0].p, bySeed, mean: meanDefined(bySeed), chance }];
    });
}

/** A line of `curves.csv` each. */
const curveColumns = ['strategy', 'seed', 'round', 'labelled', 'cost', 'metric', 'value'] as const;

/** Writes comparison.json and curves.csv (every metric of every round of every run) into `folder`. */
export async function writeComparison(
  folder: string,
  comparison: GridComparison,
  outcomes: readonly RunOutcome[],
): Promise<{ comparison: string; curves: string }> {
  const files = { comparison: join(folder, 'comparison.json'), curves: join(folder, 'curves.csv') };
  const lines = outcomes.flatMap(({ strategy, seed, rounds }) =>
    rounds.flatMap(({ round, labelled, cost, metrics }) =>
      [...metrics].map(([metric, value]) =>
        [quoted(strategy), seed, round, labelled, cost, metric, Number.isNaN(value) ? '' : value].join(),
      ),
    ),
  );
  await writeFileAtomic(files.curves, `${[curveColumns.join(), ...lines].join('\n')}\n`);
  await writeFileAtomic(files.comparison, `${JSON.stringify(comparison, null, 2)}\n`);
  return files;
}

const quoted = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
