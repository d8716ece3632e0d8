import { createHash } from 'node:crypto';

/**
 * Counter-based random numbers: Philox-4x32-10 (Salmon et al., "Parallel random numbers: as easy
 * as 1, 2, 3", SC 2011). A stream is named by a seed and a key (a sample id, an epoch …), so that
 * what a sample draws does not depend on the order, batch or worker in which it is visited.
 * The engine's only source of randomness: never Math.random, never the clock.
 */
export class Rng {
  readonly #key: readonly [number, number];
  readonly #lane: readonly [number, number];
  #counter = 0;
  #block: readonly number[] = [];

  /** Stream `key` of `seed`. Equal arguments give equal draws on every machine. */
  constructor(seed: number, ...key: (string | number)[]) {
    const [low, high, ...lane] = streamWords(seed, key);
    this.#key = [low, high];
    this.#lane = [lane[0], lane[1]];
  }

  /** Next uniform 32-bit unsigned integer. */
  uint32(): number {
    const within = this.#counter % 4;
    if (within === 0) {
      const block = this.#counter / 4;
      this.#block = philox4x32([block >>> 0, Math.floor(block / 2 ** 32), ...this.#lane], this.#key);
    }
    this.#counter++;
    return this.#block[within];
  }

  /** Uniform in [0, 1) with 53 random bits. */
  uniform(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  /** Uniform integer in [0, n). Bias below n/2^53. */
  int(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** Standard normal draw (Box–Muller, cosine branch). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A shuffled copy (Fisher–Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.int(i + 1);
      [out[i], out[j]] = [out[j], out[i]];
    }
    return out;
  }
}

/** The Philox key of a stream, for kernels that count by themselves. Equal arguments give equal keys on every machine. */
export function streamKey(seed: number, ...key: (string | number)[]): { keyLow: number; keyHigh: number } {
  const [keyLow, keyHigh] = streamWords(seed, key);
  return { keyLow, keyHigh };
}

function streamWords(seed: number, key: readonly (string | number)[]): number[] {
  const digest = createHash('sha256')
    .update(JSON.stringify([seed, ...key]))
    .digest();
  return [0, 4, 8, 12].map((at) => digest.readUInt32LE(at));
}

/** One Philox block: 4 counter words and 2 key words → 4 uniform 32-bit words. */
export function philox4x32(counter: readonly number[], key: readonly [number, number]): number[] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const even = (mulHigh(0xcd9e8d57, c2) ^ c1 ^ k0) >>> 0;
    const odd = (mulHigh(0xd2511f53, c0) ^ c3 ^ k1) >>> 0;
    c1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    c3 = Math.imul(0xd2511f53, c0) >>> 0;
    c0 = even;
    c2 = odd;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** High word of a 32×32-bit product, in 16-bit limbs so that doubles stay exact. */
function mulHigh(a: number, b: number): number {
  const ah = a >>> 16;
  const al = a & 0xffff;
  const bh = b >>> 16;
  const bl = b & 0xffff;
  const mid = al * bh + ((al * bl) >>> 16);
  const mid2 = ah * bl + (mid & 0xffff);
  return (ah * bh + (mid >>> 16) + (mid2 >>> 16)) >>> 0;
}
