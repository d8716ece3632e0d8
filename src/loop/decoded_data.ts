import { samePreprocessing } from '../data/preprocess.js';
import type { Preprocessing } from '../data/types.js';
import { trainingPreprocessing } from '../engine/training_plan.js';
import { DecodedSet } from '../training/feed/decoded_set.js';
import type { NoiseConfig } from './config/types.js';
import { cacheOf, networkOptions, noiseOn } from './network_options.js';
import type { RunConfig } from './run_config.js';
import type { LoopData } from './run_data.js';

type Part = NoiseConfig['on'][number];

const everyPart: readonly Part[] = ['training', 'pool', 'test'];

/**
 * Decoded images of all that the runs of a grid ever look at, with the threads that decode them. Where noise belongs to some
 * parts of the data alone, the images of the others are other images.
 */
export class DecodedData {
  readonly #sets = new Map<Part, DecodedSet>();

  private constructor() {}

  /** @throws SightlineError E_MEMORY, and those of the model's file */
  static async open(config: RunConfig, { first, second }: LoopData): Promise<DecodedData> {
    const samples = [first, second].flatMap((own) => (own ? [...own.pool, ...own.validation, ...own.test] : []));
    const kinds: { preprocessing: Preprocessing; parts: Part[] }[] = [];
    for (const part of everyPart) {
      const preprocessing = trainingPreprocessing({ ...networkOptions(config), ...noiseOn(config.noise, part) });
      const same = kinds.find((kind) => samePreprocessing(kind.preprocessing, preprocessing));
      if (same) same.parts.push(part);
      else kinds.push({ preprocessing, parts: [part] });
    }
    const options = { workers: config.compute.workers, cacheMb: cacheOf(config) / kinds.length };
    const data = new DecodedData();
    try {
      for (const { preprocessing, parts } of kinds) {
        const set = await DecodedSet.open(samples, preprocessing, options);
        for (const part of parts) data.#sets.set(part, set);
      }
      return data;
    } catch (error) {
      await data.close();
      throw error;
    }
  }

  /** Of trainings (their validation and test samples, too), of passes over the pool, of those over the test samples. */
  of(part: Part): DecodedSet {
    return this.#sets.get(part)!;
  }

  async close(): Promise<void> {
    for (const set of new Set(this.#sets.values())) await set.close();
  }
}
