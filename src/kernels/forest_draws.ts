import { philox4x32 } from '../core/rng.js';

/** Streams of one tree. */
export const treeStreams = { bootstrap: 0, splits: 1 } as const;

/**
 * What tree `tree` of a forest draws: Philox-4x32-10 (core/rng.ts) with the seed as its key and (block, 0, tree, stream)
 * as its counter, so that a tree is the same whatever grew before it or beside it.
 */
export class TreeDraws {
  #block = 0;
  #words: readonly number[] = [];
  #next = 4;

  constructor(
    private readonly seedLow: number,
    private readonly seedHigh: number,
    private readonly tree: number,
    private readonly stream: number,
  ) {}

  /** Uniform integer in [0, n): ⌊n · u / 2³²⌋ in float64, u uniform 32 bits. Bias below n/2³². */
  int(n: number): number {
    if (this.#next === 4) {
      this.#words = philox4x32([this.#block++, 0, this.tree, this.stream], [this.seedLow, this.seedHigh]);
      this.#next = 0;
    }
    return Math.floor((this.#words[this.#next++] * n) / 2 ** 32);
  }
}
