import type { ProgressListener } from '../core/progress.js';
import { ProgressMeter } from '../core/progress.js';

/** A subset of features, by column number in ascending order, and how well it tells the classes apart. */
export interface ScoredSubset {
  features: readonly number[];
  /** 0 … 1. */
  accuracy: number;
}

/** One round of greedy selection. */
export interface GreedyStep extends ScoredSubset {
  /** The feature that joined. */
  added: number;
}

export type SearchMethod = 'exhaustive' | 'greedy';

/** What a search may spend; the first limit that is reached ends it. */
export interface SearchBudget {
  seconds?: number;
  /** Forests. With this limit alone the result is the same on every machine. */
  fits?: number;
}

export interface SearchOptions {
  method: SearchMethod;
  /** Most features in a subset. */
  maxSize: number;
  budget?: SearchBudget;
  /** Length of the list of the best. Default 20. */
  top?: number;
  /** Forests that one subset costs. Default 1. */
  fitsPerSubset?: number;
  /** Chunks of subsets scored at the same time. Default 1. */
  parallel?: number;
  onProgress?: ProgressListener;
  /** Seconds, for the budget. */
  clock?: () => number;
}

export interface SearchResult {
  method: SearchMethod;
  /** The best subset of each size tried, smallest first. */
  bySize: ScoredSubset[];
  /** The best of all, best first. Ties: fewer features, then the earlier columns. */
  top: ScoredSubset[];
  /** Greedy: which feature joined in each round. */
  history: GreedyStep[];
  /** Subsets scored, of how many. */
  scored: number;
  total: number;
  fits: number;
  /** "complete", or which limit of the budget ended it. */
  ended: 'complete' | 'seconds' | 'fits';
}

/** Accuracy of each subset, in order. */
export type SubsetScorer = (subsets: readonly (readonly number[])[]) => Promise<ArrayLike<number>>;

/** Subsets scored in one go: enough work for a thread, short enough to end soon after the budget does. */
const chunkSize = 8;

/**
 * Searches the subsets of `width` features for the one that tells the classes apart best: all of up to `maxSize`, or
 * greedily, one more feature per round (the one that helps most). What the scorer is asked does not depend on how many
 * chunks run at the same time, and neither does the result, unless the seconds run out.
 */
export async function searchSubsets(width: number, score: SubsetScorer, options: SearchOptions): Promise<SearchResult> {
  const { method, maxSize, top = 20, fitsPerSubset = 1, parallel = 1, budget = {}, onProgress } = options;
  const clock = options.clock ?? (() => performance.now() / 1000);
  const largest = Math.min(maxSize, width);
  const total = method === 'exhaustive' ? exhaustiveCount(width, largest) : greedyCount(width, largest);
  const affordable = Math.max(1, Math.floor((budget.fits ?? Infinity) / fitsPerSubset));
  const meter = new ProgressMeter('scoring subsets', Math.min(total, affordable), onProgress, 0, undefined, 'subsets');
  const deadline = clock() + (budget.seconds ?? Infinity);
  const result: SearchResult = {
    method,
    bySize: [],
    top: [],
    history: [],
    scored: 0,
    total,
    fits: 0,
    ended: 'complete',
  };
  let asked = 0;

  /** Scores subsets until they or the budget end; returns the best of them. */
  const best = async (subsets: Iterator<readonly number[]>): Promise<ScoredSubset | undefined> => {
    let winner: ScoredSubset | undefined;
    const take = (): (readonly number[])[] => {
      const chunk: (readonly number[])[] = [];
      while (chunk.length < chunkSize && result.ended === 'complete') {
        // One chunk is scored however short the time, so that there is a result.
        if (asked > 0 && clock() >= deadline) {
          if (!subsets.next().done) result.ended = 'seconds';
          break;
        }
        const next = subsets.next();
        if (next.done) break;
        if (asked >= affordable) {
          result.ended = 'fits';
          break;
        }
        asked++;
        chunk.push(next.value);
      }
      return chunk;
    };
    const lane = async () => {
      for (let chunk = take(); chunk.length; chunk = take()) {
        const accuracies = await score(chunk);
        chunk.forEach((features, i) => {
          const scored = { features, accuracy: accuracies[i] };
          if (!winner || compareSubsets(scored, winner) < 0) winner = scored;
          insert(result.top, scored, top);
          const size = features.length - 1;
          const held = result.bySize[size];
          if (!held || compareSubsets(scored, held) < 0) result.bySize[size] = scored;
        });
        result.scored += chunk.length;
        result.fits += chunk.length * fitsPerSubset;
        meter.add(chunk.length);
      }
    };
    await Promise.all(Array.from({ length: parallel }, lane));
    return winner;
  };

  if (method === 'exhaustive') await best(allSubsets(width, largest));
  else {
    let chosen: readonly number[] = [];
    while (chosen.length < largest && result.ended === 'complete') {
      const winner = await best(extensions(chosen, width));
      if (!winner) break;
      const added = winner.features.find((feature) => !chosen.includes(feature))!;
      result.history.push({ ...winner, added });
      chosen = winner.features;
    }
  }
  return result;
}

/** Negative when `a` is the better: higher accuracy, then fewer features, then the earlier columns; NaN is last. */
export function compareSubsets(a: ScoredSubset, b: ScoredSubset): number {
  const [left, right] = [a, b].map(({ accuracy }) => (Number.isNaN(accuracy) ? -1 : accuracy));
  if (left !== right) return right - left;
  if (a.features.length !== b.features.length) return a.features.length - b.features.length;
  const at = a.features.findIndex((feature, i) => feature !== b.features[i]);
  return at < 0 ? 0 : a.features[at] - b.features[at];
}

/** Every subset of 1 … `largest` of `width` features: smaller ones first, then in the order of the columns. */
export function* allSubsets(width: number, largest: number): Generator<readonly number[]> {
  for (let size = 1; size <= largest; size++) {
    const subset = Array.from({ length: size }, (_, i) => i);
    for (;;) {
      yield [...subset];
      let at = size - 1;
      while (at >= 0 && subset[at] === width - size + at) at--;
      if (at < 0) break;
      subset[at]++;
      for (let i = at + 1; i < size; i++) subset[i] = subset[i - 1] + 1;
    }
  }
}

function* extensions(chosen: readonly number[], width: number): Generator<readonly number[]> {
  for (let feature = 0; feature < width; feature++) {
    if (!chosen.includes(feature)) yield [...chosen, feature].sort((a, b) => a - b);
  }
}

/** Σ C(width, size) over sizes 1 … largest. */
export function exhaustiveCount(width: number, largest: number): number {
  let [sum, ways] = [0, 1];
  for (let size = 1; size <= largest; size++) {
    ways = (ways * (width - size + 1)) / size;
    sum += ways;
  }
  return sum;
}

function greedyCount(width: number, largest: number): number {
  return (largest * (2 * width - largest + 1)) / 2;
}

function insert(list: ScoredSubset[], item: ScoredSubset, most: number): void {
  if (list.length >= most && (most < 1 || compareSubsets(item, list[list.length - 1]) >= 0)) return;
  const at = list.findIndex((held) => compareSubsets(item, held) < 0);
  list.splice(at < 0 ? list.length : at, 0, item);
  if (list.length > most) list.pop();
}
