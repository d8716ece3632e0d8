import { join } from 'node:path';
import type { Backend } from '../backend/index.js';
import { SightlineError } from '../core/errors.js';
import type { ProgressListener } from '../core/progress.js';
import type { Sample } from '../data/types.js';
import { trainSamples, type TrainSummary } from '../engine/train.js';
import { RunStore, type StageFindings, type StoredQuery } from '../store/run_store.js';
import { acquire } from './acquisition.js';
import { evaluateRound, trainingMetrics } from './evaluation.js';
import { fullySupervised } from './config/types.js';
import { runFingerprint } from './fingerprint.js';
import { chooseInitial } from './initial_set.js';
import { labelledSet, type LabelledSet } from './labelled_set.js';
import { classifierOptions, segmentationOptions } from './network_options.js';
import { openOracle } from './open_oracle.js';
import type { Cell, RunConfig } from './run_config.js';
import type { LoopData, RunData } from './run_data.js';
import { roundFolder, type RunContext } from './round.js';
import { metricsByName } from './round_metrics.js';
import { noiseOn } from './scoring_options.js';
import {
  dearestQuery,
  nextCount,
  stopReason,
  type BudgetRules,
  type RoundOutcome,
  type StopReason,
} from './stop_rule.js';
import { Stopwatch, waiting } from './stopwatch.js';
import { writeStatus } from './run_status.js';

/** What a run tells while it goes on. */
export interface RunListeners {
  onProgress?: ProgressListener;
  onNotice?: (message: string) => void;
  /** After each round. */
  onRound?: (report: RoundReport) => void;
  /** Aborted: the run pauses where it waits for a person. */
  signal?: AbortSignal;
}

/** A round that has ended. */
export interface RoundReport {
  strategy: string;
  seed: number;
  round: number;
  /** Labels so far, and those of this round. */
  labelled: number;
  added: number;
  cost: number;
  /** By part and name, as "test auc". */
  metrics: ReadonlyMap<string, number>;
  /** Seconds of the round by activity. */
  times: ReadonlyMap<string, number>;
  /** Why the run has ended with it; null where it goes on. */
  stop: StopReason | null;
}

/**
 * One run: a strategy under a seed (IDEAL's Algorithm 1). Every stage of a round is finished for good once the store says so;
 * what a killed process was at is taken up where it stood: scoring by its chunks, training by its checkpoints, labels one by
 * one. The same settings end with the same labels, rankings and metrics, however often a run was interrupted.
 */
export class LoopRun {
  readonly #run: RunContext;
  readonly #rules: BudgetRules;
  #finished: Set<string>;
  #set!: LabelledSet;

  private constructor(
    run: RunContext,
    private readonly data: LoopData,
    private readonly shared: string,
    private readonly listeners: RunListeners,
    finished: Set<string>,
  ) {
    const { stop, batch, oracle } = run.config;
    this.#run = run;
    this.#rules = { stop, batch, dearestQuery: dearestQuery(oracle) };
    this.#finished = finished;
  }

  /**
   * @param shared folder for what runs of the same seed have in common: the training of the initial set
   * @throws SightlineError E_RESUME_MISMATCH: the folder holds a run of other settings
   */
  static async open(
    config: RunConfig,
    cell: Cell,
    data: LoopData,
    shared: string,
    backend: Backend,
    listeners: RunListeners = {},
  ): Promise<LoopRun> {
    const store = await RunStore.open(cell.folder);
    try {
      const { onProgress, onNotice = () => {} } = listeners;
      await begin(store, config, cell, data);
      const run: RunContext = {
        ...{ config, entry: cell.entry, seed: cell.seed, folder: cell.folder, classes: data.classes },
        ...{ store, backend, watch: new Stopwatch(), onProgress, onNotice },
      };
      return new LoopRun(run, data, shared, listeners, await store.finishedStages());
    } catch (error) {
      store.close();
      throw error;
    }
  }

