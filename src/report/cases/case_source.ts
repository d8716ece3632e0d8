import { SightlineError } from '../../core/errors.js';
import type { ProgressListener } from '../../core/progress.js';
import type { Preprocessing, Sample } from '../../data/types.js';
import { trainingPreprocessing } from '../../engine/training_plan.js';
import { networkOptions } from '../../loop/network_options.js';
import { cellsOf, fullySupervised, type Cell, type RunConfig, type StrategyConfig } from '../../loop/run_config.js';
import { openLoopData, type LoopData } from '../../loop/run_data.js';
import { findRuns } from '../../loop/run_status.js';
import { casePicture, type CasePicture } from './layers.js';

export interface CaseOptions {
  onProgress?: ProgressListener;
  /** What had to be left out, and why. */
  onNotice?: (message: string) => void;
  /** The grid's data, where the caller has opened them already (with `filesMayBeGone`). */
  data?: LoopData;
}

/** A run of a grid, as pictures need it. */
export interface FinishedRun extends Cell {
  config: RunConfig;
}

/** What all pictures of a grid are made from: its data, its finished runs, and each image read once. */
export class CaseSource {
  readonly #pictures = new Map<string, Promise<CasePicture | SightlineError>>();

  private constructor(
    readonly config: RunConfig,
    readonly data: LoopData,
    /** How images are brought to the input of the grid's models. */
    private readonly preprocessing: Preprocessing,
    private readonly finished: ReadonlySet<string>,
    readonly onNotice: (message: string) => void,
    readonly onProgress: ProgressListener | undefined,
  ) {}

  /** Null where the data set is gone: there is nothing to show then, which a notice says. */
  static async open(config: RunConfig, options: CaseOptions): Promise<CaseSource | null> {
    const { onNotice = () => {}, onProgress } = options;
    try {
      const data = options.data ?? (await openLoopData(config, undefined, { filesMayBeGone: true }));
      const preprocessing = trainingPreprocessing(networkOptions(config));
      const runs = await findRuns(config.out);
      const ended = runs.filter(({ status }) => status.state === 'finished');
      const finished = new Set(ended.map(({ status }) => `${status.strategy} ${status.seed}`));
      return new CaseSource(config, data, preprocessing, finished, onNotice, onProgress);
    } catch (error) {
      onNotice(`No cases are shown: ${asProblem(error).message}`);
      return null;
    }
  }

  /** Strategies that selected, in the order of the configuration. */
  get strategies(): readonly StrategyConfig[] {
    return this.config.strategies.filter(({ strategy }) => strategy !== fullySupervised);
  }

  /** The run of a strategy's first seed that has ended; null while there is none. */
  finishedRun(entry: StrategyConfig): FinishedRun | null {
    const { config } = this;
    const cells = cellsOf({ ...config, strategies: [entry] });
    const cell = cells.find(({ seed }) => this.finished.has(`${entry.name} ${seed}`));
    return cell ? { ...cell, config } : null;
  }

  /** A sample's picture, or why it cannot be shown. */
  picture(sample: Sample): Promise<CasePicture | SightlineError> {
    const key = JSON.stringify([sample.id, sample.path, sample.slice]);
    const known = this.#pictures.get(key) ?? casePicture(sample, this.preprocessing).catch(asProblem);
    this.#pictures.set(key, known);
    return known;
  }
}

/** A failure that costs a picture. @throws what is no failure of files or models but a bug */
export function asProblem(error: unknown): SightlineError {
  if (error instanceof SightlineError && error.code !== 'E_INTERNAL') return error;
  throw error;
}
