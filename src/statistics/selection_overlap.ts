import { expectArgument, SightlineError } from '../core/errors.js';
import { meanDefined } from '../metrics/inputs.js';

/** How much two sets of samples have in common. */
export interface SetOverlap {
  /** |A ∩ B|. */
  shared: number;
  /** |A ∩ B| / |A ∪ B|; NaN where both are empty. */
  jaccard: number;
  /** |A ∩ B| / |A|: the part of the first that the second has too (IDEAL Fig. 16); NaN for an empty A. */
  share: number;
}

/** Overlap of what two runs chose in one round, and of all that they chose up to it. */
export interface RoundOverlap {
  /** From 0. */
  round: number;
  batch: SetOverlap;
  total: SetOverlap & {
    /** `share` that two random selections of these sizes have on average; NaN without the size of the pool. */
    chance: number;
  };
}

/** Overlap of two sets of sample ids. Ids that occur twice count once. */
export function setOverlap(first: Iterable<string>, second: Iterable<string>): SetOverlap {
  const [a, b] = [new Set(first), new Set(second)];
  const shared = [...a].filter((id) => b.has(id)).length;
  return { shared, jaccard: shared / (a.size + b.size - shared), share: shared / a.size };
}

/**
 * Overlap of the selections of two runs, round by round, for as many rounds as both have. Leave the initial set out where both
 * start from the same: it is no choice.
 * @param first ids chosen in each round
 * @param poolSize samples to choose from before the first round
 * @throws SightlineError E_ARGUMENT where a run chose a sample twice, or more samples than the pool has
 */
export function overlapByRound(
  first: readonly (readonly string[])[],
  second: readonly (readonly string[])[],
  poolSize?: number,
): RoundOverlap[] {
  const [a, b] = [new Set<string>(), new Set<string>()];
  return Array.from({ length: Math.min(first.length, second.length) }, (_, round) => {
    addRound(a, first[round], `first[${round}]`);
    addRound(b, second[round], `second[${round}]`);
    if (poolSize !== undefined) {
      const larger = Math.max(a.size, b.size);
      expectArgument(poolSize >= larger, 'poolSize', `at least the ${larger} samples chosen`, poolSize);
    }
    return {
      round,
      batch: setOverlap(first[round], second[round]),
      total: { ...setOverlap(a, b), chance: poolSize === undefined ? NaN : b.size / poolSize },
    };
  });
}

/** Overlaps of one round, averaged over pairs of runs. */
export interface MeanRoundOverlap {
  round: number;
  /** Pairs that have this round. */
  pairs: number;
  batch: { jaccard: number; share: number };
  total: { jaccard: number; share: number; chance: number };
}

/**
 * Mean overlap in each round over several pairs of runs: two strategies under each seed (IDEAL Fig. 16), or one strategy
 * under every two seeds. Values that a pair does not define are left out of their mean.
 * @param pairs what `overlapByRound` gives for each pair; pairs may have different numbers of rounds
 */
export function meanOverlapByRound(pairs: readonly (readonly RoundOverlap[])[]): MeanRoundOverlap[] {
  const rounds = Math.max(0, ...pairs.map((pair) => pair.length));
  return Array.from({ length: rounds }, (_, round) => {
    const present = pairs.flatMap((pair) => pair[round] ?? []);
    const mean = (of: (overlap: RoundOverlap) => number): number => meanDefined(present.map(of));
    return {
      round,
      pairs: present.length,
      batch: { jaccard: mean(({ batch }) => batch.jaccard), share: mean(({ batch }) => batch.share) },
      total: {
        jaccard: mean(({ total }) => total.jaccard),
        share: mean(({ total }) => total.share),
        chance: mean(({ total }) => total.chance),
      },
    };
  });
}

function addRound(chosen: Set<string>, ids: readonly string[], where: string): void {
  for (const id of ids) {
    if (chosen.has(id)) throw new SightlineError('E_ARGUMENT', { where, what: `sample "${id}" was chosen before` });
    chosen.add(id);
  }
}
