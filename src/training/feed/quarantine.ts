import { SightlineError, type ErrorData } from '../../core/errors.js';
import type { DecodeStage, Sample } from '../../data/types.js';

/** A sample that could not be used, and why. */
export interface QuarantinedSample {
  id: string;
  path: string;
  stage: DecodeStage;
  code: ErrorData['code'];
  /** Where, what and remedy, as an error's message. */
  message: string;
}

/** Samples that failed: left out from then on, each reported once. */
export class Quarantine {
  readonly #out = new Set<number>();
  #first?: QuarantinedSample;

  /** @param known ids that are left out from the start, without a report; ids that no sample has are ignored */
  constructor(
    private readonly samples: readonly Sample[],
    known: readonly string[],
    private readonly report: (row: QuarantinedSample) => void,
  ) {
    const ids = new Set(known);
    samples.forEach(({ id }, i) => ids.has(id) && this.#out.add(i));
    this.#expectEnough();
  }

  has(position: number): boolean {
    return this.#out.has(position);
  }

  /** In the order of the samples. */
  ids(): string[] {
    return this.samples.filter((_, i) => this.#out.has(i)).map(({ id }) => id);
  }

  /** @throws SightlineError, of the first failure's code, when more than half of the samples have failed */
  add(position: number, stage: DecodeStage, error: ErrorData): void {
    if (this.#out.has(position)) return;
    this.#out.add(position);
    const { id, path } = this.samples[position];
    const row = { id, path, stage, code: error.code, message: SightlineError.fromData(error).message };
    this.#first ??= row;
    this.report(row);
    this.#expectEnough();
  }

  #expectEnough(): void {
    if (2 * this.#out.size <= this.samples.length) return;
    const first = this.#first;
    throw new SightlineError(first?.code ?? 'E_POOL_EMPTY', {
      where: 'samples',
      what:
        `${this.#out.size} of ${this.samples.length} could not be used` +
        (first ? `; the first in this run, ${first.id} (${first.stage}): ${first.message.replace(/\.+$/, '')}` : ''),
      remedy: 'Mend the files or the manifest: with more than half of the samples missing, training stops.',
    });
  }
}
