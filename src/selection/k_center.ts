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
 * One pass over the embeddings for each sample chosen.
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
  for (let k = 0; k < available; k++) {
    const row = farthest(distance);
    selection.rows[k] = row;
    selection.distances[k] = Math.sqrt(distance[row]);
    distance[row] = -1;
    if (k + 1 === available) break;
    const squared = await space.squaredTo(Uint32Array.of(row));
    for (let i = 0; i < distance.length; i++) if (squared[i] < distance[i]) distance[i] = squared[i];
  }
  return selection;
}

function farthest(distance: Float64Array): number {
  let best = 0;
  for (let i = 1; i < distance.length; i++) if (distance[i] > distance[best]) best = i;
  return best;
}
