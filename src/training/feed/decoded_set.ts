import { expectArgument, SightlineError } from '../../core/errors.js';
import { coreCount, WorkerPool } from '../../core/worker_pool.js';
import { SampleCache } from '../../data/sample_cache.js';
import type { Preprocessing, Sample } from '../../data/types.js';
import type { DecodePool } from './decode_ring.js';

export interface DecodedSetOptions {
  /** Decode threads. Default: the number of cores. */
  workers?: number;
  /** Memory for decoded samples, MiB. Default 1024. */
  cacheMb?: number;
}

/** In what form a feed wants a sample. */
export interface DecodedForm {
  /** Before normalising: what is augmented. */
  raw: boolean;
  /** With its region of interest. */
  region: boolean;
}

const forms = 4;

/**
 * Decode threads and decoded samples that many feeds use, one after another: what a loop trains on round by round is read
 * from its files once. It changes no result. Labels may differ from feed to feed, files and regions may not.
 */
export class DecodedSet {
  readonly cache: SampleCache;
  readonly #count: number;
  readonly #positions: ReadonlyMap<string, { position: number; source: string }>;

  private constructor(
    samples: readonly Sample[],
    private readonly preprocessing: Preprocessing,
    cacheMb: number,
    /** The worker threads. */
    readonly decoders: DecodePool,
  ) {
    const { channels, height, width } = preprocessing;
    this.#count = samples.length;
    this.cache = SampleCache.create(forms * samples.length, cacheMb * 2 ** 20, channels, height * width);
    this.#positions = new Map(samples.map((sample, position) => [sample.id, { position, source: sourceOf(sample) }]));
  }

  /**
   * @param samples all that any feed is to have, ids unique
   * @throws SightlineError E_ARGUMENT, E_MEMORY
   */
  static async open(
    samples: readonly Sample[],
    preprocessing: Preprocessing,
    { workers = coreCount(), cacheMb = 1024 }: DecodedSetOptions = {},
  ): Promise<DecodedSet> {
    expectArgument(Number.isInteger(workers) && workers > 0, 'workers', 'a positive whole number', workers);
    expectArgument(cacheMb >= 0 && Number.isFinite(cacheMb), 'cacheMb', 'a finite number from 0', cacheMb);
    const decoders: DecodePool = new WorkerPool('data/decode_worker', { threads: workers });
    try {
      return new DecodedSet(samples, preprocessing, cacheMb, decoders);
    } catch (error) {
      await decoders.close();
      throw SightlineError.from(error, 'E_MEMORY', {
        where: 'decoded samples',
        what: `no memory for a cache of ${cacheMb} MiB`,
        remedy: 'Take a smaller cache.',
      });
    }
  }

  /**
   * For each of a feed's samples its entry in the cache, by form.
   * @throws SightlineError E_ARGUMENT for another preprocessing, or a sample that the set was not opened with
   */
  entriesOf(samples: readonly Sample[], preprocessing: Preprocessing): (position: number, form: DecodedForm) => number {
    const same = JSON.stringify(preprocessing) === JSON.stringify(this.preprocessing);
    expectArgument(same, 'decoded', 'a set of the same preprocessing', this.preprocessing);
    const positions = samples.map((sample) => {
      const known = this.#positions.get(sample.id);
      const there = known?.source === sourceOf(sample);
      expectArgument(there, 'decoded', 'a set that was opened with all samples as they are', sample.id);
      return known!.position;
    });
    return (position, { raw, region }) => positions[position] + this.#count * (2 * Number(raw) + Number(region));
  }

  /** Bytes of decoded samples in memory. */
  get bytes(): number {
    return this.cache.bytes;
  }

  /** Ends the worker threads. Feeds must have ended before. */
  close(): Promise<void> {
    return this.decoders.close();
  }
}

/** What decides a sample's pixels and region. */
const sourceOf = ({ path, slice, mask, boxes }: Sample) => JSON.stringify([path, slice, mask, boxes]);
