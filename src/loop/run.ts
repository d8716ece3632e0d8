import type { ProgressListener } from '../core/progress.js';
import { trainSamples, type TrainSummary } from '../engine/train.js';
import type { StageFindings, StoredMetric } from '../store/run_schema.js';
import { RunStore } from '../store/run_store.js';
import { acquire } from './acquisition.js';
import { beginRun } from './begin_run.js';
import { evaluateRound, trainingMetrics } from './evaluation.js';
import { Labelling } from './labelling.js';
import { classifierOptions, segmentationOptions } from './network_options.js';
import type { Cell, RunConfig } from './run_config.js';
import type { LoopData, RunData } from './run_data.js';
import { modelFile, trainedFolder, type RunContext } from './round.js';
import { metricsByName } from './round_metrics.js';
import {
  dearestQuery,
  nextCount,
  stopReason,
  type BudgetRules,
  type RoundOutcome,
  type StopReason,
} from './stop_rule.js';
import { Stopwatch } from './stopwatch.js';
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
  readonly #finished: Set<string>;

  private constructor(
    run: RunContext,
    private readonly labelling: Labelling,
    private readonly data: LoopData,
    private readonly listeners: RunListeners,
    finished: Set<string>,
  ) {
    const { stop, batch, oracle } = run.config;
    this.#run = run;
    this.#rules = { stop, batch, dearestQuery: dearestQuery(oracle) };
    this.#finished = finished;
  }

  /** @throws SightlineError E_RESUME_MISMATCH: the folder holds a run of other settings */
  static async open(
    config: RunConfig,
    cell: Cell,
    data: LoopData,
    { backend, decoded }: Pick<RunContext, 'backend' | 'decoded'>,
    listeners: RunListeners = {},
  ): Promise<LoopRun> {
    const store = await RunStore.open(cell.folder);
    try {
      const { onProgress, onNotice = () => {} } = listeners;
      await beginRun(store, config, cell, data);
      const run: RunContext = {
        ...{ config, entry: cell.entry, seed: cell.seed, folder: cell.folder, classes: data.classes },
        ...{ store, backend, decoded, watch: new Stopwatch(), onProgress, onNotice },
      };
      const labelling = await Labelling.open(run, data, listeners.signal);
      return new LoopRun(run, labelling, data, listeners, await store.finishedStages());
    } catch (error) {
      store.close();
      throw error;
    }
  }

  /** Goes on until a rule stops it. Called for a run that has ended, it says why again. */
  async run(): Promise<StopReason> {
    const { watch } = this.#run;
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
    const labelled = last?.labels ?? this.labelling.upTo(round).samples.length;
    await writeStatus(this.#run, { state: 'running', round, labelled });
    await this.#stage(round, 'select', () =>
      last ? this.#select(round, last, data) : Promise.resolve({ queries: this.labelling.initial(data) }),
    );
    await this.#stage(round, 'ask', () => this.labelling.askAll(round, data));
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

  async #select(round: number, last: RoundOutcome, data: RunData): Promise<StageFindings> {
    return acquire({
      ...this.#run,
      ...{ round, data, ...(await this.labelling.before(round, data)) },
      model: modelFile(this.#run, round - 1),
      count: nextCount(last, this.#rules),
      ask: (queries) => this.labelling.askAbout(round, queries),
    });
  }

  async #train(round: number, data: RunData): Promise<StageFindings> {
    const { config, watch, onNotice } = this.#run;
    const warm = config.training.start === 'warm' && round > 0;
    const summary = await watch.during('training', () =>
      trainSamples(
        { training: this.labelling.labelledFor(round), validation: [...data.validation], test: [] },
        {
          ...classifierOptions(this.#run, trainedFolder(this.#run, round, 'model')),
          ...(warm && { startFrom: modelFile(this.#run, round - 1) }),
          onNotice,
        },
      ),
    );
    return this.#measured(round, trainingMetrics('validation', chosenMetrics(summary)));
  }

  /** Of task segmentation: a U-Net on the masks of what the classifier has selected (IDEAL §V-F). */
  async #segment(round: number, data: RunData): Promise<StageFindings> {
    const { watch, onNotice } = this.#run;
    const summary = await watch.during('training', () =>
      trainSamples(
        { training: this.labelling.labelledFor(round), validation: [...data.validation], test: [...data.test] },
        {
          ...segmentationOptions(this.#run, trainedFolder(this.#run, round, 'segmentation')),
          onNotice,
        },
      ),
    );
    return this.#measured(round, [
      ...trainingMetrics('validation segmentation', chosenMetrics(summary)),
      ...trainingMetrics('test segmentation', summary.test),
    ]);
  }

  async #evaluate(round: number, data: RunData): Promise<StageFindings> {
    const { watch } = this.#run;
    const model = modelFile(this.#run, round);
    return this.#measured(
      round,
      await watch.during('evaluating', () => evaluateRound(this.#run, round, model, data.test)),
    );
  }

  #measured(round: number, values: readonly StoredMetric[]): StageFindings {
    const { samples, cost } = this.labelling.upTo(round);
    return { metrics: { labelled: samples.length, cost, values } };
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
    const { samples, cost } = this.labelling.upTo(round);
    return {
      ...{ round, labels: samples.length, cost },
      poolLeft: (await this.labelling.left(round, data)).length,
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
}

const chosenMetrics = ({ periods }: TrainSummary) =>
  (periods.findLast((row) => row.best) ?? periods.at(-1))?.validation ?? null;
