import { Rng } from '../core/rng.js';

/** Sums of the Poisson(1) probabilities of 0, 1, … up to where they are 1 in 32 bits. */
const poissonSums: number[] = [];
for (let k = 0, share = Math.exp(-1), sum = 0; k < 13; k++) {
  sum += share;
  poissonSums.push(sum);
  share /= k + 1;
}

/**
 * How often each tree learns a sample: one draw of Poisson(1) per tree (on-line bagging, Oza and Russell 2001).
 * @param key names the sample: equal keys give equal draws
 * @param into one element per tree
 */
export function drawRepeats(seed: number, key: readonly (string | number)[], into: Uint8Array): void {
  const rng = new Rng(seed, 'bag', ...key);
  for (let t = 0; t < into.length; t++) {
    const u = rng.uint32() / 2 ** 32;
    let k = 0;
    while (k < poissonSums.length - 1 && u >= poissonSums[k]) k++;
    into[t] = k;
  }
}
