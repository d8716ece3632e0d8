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

/** Uniform in [0, 1) of 32 bits: half the work of `uniform`, and enough for a float32 threshold. */
const part = (rng: Rng) => rng.uint32() / 2 ** 32;

/** Uniform integer in [0, n). */
export const intBelow = (rng: Rng, n: number) => Math.floor(part(rng) * n);

/** What a hyperplane gives: Σ weight × feature, over `count` features from `first` on. */
export function project(
  sample: Float32Array,
  at: number,
  features: Int32Array,
  weights: Float32Array,
  first: number,
  count: number,
): number {
  let sum = 0;
  for (let f = first; f < first + count; f++) sum += weights[f] * sample[at + features[f]];
  return sum;
}

/** Features that are not the same in all of the rows. */
export function varyingFeatures(samples: Float32Array, start: number, rows: number, width: number): number[] {
  const varying: number[] = [];
  for (let d = 0; d < width; d++) {
    for (let r = 1; r < rows; r++) {
      if (samples[start + r * width + d] === samples[start + d]) continue;
      varying.push(d);
      break;
    }
  }
  return varying;
}

/** Draws of two samples that differ, before the whole range is taken instead. */
const pairs = 8;

/** A threshold between the values of two samples, so that thresholds are dense where samples are. */
export function betweenSamples(rng: Rng, value: (sample: number) => number, samples: number): number {
  for (let i = 0; i < pairs; i++) {
    const a = value(intBelow(rng, samples));
    const b = value(intBelow(rng, samples));
    if (a !== b) return a + part(rng) * (b - a);
  }
  let [low, high] = [Infinity, -Infinity];
  for (let s = 0; s < samples; s++) [low, high] = [Math.min(low, value(s)), Math.max(high, value(s))];
  return low + part(rng) * (high - low);
}
