import { WorkerPool } from '../core/worker_pool.js';
import type { DecodeResult, DecodeTask } from '../data/decode.js';
import type { Preprocessing, Sample } from '../data/types.js';
import type { DecodedSet } from '../training/feed/decoded_set.js';
import { collectBatch, type BatchOutcome } from './batch_outcome.js';
import type { InferenceResult, InferenceSetup, InferenceTask } from './inference.js';

/** Widths of the pipeline; none of them changes a result. */
export interface PipelineWidth {
  /** Threads that decode, where none are given. */
  workers: number;
  /** Model sessions, a thread each (times `setup.threads` inside). */
  sessions: number;
  /** Batches in flight: decoding, waiting or being scored. Bounds the memory. */
  slots: number;
}

/** One batch of samples and, per sample, the class to explain (−1 = predicted). */
export interface Batch {
  samples: readonly Sample[];
  classIndex: readonly number[];
}

/** Shared memory of one batch. */
interface Slot {
  images: SharedArrayBuffer;
  rois: SharedArrayBuffer;
}

/**
 * pool rows → decode workers → shared memory → model sessions → numbers. Decoding of later batches
 * overlaps the model; the number of slots bounds what is in memory, whatever the pool's length.
 */
export class Pipeline {
  readonly #decoders: WorkerPool<DecodeTask, DecodeResult[]>;
  readonly #sessions: WorkerPool<InferenceTask, InferenceResult>;
  readonly #free: Slot[];
  readonly #waiting: ((slot: Slot) => void)[] = [];

  constructor(
    private readonly setup: InferenceSetup,
    private readonly preprocessing: Preprocessing,
    width: PipelineWidth,
    /** Decode threads and decoded samples of others, to be shared. */
    private readonly decoded?: DecodedSet,
  ) {
    this.#decoders = decoded?.decoders ?? new WorkerPool('data/decode_worker', { threads: width.workers });
    this.#sessions = new WorkerPool('engine/inference_worker', { threads: width.sessions, data: setup });
    const pixels = setup.batch * setup.height * setup.width;
    this.#free = Array.from({ length: width.slots }, () => ({
      images: new SharedArrayBuffer(pixels * setup.channels * Float32Array.BYTES_PER_ELEMENT),
      rois: new SharedArrayBuffer(pixels),
    }));
  }

  /** Resolves when a slot is free, so that a caller who awaits it before preparing more work stays bounded. */
  async ready(): Promise<Slot> {
    return this.#free.pop() ?? new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Scores one batch of at most `setup.batch` samples in the slot that `ready()` gave. */
  async run(slot: Slot, batch: Batch, wantMaps = false): Promise<BatchOutcome> {
    try {
      const decoded = await this.#decode(slot, batch.samples);
      const classIndex = new Int32Array(this.setup.batch).fill(-1);
      classIndex.set(batch.classIndex);
      const hasRoi = Array.from({ length: this.setup.batch }, (_, i) => {
        const d = decoded[i];
        return d !== undefined && d.ok && d.roi !== 'none';
      });
      const result = await this.#sessions.run({ ...slot, hasRoi, classIndex, wantMaps });
      return collectBatch(this.setup, batch.samples, decoded, result);
    } finally {
      const next = this.#waiting.shift();
      if (next) next(slot);
      else this.#free.push(slot);
    }
  }

  /** Waits for the workers to exit, but for those that are shared. */
  async close(): Promise<void> {
    await Promise.all([this.decoded ? undefined : this.#decoders.close(), this.#sessions.close()]);
  }

  /** Spreads a batch over the decode workers in runs of neighbours (slices of one volume stay together). */
  async #decode(slot: Slot, samples: readonly Sample[]): Promise<DecodeResult[]> {
    const { batch, channels, height, width } = this.setup;
    const share = Math.ceil(samples.length / this.#decoders.threads);
    const form = { raw: false, region: this.#readsRegions };
    const tasks: Promise<DecodeResult[]>[] = [];
    for (let offset = 0; offset < samples.length; offset += share) {
      const run = samples.slice(offset, offset + share);
      tasks.push(
        this.#decoders.run({
          samples: run.map((sample) => this.#read(sample)),
          preprocessing: this.preprocessing,
          ...slot,
          offset,
          cache: this.decoded?.share(run, this.preprocessing, form),
        }),
      );
    }
    // A short last batch is padded with zeros: every run of the model has the same size.
    new Float32Array(slot.images).fill(
      0,
      samples.length * channels * height * width,
      batch * channels * height * width,
    );
    return (await Promise.all(tasks)).flat();
  }

  get #readsRegions(): boolean {
    const { roi, attention } = this.setup;
    return roi === 'manifest' || attention;
  }

  /** The sample as decoders see it: a region that nobody asks for is not read. */
  #read(sample: Sample): Sample {
    if (this.#readsRegions) return sample;
    const { mask: _, boxes: __, ...rest } = sample;
    return rest;
  }
}
