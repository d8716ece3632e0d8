import { expectArgument } from '../../core/errors.js';
import { Rng } from '../../core/rng.js';

/** One draw of an epoch. */
export interface Draw {
  /** Position in the training set. */
  sample: number;
  /** 0, 1, 2 … where an epoch draws a sample several times: each is augmented on its own. */
  repeat: number;
}

export interface SamplerOptions {
  /** Samples of the training set. */
  count: number;
  /** Samples per batch; more than there are: all of them. */
  batch: number;
  seed: number;
  /** Class of each sample: every class then has the same share of an epoch (±1), whatever its share of the set. */
  balanceBy?: ArrayLike<number>;
}

/**
 * The order of a training. Every batch is a function of the options, epoch and iteration alone (and of the samples that
 * cannot be used), so that a run can be resumed anywhere.
 */
export class Sampler {
  readonly batch: number;
  /** Batches per epoch; what is left over after the last full one is not used (another part in every epoch). */
  readonly iterations: number;
  readonly #classes: readonly (readonly number[])[];

  /** @throws SightlineError E_ARGUMENT */
  constructor(private readonly options: SamplerOptions) {
    const { count, batch, balanceBy } = options;
    expectArgument(Number.isInteger(batch) && batch > 0, 'batch', 'a positive whole number', batch);
    expectArgument(Number.isInteger(count) && count > 0, 'samples', 'at least one', count);
    this.batch = Math.min(batch, count);
    this.iterations = Math.floor(count / this.batch);
    const classes = new Map<number, number[]>();
    for (let i = 0; i < count; i++) {
      const key = balanceBy ? balanceBy[i] : 0;
      const same = classes.get(key);
      if (same) same.push(i);
      else classes.set(key, [i]);
    }
    this.#classes = [...classes.keys()].sort((a, b) => a - b).map((key) => classes.get(key)!);
  }

  /** The order of an epoch: as many draws as there are samples. @param epoch 0-based */
  order(epoch: number): Draw[] {
    expectArgument(Number.isInteger(epoch) && epoch >= 0, 'epoch', 'a whole number from 0', epoch);
    const { count, seed } = this.options;
    const rng = new Rng(seed, 'order', epoch);
    // Samples that do not divide evenly among the classes go to some of them, others in every epoch.
    const shares = rng.shuffle(this.#classes).flatMap((members, k, { length }) => {
      const share = Math.floor(count / length) + Number(k < count % length);
      const rounds = Array.from({ length: Math.ceil(share / members.length) }, (_, repeat) =>
        rng.shuffle(members).map((sample): Draw => ({ sample, repeat })),
      );
      return rounds.flat().slice(0, share);
    });
    return rng.shuffle(shares);
  }

  /**
   * The draws of one batch. In place of those that cannot be used come the next usable ones of the order after the batch
   * (from the start again after the last): no other batch changes.
   * @param usable whether a sample can be used; at least one must be
   */
  batchOf(order: readonly Draw[], iteration: number, usable: (sample: number) => boolean): Draw[] {
    const { count } = this.options;
    const first = iteration * this.batch;
    let next = first + this.batch;
    const last = next + order.length;
    // Should the order not suffice (a balanced one need not have every sample): any sample.
    const candidate = (at: number): Draw =>
      at < last ? order[at % order.length] : { sample: (at - last) % count, repeat: 0 };
    return order.slice(first, first + this.batch).map((draw) => {
      for (const start = next; !usable(draw.sample); draw = candidate(next++)) {
        expectArgument(next - start < order.length + count, 'samples', 'one that can be used', 'none');
      }
      return draw;
    });
  }
}