  /** Goes on until a rule stops it. Called for a run that has ended, it says why again. */
  async run(): Promise<StopReason> {
    const { watch } = this.#run;
    await this.#refresh();
    return watch.during('bookkeeping', async () => {
      for (let round = 0, last: RoundOutcome | null = null; ; round++) {
        last = await this.#round(round, last);
        const stop = stopReason(last, this.#rules);
        if (await this.#stage(round, 'end', () => Promise.resolve({}))) await this.#report(round, last, stop);
        if (stop) {
          await writeStatus(this.#run, { state: 'finished', round, labelled: last.labels, why: stop.text });
          return stop;
        }
      }
    });
  }

  close(): void {
    this.#run.store.close();
  }

  async #round(round: number, last: RoundOutcome | null): Promise<RoundOutcome> {
    const data = this.#dataOf(round);
    await this.#status(round, last);
    await this.#stage(round, 'select', () => (last ? this.#select(round, last, data) : this.#initial(data)));
    await this.#stage(round, 'ask', () => this.#askAll(round, data));
    await this.#stage(round, 'train', () => this.#train(round, data));
    if (this.#run.config.task === 'segmentation') {
      await this.#stage(round, 'segment', () => this.#segment(round, data));
    }
    await this.#stage(round, 'evaluate', () => this.#evaluate(round, data));
    return this.#outcome(round);
  }

  /** Does a stage that is not finished. @returns whether it was done now */
  async #stage(round: number, stage: string, body: () => Promise<StageFindings>): Promise<boolean> {
    const key = `${round} ${stage}`;
    if (this.#finished.has(key)) return false;
    const { store, watch } = this.#run;
    try {
      const found = await body();
      await store.endStage(round, stage, found, watch.take());
    } catch (error) {
      // What was spent is kept; that it was is no reason to hide why it failed.
      await store.addTimes(round, watch.take()).catch(() => {});
      throw error;
    }
    this.#finished.add(key);
    return true;
  }

  #dataOf(round: number): RunData {
    const { switch: other } = this.#run.config;
    return other && round >= other.round ? this.data.second! : this.data.first;
  }

  /** What was labelled in the first data set may have been dropped with it. */
  #labelledFor(round: number): Sample[] {
    const { switch: other } = this.#run.config;
    if (!other || round < other.round || other.labelled === 'keep') return this.#set.samples;
    const own = new Set(this.data.second!.pool.map(({ id }) => id));
    return this.#set.samples.filter(({ id }) => own.has(id));
  }

