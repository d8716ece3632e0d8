import type { WorkerPool } from '../../core/worker_pool.js';
import type { DecodeResult, DecodeTask, Preprocessing, Sample, TaskAugmentation, TaskCache } from '../../data/types.js';

/** Decodes on worker threads; several feeds may share one. */
export type DecodePool = WorkerPool<DecodeTask, DecodeResult[]>;

/** Memory of one batch. */
export interface Slot {
  /** f32[batch,C,H,W] */
  images: SharedArrayBuffer;
  /** u8[batch,H,W] */
  rois: SharedArrayBuffer;
  /** f32[batch, …dims of a target] */
  targets: Float32Array;
  /** f32[batch,H,W]; empty when regions are not asked for */
  regions: Float32Array;
}

/** What a row of a slot is to hold. */
export interface RowRequest {
  row: number;
  sample: Sample;
  /** In the feed. */
  position: number;
  repeat: number;
}

/** What holds for all rows. */
export interface Shared {
  augmentation?: Omit<TaskAugmentation, 'repeats'>;
  /** Entries by position in the feed. */
  cache?: TaskCache;
}

/** A bounded number of slots in shared memory, and workers that decode into them. */
export class DecodeRing {
  readonly #free: Slot[];

  constructor(
    private readonly pool: DecodePool,
    private readonly preprocessing: Preprocessing,
    slots: number,
    batch: number,
    targetSize: number,
    withRegions: boolean,
  ) {
    const { channels, height, width } = preprocessing;
    const pixels = batch * height * width;
    this.#free = Array.from({ length: slots }, () => ({
      images: new SharedArrayBuffer(4 * channels * pixels),
      rois: new SharedArrayBuffer(pixels),
      targets: new Float32Array(batch * targetSize),
      regions: new Float32Array(withRegions ? pixels : 0),
    }));
  }

  take(): Slot | undefined {
    return this.#free.pop();
  }

  give(slot: Slot): void {
    this.#free.push(slot);
  }

  /** Decodes rows of a slot, spread over the workers in runs of neighbouring rows; results in the order of the requests. */
  async decode(slot: Slot, requests: readonly RowRequest[], { augmentation, cache }: Shared): Promise<DecodeResult[]> {
    const share = Math.ceil(requests.length / this.pool.threads);
    const tasks: Promise<DecodeResult[]>[] = [];
    for (let from = 0; from < requests.length;) {
      const first = requests[from];
      let to = from + 1;
      while (to < requests.length && to - from < share && requests[to].row === first.row + (to - from)) to++;
      const run = requests.slice(from, to);
      tasks.push(
        this.pool.run({
          samples: run.map(({ sample }) => sample),
          preprocessing: this.preprocessing,
          images: slot.images,
          rois: slot.rois,
          offset: first.row,
          augmentation: augmentation && { ...augmentation, repeats: run.map(({ repeat }) => repeat) },
          cache: cache && {
            memory: cache.memory,
            entries: run.map(({ position }) => cache.entries[position]),
            withRegion: cache.withRegion && run.map(({ position }) => cache.withRegion![position]),
          },
        }),
      );
      from = to;
    }
    // All must have ended before the slot may be used again, whatever becomes of one.
    const ended = await Promise.allSettled(tasks);
    return ended.flatMap((task) => {
      if (task.status === 'rejected') throw task.reason;
      return task.value;
    });
  }
}
