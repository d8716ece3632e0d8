import { SightlineError } from '../core/errors.js';
import type { Sample } from '../data/types.js';
import type { StageFindings, StoredAnswer, StoredQuery } from '../store/run_schema.js';
import { fullySupervised } from './config/types.js';
import { chooseInitial } from './initial_set.js';
import { labelledSet, type LabelledSet } from './labelled_set.js';
import { openOracle } from './open_oracle.js';
import type { RunContext } from './round.js';
import type { LoopData, RunData } from './run_data.js';
import { waiting } from './stopwatch.js';
import { writeStatus } from './run_status.js';

/** Who labels what in a run: the questions of a round, the answers as they come, and what is known by them. */
export class Labelling {
  #answers: readonly (StoredAnswer & { round: number })[] = [];
  #set!: LabelledSet;

  private constructor(
    private readonly run: RunContext,
    private readonly data: LoopData,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** Takes up what the store knows. @param signal aborted: asking ends where it waits for a person */
  static async open(run: RunContext, data: LoopData, signal?: AbortSignal): Promise<Labelling> {
    const labelling = new Labelling(run, data, signal);
    await labelling.#refresh();
    return labelling;
  }

  /** What the oracle has said by the end of a round: a resumed run knows answers of later ones, too. */
  upTo(round: number): LabelledSet {
    return labelledSet(
      this.data.byId,
      this.#answers.filter((answer) => answer.round <= round),
    );
  }

  /** Samples to train on in a round: what was labelled in the first data set may have been dropped with it. */
  labelledFor(round: number): Sample[] {
    return this.#ownOf(round, this.upTo(round).samples);
  }

  /**
   * What a round's selection begins with: what was labelled before it, and what can still be asked about. A selection that has
   * asked about some already and was interrupted begins with the same again.
   */
  async before(round: number, data: RunData): Promise<{ labelled: Sample[]; pool: Sample[] }> {
    const { samples } = this.upTo(round - 1);
    return { labelled: this.#ownOf(round, samples), pool: await this.left(round - 1, data) };
  }

  /** Of the pool, what by the end of a round has neither been asked about nor turned out unusable. */
  async left(round: number, data: RunData): Promise<Sample[]> {
    const { asked } = this.upTo(round);
    const rows = (await this.run.store.quarantined()).filter((row) => row.round <= round);
    const unusable = new Set(rows.map(({ id }) => id));
    return data.pool.filter(({ id }) => !asked.has(id) && !unusable.has(id));
  }

  /** Queries of the initial set. */
  initial(data: RunData): StoredQuery[] {
    const { order, count } = this.#initialSet(data);
    return order.slice(0, count).map(initialQuery);
  }

  /** Asks until everything of the round is answered; of the initial set, on and on until two classes have come up. */
  async askAll(round: number, data: RunData): Promise<StageFindings> {
    await this.#ask(round);
    if (round > 0) return {};
    const { order, count } = this.#initialSet(data);
    for (
      let at = (await this.run.store.queries(0)).length;
      this.#set.classes.size < 2 && at < order.length;
      at += count
    ) {
      const more = order.slice(at, at + count).map((id, i) => initialQuery(id, at + i));
      await this.run.store.addQueries(0, more);
      await this.#ask(0);
    }
    if (this.#set.classes.size >= 2) return {};
    throw new SightlineError('E_MANIFEST', {
      where: 'oracle',
      what: `all ${this.#set.samples.length} labels are of one class: ${[...this.#set.classes].join()}`,
      remedy: 'A classifier needs samples of at least two classes: check the pool and the labels.',
    });
  }

  /** Asks about more samples of a round at once. @returns those that were labelled */
  async askAbout(round: number, queries: readonly StoredQuery[]): Promise<Sample[]> {
    const { store } = this.run;
    const asked = new Set((await store.queries(round)).map(({ id }) => id));
    await store.addQueries(
      round,
      queries.filter(({ id }) => !asked.has(id)),
    );
    await this.#ask(round);
    const ids = new Set(queries.map(({ id }) => id));
    return this.#set.samples.filter(({ id }) => ids.has(id));
  }

  #ownOf(round: number, samples: Sample[]): Sample[] {
    const { switch: other } = this.run.config;
    if (!other || round < other.round || other.labelled === 'keep') return samples;
    const own = new Set(this.data.second!.pool.map(({ id }) => id));
    return samples.filter(({ id }) => own.has(id));
  }

  #initialSet(data: RunData): { order: readonly string[]; count: number } {
    const { config, entry, seed } = this.run;
    if (entry.strategy === fullySupervised) return { order: data.pool.map(({ id }) => id), count: data.pool.length };
    return chooseInitial(data.pool, config.initial, seed);
  }

  async #ask(round: number): Promise<void> {
    const { store, config, watch, onNotice, folder, classes } = this.run;
    const all = await store.queries(round);
    const queries = all.filter(({ id }) => !this.#set.asked.has(id));
    if (!queries.length) return;
    const simulated = config.oracle.kind === 'simulated';
    if (!simulated) await this.#tellWaiting(round);
    // Of all: an answer may come again, mended.
    const positions = new Map(all.map(({ id, position }) => [id, position]));
    const oracle = openOracle(config.oracle, { samples: [...this.data.byId.values()], classes, onNotice });
    const known = (value: number) => (Number.isNaN(value) ? null : value);
    const questions = queries.map(({ position, id, score, confidence, predicted, reason }) => {
      const { path, slice } = this.data.byId.get(id)!;
      const seen = { score: known(score), confidence: known(confidence), predicted, reason };
      return { id, path, slice, rank: position + 1, ...seen };
    });
    const asking = () =>
      oracle.ask(questions, { round, folder, signal: this.signal }, (answers) =>
        store.addAnswers(
          round,
          answers.map(({ id, label, labels, mask, boxes, cost, skipped = false }) => ({
            ...{ position: positions.get(id)!, id, label: label ?? labels?.join('|') ?? null, mask: mask ?? null },
            ...{ boxes: boxes ? JSON.stringify(boxes) : null, cost, skipped },
          })),
        ),
      );
    // Waiting for a person is nobody's work; what the simulated oracle takes is the loop's own.
    try {
      await watch.during(simulated ? 'bookkeeping' : waiting, asking);
    } finally {
      oracle.close?.();
      await this.#refresh();
      if (!simulated) await this.#tellWaiting(round);
    }
  }

  async #tellWaiting(round: number): Promise<void> {
    const missing = (await this.run.store.queries(round)).filter(({ id }) => !this.#set.asked.has(id)).length;
    const standing = { round, labelled: this.#set.samples.length };
    if (missing === 0) await writeStatus(this.run, { state: 'running', ...standing });
    else await writeStatus(this.run, { state: 'waiting', ...standing, why: `${missing} answers are missing` });
  }

  async #refresh(): Promise<void> {
    this.#answers = await this.run.store.answers();
    this.#set = labelledSet(this.data.byId, this.#answers);
  }
}

const initialQuery = (id: string, position: number): StoredQuery => ({
  ...{ position, id, score: NaN, predicted: null, confidence: NaN, reason: 'initial set' },
});
