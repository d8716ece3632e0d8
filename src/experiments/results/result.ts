import type { ProgressListener } from '../../core/progress.js';
import type { Figure } from '../../report/figures/figure.js';
import type { FinishedExperiment } from '../run_experiment.js';

/** A table for people. */
export interface ResultTable {
  title: string;
  columns: string[];
  rows: string[][];
  /** What the columns mean, as sentences. */
  note: string;
}

/** A picture that is no figure: panels of cases. */
export interface ResultPicture {
  /** File stem. */
  name: string;
  title: string;
  png: Uint8Array;
}

/** What one maker makes of finished runs. */
export interface Result {
  tables?: ResultTable[];
  figures?: Figure[];
  pictures?: ResultPicture[];
}

export interface ResultListeners {
  onNotice?: (message: string) => void;
  onProgress?: ProgressListener;
}

/** Adding a kind of result: a file with a maker, and a line in `index.ts` and in `schema.ts`. */
export type ResultMaker = (finished: FinishedExperiment, listeners: ResultListeners) => Promise<Result> | Result;
