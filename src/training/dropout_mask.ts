import { Rng } from '../core/rng.js';

/**
 * Mask of inverted dropout: 0 for a share `rate` of the units, 1/(1 − rate) for the others.
 * @param key of the draw: seed, number of the batch, number of the layer …
 */
export function dropoutMask(length: number, rate: number, seed: number, ...key: number[]): Float32Array {
  const rng = new Rng(seed, 'dropout', ...key);
  const threshold = rate * 2 ** 32;
  const kept = 1 / (1 - rate);
  return Float32Array.from({ length }, () => (rng.uint32() < threshold ? 0 : kept));
}