  async #refresh(): Promise<void> {
    this.#set = labelledSet(this.data.byId, await this.#run.store.answers());
  }

  async #poolOf(data: RunData): Promise<Sample[]> {
    const unusable = new Set((await this.#run.store.quarantined()).map(({ id }) => id));
    return data.pool.filter(({ id }) => !this.#set.asked.has(id) && !unusable.has(id));
  }

  #initialSet(data: RunData): { order: readonly string[]; count: number } {
    const { config, entry, seed } = this.#run;
    if (entry.strategy === fullySupervised) return { order: data.pool.map(({ id }) => id), count: data.pool.length };
    return chooseInitial(data.pool, config.initial, seed);
  }

  #initial(data: RunData): Promise<StageFindings> {
    const { order, count } = this.#initialSet(data);
    return Promise.resolve({ queries: order.slice(0, count).map(initialQuery) });
  }

  async #select(round: number, last: RoundOutcome, data: RunData): Promise<StageFindings> {
    return acquire({
      ...this.#run,
      ...{ round, data, labelled: this.#labelledFor(round), pool: await this.#poolOf(data) },
      model: this.#modelOf(round - 1),
      count: nextCount(last, this.#rules),
      ask: async (queries) => {
        const { store } = this.#run;
        const asked = new Set((await store.queries(round)).map(({ id }) => id));
        await store.addQueries(
          round,
          queries.filter(({ id }) => !asked.has(id)),
        );
        await this.#ask(round);
        const ids = new Set(queries.map(({ id }) => id));
        return this.#set.samples.filter(({ id }) => ids.has(id));
      },
    });
  }

  /** Asks until everything of the round is answered; of the initial set, on and on until two classes have come up. */
  async #askAll(round: number, data: RunData): Promise<StageFindings> {
    await this.#ask(round);
    if (round > 0) return {};
    const { order, count } = this.#initialSet(data);
    for (
      let at = (await this.#run.store.queries(0)).length;
      this.#set.classes.size < 2 && at < order.length;
      at += count
    ) {
      const more = order.slice(at, at + count).map((id, i) => initialQuery(id, at + i));
      await this.#run.store.addQueries(0, more);
      await this.#ask(0);
    }
    if (this.#set.classes.size >= 2) return {};
    throw new SightlineError('E_MANIFEST', {
      where: 'oracle',
      what: `all ${this.#set.samples.length} labels are of one class: ${[...this.#set.classes].join()}`,
      remedy: 'A classifier needs samples of at least two classes: check the pool and the labels.',
    });
  }

  async #ask(round: number): Promise<void> {
    const { store, config, watch, onNotice, folder, classes } = this.#run;
    const queries = (await store.queries(round)).filter(({ id }) => !this.#set.asked.has(id));
    if (!queries.length) return;
    await this.#status(round, null, `waiting for ${queries.length} answers`);
    const positions = new Map(queries.map(({ id, position }) => [id, position]));
    const oracle = openOracle(config.oracle, { samples: [...this.data.byId.values()], classes, onNotice });
    const known = (value: number) => (Number.isNaN(value) ? null : value);
    const questions = queries.map(({ position, id, score, confidence, predicted, reason }) => {
      const { path, slice } = this.data.byId.get(id)!;
      const seen = { score: known(score), confidence: known(confidence), predicted, reason };
      return { id, path, slice, rank: position + 1, ...seen };
    });
    const asking = () =>
      oracle.ask(questions, { round, folder, signal: this.listeners.signal }, async (answer) => {
        const { id, label, labels, mask, boxes, cost, skipped = false } = answer;
        await store.answer(round, {
          ...{ position: positions.get(id)!, id, label: label ?? labels?.join('|') ?? null, mask: mask ?? null },
          ...{ boxes: boxes ? JSON.stringify(boxes) : null, cost, skipped },
        });
      });
    await watch.during(waiting, asking).finally(() => oracle.close?.());
    await this.#refresh();
  }

  /** The initial set's training is the same for all strategies of a seed: the first of them does it. */
  #modelFolder(round: number, ...part: string[]): string {
    const own =
      round > 0 || this.#run.entry.strategy === fullySupervised || this.#run.config.oracle.kind !== 'simulated';
    return own ? roundFolder(this.#run, round, ...part) : join(this.shared, `seed-${this.#run.seed}`, ...part);
  }

  #modelOf(round: number): string {
    return join(this.#modelFolder(round, 'model'), 'model.onnx');
  }

  async #train(round: number, data: RunData): Promise<StageFindings> {
    const { config, watch, onNotice } = this.#run;
    const warm = config.training.start === 'warm' && round > 0;
    const summary = await watch.during('training', () =>
      trainSamples(
        { training: this.#labelledFor(round), validation: [...data.validation], test: [] },
        {
          ...classifierOptions(this.#run, this.#modelFolder(round, 'model')),
          ...noiseOn(config.noise, 'training'),
          ...(warm && { startFrom: this.#modelOf(round - 1) }),
          onNotice,
        },
      ),
    );
    return this.#measured(trainingMetrics('validation', chosenMetrics(summary)));
  }

  /** Of task segmentation: a U-Net on the masks of what the classifier has selected (IDEAL §V-F). */
  async #segment(round: number, data: RunData): Promise<StageFindings> {
    const { watch, onNotice, config } = this.#run;
    const summary = await watch.during('training', () =>
      trainSamples(
        { training: this.#labelledFor(round), validation: [...data.validation], test: [...data.test] },
        {
          ...segmentationOptions(this.#run, this.#modelFolder(round, 'segmentation')),
          ...noiseOn(config.noise, 'training'),
          onNotice,
        },
      ),
    );
    return this.#measured([
      ...trainingMetrics('validation segmentation', chosenMetrics(summary)),
      ...trainingMetrics('test segmentation', summary.test),
    ]);
  }

  async #evaluate(round: number, data: RunData): Promise<StageFindings> {
    const { watch } = this.#run;
    const model = this.#modelOf(round);
    return this.#measured(await watch.during('evaluating', () => evaluateRound(this.#run, round, model, data.test)));
  }

  #measured(values: NonNullable<StageFindings['metrics']>['values']): StageFindings {
    return { metrics: { labelled: this.#set.samples.length, cost: this.#set.cost, values } };
  }

  async #outcome(round: number): Promise<RoundOutcome> {
    const { store, config } = this.#run;
    const metrics = metricsByName(await store.metrics(), round);
    const of = (part: 'validation' | 'test') => ({
      auc: metrics.get(`${part} auc`),
      dice: metrics.get(`${part} segmentation dice`),
    });
    // A data set that is still to come is no spent pool.
    const { switch: other } = config;
    const data = other && round + 1 === other.round ? this.data.second! : this.#dataOf(round);
    return {
      ...{ round, labels: this.#set.samples.length, cost: this.#set.cost },
      poolLeft: (await this.#poolOf(data)).length,
      metrics: { validation: of('validation'), test: of('test') },
    };
  }

  async #report(round: number, last: RoundOutcome, stop: StopReason | null): Promise<void> {
    const { store, entry, seed } = this.#run;
    const answers = await store.answers();
    const times = (await store.times()).filter((row) => row.round === round);
    this.listeners.onRound?.({
      ...{ strategy: entry.name, seed, round, labelled: last.labels, cost: last.cost, stop },
      added: answers.filter((answer) => answer.round === round && !answer.skipped).length,
      metrics: metricsByName(await store.metrics(), round),
      times: new Map(times.map(({ activity, seconds }) => [activity, seconds])),
    });
  }

  #status(round: number, last: RoundOutcome | null, why?: string): Promise<void> {
    const labelled = last?.labels ?? this.#set.samples.length;
    return writeStatus(this.#run, { state: why ? 'waiting' : 'running', round, labelled, why });
  }
}

const initialQuery = (id: string, position: number): StoredQuery => ({
  ...{ position, id, score: NaN, predicted: null, confidence: NaN, reason: 'initial set' },
});

const chosenMetrics = ({ periods }: TrainSummary) =>
  (periods.findLast((row) => row.best) ?? periods.at(-1))?.validation ?? null;

/** A new run, or the one that is there if it was made with the same settings. */
async function begin(store: RunStore, config: RunConfig, cell: Cell, data: LoopData): Promise<void> {
  const print = runFingerprint(config, cell, data);
  const earlier = await store.meta<Record<string, string>>('fingerprint');
  if (!earlier) {
    const parts = Object.entries({ first: data.first, second: data.second }).flatMap(([set, own]) =>
      Object.entries(own ?? {}).flatMap(([part, samples]: [string, readonly Sample[]]) =>
        samples.map((sample) => ({ ...sample, part: set === 'first' ? part : `second ${part}` })),
      ),
    );
    const about = {
      strategy: cell.entry.name,
      entry: cell.entry,
      seed: cell.seed,
      classes: data.classes,
      poolSize: data.first.pool.length,
    };
    await store.begin(parts, { fingerprint: print, ...about });
    return;
  }
  const changed = Object.keys(print).filter((key) => earlier[key] !== print[key]);
  if (!changed.length) return;
  throw new SightlineError('E_RESUME_MISMATCH', {
    where: cell.folder,
    what: `the run there was made with another ${changed.join(', ')}`,
    remedy: 'Give the same settings, or --overwrite to start again, or another folder as out.',
  });
}
