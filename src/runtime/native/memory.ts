/** A stretch of memory that is needed from step `first` to step `last`, both included. */
export interface Interval {
  bytes: number;
  first: number;
  last: number;
}

export interface Packing {
  /** Where each interval begins, in bytes; multiples of `alignment`. */
  offsets: number[];
  /** Bytes that all of them take together. */
  total: number;
}

/** Cache lines, and the widest vectors. */
export const alignment = 64;

export const aligned = (bytes: number) => Math.ceil(bytes / alignment) * alignment;

/**
 * Places intervals so that none that are needed at the same time overlap, in little memory: one after another, each into
 * the smallest gap that holds it. Three orders are tried (largest first; most crowded time first; by time) and the best one
 * is taken.
 */
export function pack(intervals: readonly Interval[]): Packing {
  const bySize = (a: number, b: number) =>
    intervals[b].bytes - intervals[a].bytes || intervals[a].first - intervals[b].first;
  const crowd = crowding(intervals);
  const peak = intervals.map(({ first, last }) => {
    let most = 0;
    for (let step = first; step <= last; step++) most = Math.max(most, crowd[step]);
    return most;
  });
  const indices = intervals.map((_, i) => i);
  const candidates = [
    [...indices].sort(bySize),
    [...indices].sort((a, b) => peak[b] - peak[a] || bySize(a, b)),
    [...indices].sort((a, b) => intervals[a].first - intervals[b].first || bySize(a, b)),
  ].map((order) => packInOrder(intervals, order));
  return candidates.reduce((best, other) => (other.total < best.total ? other : best));
}

/** Bytes needed at each step: no packing is below the largest of them. */
export function crowding(intervals: readonly Interval[]): number[] {
  const steps = intervals.reduce((most, { last }) => Math.max(most, last + 1), 0);
  const change = new Array<number>(steps + 1).fill(0);
  for (const { bytes, first, last } of intervals) {
    change[first] += aligned(bytes);
    change[last + 1] -= aligned(bytes);
  }
  let held = 0;
  return change.slice(0, steps).map((by) => (held += by));
}

function packInOrder(intervals: readonly Interval[], order: readonly number[]): Packing {
  const offsets = new Array<number>(intervals.length).fill(0);
  /** Placed ones, by offset. */
  const placed: number[] = [];
  let total = 0;
  for (const index of order) {
    const { bytes, first, last } = intervals[index];
    const size = aligned(bytes);
    if (size === 0) continue;
    let end = 0;
    let best = -1;
    let smallest = Infinity;
    for (const other of placed) {
      if (intervals[other].last < first || intervals[other].first > last) continue;
      const gap = offsets[other] - end;
      if (gap >= size && gap < smallest) [best, smallest] = [end, gap];
      end = Math.max(end, offsets[other] + aligned(intervals[other].bytes));
    }
    offsets[index] = best >= 0 ? best : end;
    total = Math.max(total, offsets[index] + size);
    // Kept sorted.
    let low = 0;
    let high = placed.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (offsets[placed[middle]] < offsets[index]) low = middle + 1;
      else high = middle;
    }
    placed.splice(low, 0, index);
  }
  return { offsets, total };
}
