import { expectArgument } from '../core/errors.js';
import { checkIndices } from './rows.js';
import type { SelectionSpace } from './space.js';

/** Chosen samples in the order in which they were chosen. */
export interface Selection {
  rows: Uint32Array;
  /** Distance (not squared) of each to the nearest centre when it was chosen; Infinity where there was none. */
  distances: Float64Array;
}

/**
 * k-center greedy, the core-set selection of Sener and Savarese ("Active Learning for Convolutional Neural Networks: A
 * Core-Set Approach", ICLR 2018): again and again the sample that is farthest from all centres, those labelled and those
 * chosen. Within twice the smallest possible covering radius. Ties, and the first without a labelled set: by sample order.
 *
 * Distances to the nearest centre only fall. So the farthest samples at one time, the frontier, are kept up to date alone for as
 * long as one of them is farther than any other sample was; then one pass over all embeddings makes up for all centres
 * since. The same choice as with a pass for each, in fewer passes (distances that differ by no more than the tolerance of
 * the distance kernels, 2e-5, may change places).
 * @param labelled rows that are centres from the start, and are not chosen
 * @returns `count` samples, or as many as are not labelled
 * @throws SightlineError E_ARGUMENT
 */
export async function kCenterGreedy(
  space: SelectionSpace,
  count: number,
  labelled: Uint32Array = new Uint32Array(0),
): Promise<Selection> {
  expectArgument(Number.isSafeInteger(count) && count >= 0, 'count', 'a whole number from 0', count);
  checkIndices(labelled, space.size, 'labelled');
  const available = Math.min(count, space.size - labelled.length);
  const selection = { rows: new Uint32Array(available), distances: new Float64Array(available) };
  const distance = await space.squaredToNearest(labelled);
  // A distance below all others takes centres out of the choice.
  for (const row of labelled) distance[row] = -1;
  for (let done = 0; done < available;) {
    const from = done;
    const { rows, bound } = frontierOf(distance);
    const frontier = space.subset(rows);
    const near = Float64Array.from(rows, (row) => distance[row]);
    // The first is the farthest of all. The next are as long as nobody outside can be as far.
    for (let at = farthest(near); done < available && (done === from || near[at] > bound); at = farthest(near)) {
      selection.rows[done] = rows[at];
      selection.distances[done++] = Math.sqrt(near[at]);
      near[at] = -1;
      if (done === available) break;
      lower(near, await frontier.squaredTo(Uint32Array.of(at)));
    }
    if (done === available) break;
    lower(distance, await space.squaredToNearest(selection.rows.subarray(from, done)));
    rows.forEach((row, at) => (distance[row] = near[at]));
  }
  return selection;
}

/** Least share of the samples, and least number, that a frontier has: where a choice should cost little beside a pass. */
const [frontierShare, frontierSize] = [1 / 64, 1024];

/** The farthest samples, in their order (of equals the first), and the largest distance of all others. */
function frontierOf(distance: Float64Array): { rows: Uint32Array; bound: number } {
  const count = Math.max(frontierSize, Math.ceil(distance.length * frontierShare));
  if (count >= distance.length) return { rows: Uint32Array.from(distance.keys()), bound: -1 };
  const sorted = distance.slice().sort();
  const least = sorted[distance.length - count];
  let equals = count;
  for (const d of distance) if (d > least) equals--;
  const rows = new Uint32Array(count);
  let found = 0;
  for (const [row, d] of distance.entries()) if (d > least || (d === least && equals-- > 0)) rows[found++] = row;
  return { rows, bound: sorted[distance.length - count - 1] };
}

/** Distances to centres that may have come nearer; those of centres (−1) stay. */
function lower(distance: Float64Array, to: ArrayLike<number>): void {
  for (let i = 0; i < distance.length; i++) if (to[i] < distance[i]) distance[i] = to[i];
}

function farthest(distance: Float64Array): number {
  let best = 0;
  for (let i = 1; i < distance.length; i++) if (distance[i] > distance[best]) best = i;
  return best;
}
