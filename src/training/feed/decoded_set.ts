import { expectArgument, SightlineError } from '../../core/errors.js';
import { coreCount, WorkerPool } from '../../core/worker_pool.js';
import { samePreprocessing } from '../../data/preprocess.js';
import { SampleCache } from '../../data/sample_cache.js';
import type { Preprocessing, Sample, TaskCache } from '../../data/types.js';
import type { DecodePool } from './decode_ring.js';

export interface DecodedSetOptions {
  /** Decode threads. Default: the number of cores. */
  workers?: number;
  /** Memory for decoded samples, MiB. Default 1024. */
  cacheMb?: number;
}

/** In what form a sample is wanted. */
export interface DecodedForm {
  /** Before normalising: what is augmented. */
  raw: boolean;
  /** With its region of interest. */
  region: boolean;
}

/** A sample's region as it was at first, or as an oracle has drawn it since. */
interface Known {
  position: number;
  file: string;
  /** Position by region: the image with it. */
  regions: Map<string, number>;
}

const forms = 4;
/** Regions may change: as many positions again for those that do. */
const positionsEach = 2;

/**
 * Decode threads and decoded samples that many feeds and scoring passes use, one after another: what a loop looks at round by
 * round is read from its files once. It changes no result. Labels and regions may differ from one to the next, files may not.
 */
export class DecodedSet {
  readonly cache: SampleCache;
  readonly #known: ReadonlyMap<string, Known>;
  readonly #positions: number;
  /** Whether pixels before and after normalising are the same. */
  readonly #inUnits: boolean;
  #taken: number;

  private constructor(
    samples: readonly Sample[],
    readonly preprocessing: Preprocessing,
    cacheMb: number,
    /** The worker threads. */
    readonly decoders: DecodePool,
  ) {
    const { channels, height, width, mean, std } = preprocessing;
    this.#inUnits = mean.every((value) => value === 0) && std.every((value) => value === 1);
    this.#positions = positionsEach * samples.length;
    this.#taken = samples.length;
    this.cache = SampleCache.create(forms * this.#positions, cacheMb * 2 ** 20, channels, height * width);
    this.#known = new Map(
      samples.map((sample, position) => [
        sample.id,
        { position, file: fileOf(sample), regions: new Map([[regionOf(sample), position]]) },
      ]),
    );
  }

  /**
   * @param samples all that anything is to have, ids unique
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
   * Where a task finds some samples in one form, and leaves what it had to decode.
   * @throws SightlineError E_ARGUMENT for another preprocessing, or a sample that the set was not opened with
   */
  share(samples: readonly Sample[], preprocessing: Preprocessing, form: DecodedForm): TaskCache {
    expectArgument(
      samePreprocessing(preprocessing, this.preprocessing),
      'decoded',
      'a set of the same preprocessing',
      this.preprocessing,
    );
    const { memory } = this.cache;
    const entries = samples.map((sample) => this.#entry(sample, form, true));
    if (form.region) return { memory, entries };
    const whole = { ...form, region: true };
    return { memory, entries, withRegion: samples.map((sample) => this.#entry(sample, whole, false)) };
  }

  /** Whether what is not there yet would find room, by the size of what is. */
  hasRoom({ entries, withRegion }: TaskCache): boolean {
    const { cache } = this;
    const missing = entries.filter((entry, i) => !cache.has(entry) && !(withRegion && cache.has(withRegion[i])));
    return missing.every((entry) => entry >= 0) && missing.length * cache.bytesEach <= cache.room;
  }

  /** −1 where nothing is kept. @param take a place for a region that has none yet */
  #entry(sample: Sample, { raw, region }: DecodedForm, take: boolean): number {
    const known = this.#known.get(sample.id);
    expectArgument(
      known?.file === fileOf(sample),
      'decoded',
      'a set that was opened with all samples as they are',
      sample.id,
    );
    const own = regionOf(sample);
    const withRegion = region && own !== noRegion;
    const position = withRegion ? this.#positionOf(known!, own, take) : known!.position;
    if (position === undefined) return -1;
    return position + this.#positions * (2 * Number(raw && !this.#inUnits) + Number(withRegion));
  }

  #positionOf({ regions }: Known, region: string, take: boolean): number | undefined {
    const position = regions.get(region);
    if (position !== undefined || !take || this.#taken === this.#positions) return position;
    regions.set(region, this.#taken);
    return this.#taken++;
  }

  /** Bytes of decoded samples in memory. */
  get bytes(): number {
    return this.cache.bytes;
  }

  /** Ends the worker threads. Feeds and passes must have ended before. */
  close(): Promise<void> {
    return this.decoders.close();
  }
}

/** What decides a sample's pixels, but for its id. */
const fileOf = ({ path, slice }: Sample) => JSON.stringify([path, slice ?? null]);

const regionOf = ({ mask, boxes = [] }: Sample) =>
  JSON.stringify([mask ?? null, boxes.map(({ x0, y0, x1, y1 }) => [x0, y0, x1, y1])]);

const noRegion = '[null,[]]';
