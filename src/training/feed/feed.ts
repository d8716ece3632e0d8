import { expectArgument, SightlineError } from '../../core/errors.js';
import { sizeOf, tensor } from '../../core/tensor.js';
import { coreCount, WorkerPool } from '../../core/worker_pool.js';
import { augmentationPresets, completeAugmentation } from '../../data/augment_settings.js';
import { SampleCache } from '../../data/sample_cache.js';
import type { Sample, TaskCache } from '../../data/types.js';
import type { DecodedSet } from './decoded_set.js';
import { DecodeRing, type DecodePool, type RowRequest, type Shared, type Slot } from './decode_ring.js';
import type { FeedBatch, FeedOptions } from './feed_options.js';
import { Quarantine } from './quarantine.js';
import { Sampler, type Draw } from './sampler.js';
import { Targets } from './targets.js';

export type { FeedBatch, FeedOptions } from './feed_options.js';

/** A decoded batch on its way out. */
interface Filled {
  slot: Slot;
  samples: Sample[];
}

/**
 * Batches of decoded, augmented, normalised samples with their targets. Decoding runs ahead on worker threads, bounded
 * by the slots. A batch depends on samples, settings, seed, epoch and iteration alone: not on workers, slots, cache, or on
 * where a run was resumed. A sample that cannot be decoded is quarantined and replaced ({@link Sampler.batchOf}).
 */
export class TrainingFeed {
  readonly targets: Targets;
  /** Samples per batch. */
  readonly batch: number;
  /** Batches per training epoch. */
  readonly iterations: number;
  /** Dims of a batch's targets. */
  readonly targetDims: readonly number[];
  readonly #samples: readonly Sample[];
  readonly #sampler: Sampler;
  readonly #quarantine: Quarantine;
  readonly #ring: DecodeRing;
  /** Its own, where no other is shared. */
  readonly #cache?: SampleCache;
  readonly #decoded?: DecodedSet;
  readonly #usesRegions: boolean;
  readonly #augmentation?: Omit<NonNullable<Shared['augmentation']>, 'epoch'>;
  #streaming = false;

  /**
   * @throws SightlineError E_POOL_EMPTY, E_ARGUMENT, and for targets: E_MANIFEST, E_ROI
   */
  static async open(options: FeedOptions): Promise<TrainingFeed> {
    const { samples, decoded } = options;
    const workers = decoded?.decoders ?? options.workers ?? coreCount();
    if (samples.length === 0) {
      throw new SightlineError('E_POOL_EMPTY', {
        where: 'samples',
        what: 'no samples to feed',
        remedy: 'Check the manifest and the split.',
      });
    }
    const given = options.targets;
    if (given instanceof Targets) given.check(samples);
    const targets = given instanceof Targets ? given : Targets.learn(given, samples, options.onNotice);
    if (typeof workers !== 'number') return new TrainingFeed(options, targets, workers, false);
    expectArgument(Number.isInteger(workers) && workers > 0, 'workers', 'a positive whole number', workers);
    const decoders: DecodePool = new WorkerPool('data/decode_worker', { threads: workers });
    try {
      return new TrainingFeed(options, targets, decoders, true);
    } catch (error) {
      await decoders.close();
      throw error;
    }
  }

