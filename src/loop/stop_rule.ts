import type { BatchConfig, OracleConfig, StopConfig } from './config/types.js';
import { batchSize } from './schedule.js';

/** What a finished round has come to. */
export interface RoundOutcome {
  /** 0: the initial set. */
  round: number;
  /** Labels so far, this round's included. */
  labels: number;
  /** What they have cost so far. */
  cost: number;
  /** Samples without a label that can still be asked for. */
  poolLeft: number;
  /** null or NaN: not defined. */
  metrics: Partial<Record<'validation' | 'test', { auc?: number | null; dice?: number | null }>>;
}

export interface StopReason {
  kind: 'pool' | 'labels' | 'rounds' | 'cost' | 'auc' | 'dice';
  /** For people. */
  text: string;
}

/** Rules of when to stop and how much to ask for. */
export interface BudgetRules {
  stop: StopConfig;
  batch: BatchConfig;
  /** The most that one query can cost; 0 where nobody knows beforehand. Then a run stops once the budget is spent. */
  dearestQuery: number;
}

/** The most that one query of the oracle can cost. */
export function dearestQuery(oracle: OracleConfig): number {
  if (oracle.kind === 'files') return 0;
  if (oracle.kind === 'terminal') return 1;
  // A class that the list leaves out costs 1.
  return typeof oracle.cost === 'number' ? oracle.cost : Math.max(1, ...Object.values(oracle.cost));
}

/** Why the run ends after this round; null where it goes on. */
export function stopReason(last: RoundOutcome, { stop, dearestQuery: price }: BudgetRules): StopReason | null {
  const { labels, rounds, cost, part } = stop;
  for (const metric of ['auc', 'dice'] as const) {
    const target = stop[metric];
    const reached = last.metrics[part]?.[metric] ?? NaN;
    if (target !== undefined && reached >= target) {
      const name = metric === 'auc' ? 'AUC' : 'Dice';
      return { kind: metric, text: `${part} ${name} ${reached.toFixed(4)} has reached ${target}` };
    }
  }
  if (last.poolLeft === 0) return { kind: 'pool', text: 'the pool is spent' };
  if (labels !== undefined && last.labels >= labels)
    return { kind: 'labels', text: `${last.labels} samples are labelled` };
  if (rounds !== undefined && last.round >= rounds) {
    return { kind: 'rounds', text: `${last.round} rounds are done` };
  }
  if (cost !== undefined && affordable(cost, last.cost, price) < 1) {
    return { kind: 'cost', text: `labelling has cost ${last.cost} of ${cost}` };
  }
  return null;
}

/** How many labels the next round asks for: its batch, within the label budget, the cost and the pool. */
export function nextCount(last: RoundOutcome, { stop, batch, dearestQuery: price }: BudgetRules): number {
  const left = [batchSize(batch, last.round + 1), last.poolLeft];
  if (stop.labels !== undefined) left.push(stop.labels - last.labels);
  if (stop.cost !== undefined) left.push(affordable(stop.cost, last.cost, price));
  return Math.max(0, Math.min(...left));
}

/** Queries that the rest of the budget pays for, whatever they cost. Sums of decimal costs are rounded a little. */
function affordable(budget: number, spent: number, price: number): number {
  const rest = budget - spent;
  if (rest <= budget * 1e-9) return 0;
  return price > 0 ? Math.floor(rest / price + 1e-9) : Infinity;
}
