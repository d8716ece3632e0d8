import { Rng } from '../../core/rng.js';

/** Samples that stay together: their number and all their labels. */
export interface SampleGroup {
  size: number;
  labels: readonly string[];
}

/**
 * Assigns groups to parts so that each part gets about its share of the samples and of every label. Greedy: from the
 * largest group to the smallest (equals in an order drawn by seed), each goes where the sum over samples and labels of
 * (had − due)² / total grows least; then single groups move while that sum still falls. No part with a share stays empty
 * where there are groups enough.
 * @param shares of the parts, adding up to 1; a part with share 0 gets nothing
 * @returns the part of each group
 */
export function assignGroups(groups: readonly SampleGroup[], shares: readonly number[], seed: number): number[] {
  const counts = groups.map(countsOf);
  const totals = new Map<string, number>();
  for (const own of counts) for (const [key, n] of own) totals.set(key, (totals.get(key) ?? 0) + n);
  const had = shares.map(() => new Map<string, number>());
  const open = [...shares.keys()].filter((part) => shares[part] > 0);

  /** How the sum changes when part gets (sign 1) or loses (−1) a group. */
  const change = (part: number, own: ReadonlyMap<string, number>, sign: 1 | -1): number => {
    let sum = 0;
    for (const [key, n] of own) {
      const total = totals.get(key)!;
      const excess = (had[part].get(key) ?? 0) - shares[part] * total;
      sum += (n * (2 * sign * excess + n)) / total;
    }
    return sum;
  };
  const put = (part: number, own: ReadonlyMap<string, number>, sign: 1 | -1): void => {
    for (const [key, n] of own) had[part].set(key, (had[part].get(key) ?? 0) + sign * n);
  };
  const best = (own: ReadonlyMap<string, number>): number =>
    open.reduce((a, b) => (change(b, own, 1) < change(a, own, 1) - rounding ? b : a));

  const order = new Rng(seed, 'split').shuffle([...groups.keys()]).sort((a, b) => groups[b].size - groups[a].size);
  const parts = new Array<number>(groups.length).fill(0);
  for (const g of order) {
    parts[g] = best(counts[g]);
    put(parts[g], counts[g], 1);
  }
  for (let moved = true, round = 0; moved && round < mostRounds; round++) {
    moved = false;
    for (const g of order) {
      put(parts[g], counts[g], -1);
      const to = best(counts[g]);
      if (change(to, counts[g], 1) < change(parts[g], counts[g], 1) - rounding) {
        parts[g] = to;
        moved = true;
      }
      put(parts[g], counts[g], 1);
    }
  }
  // Too few groups for a small share: a part that should have something gets what costs least.
  for (const part of open.filter((p) => !parts.includes(p))) {
    const cost = (g: number) => change(parts[g], counts[g], -1) + change(part, counts[g], 1);
    const spare = order.filter((g) => parts.indexOf(parts[g]) !== parts.lastIndexOf(parts[g]));
    if (spare.length === 0) continue;
    const moved = spare.reduce((a, b) => (cost(b) < cost(a) - rounding ? b : a));
    put(parts[moved], counts[moved], -1);
    parts[moved] = part;
    put(part, counts[moved], 1);
  }
  return parts;
}

/** Differences below this are rounding. */
const rounding = 1e-9;
const mostRounds = 20;

/** Samples and labels of a group; the key of samples cannot be a label, which has no blanks around. */
function countsOf({ size, labels }: SampleGroup): Map<string, number> {
  const counts = new Map([[' samples', size]]);
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}