  private constructor(
    private readonly options: FeedOptions,
    targets: Targets,
    /** The worker threads, for another feed's `workers`. */
    readonly decoders: DecodePool,
    private readonly ownsDecoders: boolean,
  ) {
    const { samples, preprocessing, seed = 0, balanced = false, slots = 3, cacheMb = 1024, rois = false } = options;
    expectArgument(Number.isInteger(slots) && slots >= 2, 'slots', 'a whole number from 2', slots);
    expectArgument(cacheMb >= 0 && Number.isFinite(cacheMb), 'cacheMb', 'a finite number from 0', cacheMb);
    expectArgument(!balanced || targets.settings.kind === 'classes', 'balanced', 'targets of kind classes', balanced);
    this.targets = targets;
    const balanceBy = balanced ? samples.map((sample) => targets.classOf(sample)) : undefined;
    this.#sampler = new Sampler({ count: samples.length, batch: options.batch, seed, balanceBy });
    this.batch = this.#sampler.batch;
    this.iterations = this.#sampler.iterations;
    this.targetDims = [this.batch, ...targets.dims(preprocessing)];
    this.#usesRegions = rois || targets.usesRoi;
    // Masks that nobody asks for are not read.
    this.#samples = this.#usesRegions ? samples : samples.map(({ mask: _, boxes: __, ...sample }) => sample);
    this.#quarantine = new Quarantine(samples, options.quarantined ?? [], options.onQuarantine ?? (() => {}));
    const settings = completeAugmentation(options.augmentation ?? 'none');
    const augments = JSON.stringify(settings) !== JSON.stringify(augmentationPresets.none);
    if (augments) this.#augmentation = { settings, seed };
    if (this.#hasRoom(augments) || cacheMb === 0) this.#decoded = options.decoded;
    const { channels, height, width } = preprocessing;
    const size = sizeOf(targets.dims(preprocessing));
    try {
      this.#ring = new DecodeRing(this.decoders, preprocessing, slots, this.batch, size, rois);
      if (!this.#decoded && cacheMb > 0)
        this.#cache = SampleCache.create(samples.length, cacheMb * 2 ** 20, channels, height * width);
    } catch (error) {
      throw SightlineError.from(error, 'E_MEMORY', {
        where: 'feed',
        what: `no memory for ${slots} batches of ${this.batch} and a cache of ${cacheMb} MiB`,
        remedy: 'Take smaller batches, fewer slots or a smaller cache.',
      });
    }
  }

  /** Ids of the samples that have failed so far, those given included: state that a checkpoint keeps. */
  quarantined(): string[] {
    return this.#quarantine.ids();
  }

  /** Bytes of decoded samples in memory. */
  get cachedBytes(): number {
    return (this.#decoded ?? this.#cache)?.bytes ?? 0;
  }

  /**
   * The batches of a training epoch from iteration `from` on, all of `batch` samples. One stream of a feed at a time.
   * @param epoch 0-based
   * @throws SightlineError E_ARGUMENT; the first failure's code once more than half of the samples have failed
   */
  epoch(epoch: number, { from = 0 }: { from?: number } = {}): AsyncGenerator<FeedBatch, void, undefined> {
    const whole = Number.isInteger(from) && from >= 0 && from <= this.iterations;
    expectArgument(whole, 'from', `an iteration from 0 to ${this.iterations}`, from);
    const order = this.#sampler.order(epoch);
    const augmentation = this.#augmentation && { ...this.#augmentation, epoch };
    const shared = { augmentation, cache: this.#cached(augmentation !== undefined) };
    return this.#stream(from, this.iterations, (slot, iteration) => this.#fill(slot, order, iteration, shared));
  }

  /**
   * All samples once, in their order, not augmented: validation. The last batch is as short as it comes out; samples that
   * fail are left out of theirs. One stream of a feed at a time.
   */
  inOrder(): AsyncGenerator<FeedBatch, void, undefined> {
    const shared = { cache: this.#cached(false) };
    const batches = Math.ceil(this.#samples.length / this.batch);
    return this.#stream(0, batches, (slot, iteration) => this.#fillInOrder(slot, iteration, shared));
  }

  #cached(raw: boolean): TaskCache | undefined {
    const { samples, preprocessing } = this.options;
    if (this.#decoded) return this.#decoded.share(samples, preprocessing, { raw, region: this.#usesRegions });
    // An augmented feed's own cache holds pixels before normalising.
    if (!this.#cache || raw !== (this.#augmentation !== undefined)) return undefined;
    return { memory: this.#cache.memory, entries: [...samples.keys()] };
  }

  /** Whether what is trained on epoch by epoch can stay in the shared memory. */
  #hasRoom(raw: boolean): boolean {
    const { samples, preprocessing, decoded } = this.options;
    return decoded?.hasRoom(decoded.share(samples, preprocessing, { raw, region: this.#usesRegions })) ?? false;
  }

  /** Ends the worker threads, unless they are shared. */
  async close(): Promise<void> {
    if (this.ownsDecoders) await this.decoders.close();
  }

  async *#stream(
    from: number,
    to: number,
    fill: (slot: Slot, iteration: number) => Promise<Filled>,
  ): AsyncGenerator<FeedBatch, void, undefined> {
    expectArgument(!this.#streaming, 'feed', 'the end of the epoch under way before another one', 'two at once');
    this.#streaming = true;
    const ahead: { slot: Slot; filled: Promise<Filled> }[] = [];
    let next = from;
    try {
      for (let iteration = from; iteration < to; iteration++) {
        for (let slot; next < to && (slot = this.#ring.take()); next++) {
          const filled = fill(slot, next);
          filled.catch(() => {}); // awaited later, in its turn
          ahead.push({ slot, filled });
        }
        expectArgument(ahead.length > 0, 'feed', 'release() of earlier batches before the next one', 'all slots held');
        const { samples, slot } = await ahead[0].filled;
        ahead.shift();
        if (samples.length === 0) this.#ring.give(slot);
        else yield this.#batchOf(slot, iteration, samples);
      }
    } finally {
      // A slot is free only when no worker writes into it any more.
      await Promise.allSettled(ahead.map(({ filled }) => filled));
      for (const { slot } of ahead) this.#ring.give(slot);
      this.#streaming = false;
    }
  }

  async #fill(slot: Slot, order: readonly Draw[], iteration: number, shared: Shared): Promise<Filled> {
    const rows: (Draw | undefined)[] = [];
    for (;;) {
      // Drawn anew after each failure: what replaces what must not depend on when a failure was found.
      const draws = this.#sampler.batchOf(order, iteration, (sample) => !this.#quarantine.has(sample));
      const changed = draws.flatMap((draw, row) =>
        rows[row]?.sample === draw.sample && rows[row].repeat === draw.repeat ? [] : [this.#request(row, draw)],
      );
      if (changed.length === 0) break;
      for (const [i, result] of (await this.#ring.decode(slot, changed, shared)).entries()) {
        const { row, position } = changed[i];
        rows[row] = result.ok ? draws[row] : undefined;
        if (!result.ok) this.#quarantine.add(position, result.stage, result.error);
      }
    }
    return this.#finish(
      slot,
      rows.map((draw) => draw!.sample),
    );
  }

  async #fillInOrder(slot: Slot, iteration: number, shared: Shared): Promise<Filled> {
    const first = iteration * this.batch;
    const count = Math.min(this.batch, this.#samples.length - first);
    const usable = Array.from({ length: count }, (_, i) => first + i).filter((i) => !this.#quarantine.has(i));
    const requests = usable.map((sample, row) => this.#request(row, { sample, repeat: 0 }));
    const results = await this.#ring.decode(slot, requests, shared);
    const { channels, height, width } = this.options.preprocessing;
    const images = new Float32Array(slot.images);
    const rois = new Uint8Array(slot.rois);
    const pixels = height * width;
    const size = channels * pixels;
    const kept: number[] = [];
    for (const [row, result] of results.entries()) {
      if (!result.ok) {
        this.#quarantine.add(usable[row], result.stage, result.error);
        continue;
      }
      images.copyWithin(kept.length * size, row * size, (row + 1) * size);
      rois.copyWithin(kept.length * pixels, row * pixels, (row + 1) * pixels);
      kept.push(usable[row]);
    }
    return this.#finish(slot, kept);
  }

  #request(row: number, { sample, repeat }: Draw): RowRequest {
    return { row, sample: this.#samples[sample], position: sample, repeat };
  }

  /** Targets and regions of a slot whose images and rois are there. */
  #finish(slot: Slot, positions: readonly number[]): Filled {
    const { channels, height, width } = this.options.preprocessing;
    const pixels = height * width;
    const size = sizeOf(this.targetDims.slice(1));
    const samples = positions.map((i) => this.options.samples[i]);
    samples.forEach((sample, row) => {
      const image = new Float32Array(slot.images, 4 * row * channels * pixels, channels * pixels);
      const roi = new Uint8Array(slot.rois, row * pixels, pixels);
      this.targets.write(sample, { image, roi }, slot.targets.subarray(row * size, (row + 1) * size));
      if (slot.regions.length) slot.regions.set(roi, row * pixels);
    });
    return { slot, samples };
  }

  #batchOf(slot: Slot, iteration: number, samples: readonly Sample[]): FeedBatch {
    const { channels, height, width } = this.options.preprocessing;
    const count = samples.length;
    const first = <N extends number[]>(dims: N, data: Float32Array) =>
      tensor('f32', dims, data.subarray(0, sizeOf(dims)));
    let held = true;
    return {
      iteration,
      images: first([count, channels, height, width], new Float32Array(slot.images)),
      targets: first([count, ...this.targetDims.slice(1)], slot.targets),
      ...(this.options.rois && { rois: first([count, height, width], slot.regions) }),
      ids: samples.map(({ id }) => id),
      release: () => {
        if (held) this.#ring.give(slot);
        held = false;
      },
    };
  }
}
