import { expectArgument } from '../core/errors.js';
import { Rng } from '../core/rng.js';
import type { SelectionSpace } from './space.js';

/** How `sampleByDistance` draws. */
export interface DistanceSampling {
  seed: number;
  /** The first sample: drawn, or (BADGE) the one with the longest vector. */
  first: 'random' | 'longest';
  /** Samples drawn for each choice, of which the one that lowers Σ D² most is taken. 1: plain D² sampling. */
  trials: number;
}

/**
 * k-means++ seeding (Arthur and Vassilvitskii, "k-means++: The Advantages of Careful Seeding", SODA 2007): samples one after
 * the other, each drawn with a probability in proportion to D², its squared distance to the nearest one before. In a
 * gradient space, from the longest vector, it is BADGE's selection. When nothing is left but copies of what was chosen, those
 * follow in sample order. Equal seeds give equal samples.
 * @returns `count` different samples (or all), in the order in which they were drawn
 * @throws SightlineError E_ARGUMENT
 */
export function sampleByDistance(
  space: SelectionSpace,
  count: number,
  { seed = 0, ...settings }: Partial<DistanceSampling> = {},
): Promise<Uint32Array> {
  return drawByDistance(space, count, new Rng(seed, 'distance sampling'), settings);
}

/** `sampleByDistance` with a given source of uniform numbers in [0, 1): one for a random first, `trials` for each other. */
export async function drawByDistance(
  space: SelectionSpace,
  count: number,
  rng: Pick<Rng, 'uniform'>,
  { first = 'random', trials = 1 }: Partial<Omit<DistanceSampling, 'seed'>> = {},
): Promise<Uint32Array> {
  const whole = (value: number, low: number) => Number.isSafeInteger(value) && value >= low;
  expectArgument(whole(count, 0), 'count', 'a whole number from 0', count);
  expectArgument(whole(trials, 1), 'trials', 'a whole number from 1', trials);
  expectArgument(first === 'random' || first === 'longest', 'first', '"random" or "longest"', first);
  const { size } = space;
  const chosen: number[] = [];
  const taken = new Uint8Array(size);
  const weights = new Float64Array(size).fill(Infinity);
  const cumulative = new Float64Array(size);
  const take = (row: number, squared: Float32Array, columns: number, column: number) => {
    chosen.push(row);
    taken[row] = 1;
    for (let i = 0; i < size; i++) weights[i] = Math.min(weights[i], squared[i * columns + column]);
    weights[row] = 0;
  };

  const wanted = Math.min(count, size);
  if (wanted > 0) {
    const row = first === 'longest' ? longest(space.squaredLengths()) : Math.floor(rng.uniform() * size);
    take(row, await space.squaredTo(Uint32Array.of(row)), 1, 0);
  }
  while (chosen.length < wanted) {
    let total = 0;
    for (let i = 0; i < size; i++) cumulative[i] = total += weights[i];
    const candidates = Uint32Array.from({ length: trials }, () => {
      return total > 0 ? firstAbove(cumulative, rng.uniform() * total, total) : taken.indexOf(0);
    });
    const squared = await space.squaredTo(candidates);
    const best = bestCandidate(weights, squared, trials);
    take(candidates[best], squared, trials, best);
  }
  return Uint32Array.from(chosen);
}

function longest(squares: Float64Array): number {
  let best = 0;
  for (let i = 1; i < squares.length; i++) if (squares[i] > squares[best]) best = i;
  return best;
}

/** Index of the first sum above `value`; never a sample of weight zero, even where the product was rounded to the total. */
function firstAbove(cumulative: Float64Array, value: number, total: number): number {
  const below = Math.min(value, total * (1 - 2 ** -52));
  let [low, high] = [0, cumulative.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (cumulative[middle] > below) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The column of squared[N,columns] that leaves the smallest Σ min(weights, squared); the first on ties. */
function bestCandidate(weights: Float64Array, squared: Float32Array, columns: number): number {
  if (columns === 1) return 0;
  const left = new Float64Array(columns);
  for (let i = 0; i < weights.length; i++) {
    for (let j = 0; j < columns; j++) left[j] += Math.min(weights[i], squared[i * columns + j]);
  }
  return left.indexOf(Math.min(...left));
}
