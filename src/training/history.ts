import { join } from 'node:path';
import { writeFileAtomic } from '../core/files.js';
import { metricNames, type ValidationMetrics } from './validation.js';

/** One batch, as logged. */
export interface IterationRow {
  /** Batches of the run so far, this one included: from 1. */
  iteration: number;
  epoch: number;
  /** NaN or infinite where the batch was skipped. */
  loss: number;
  /** The alignment term before its weight; null without one. */
  alignment: number | null;
  /** Of the next update. */
  learningRate: number;
}

/** What was reached between two validations, or by an epoch's end without any. Plain data: part of the checkpoint. */
export interface PeriodRow {
  /** Number of the row, from 1. */
  period: number;
  /** Epoch in which it ends, from 1. */
  epoch: number;
  /** Batches of the run so far. */
  iteration: number;
  /** Mean over the period's batches with a finite loss; null without any. */
  trainLoss: number | null;
  learningRate: number;
  /** Images trained per second, validation and checkpoints left out. */
  imagesPerSecond: number;
  /** Seconds of training so far, over all resumed parts. */
  seconds: number;
  /** Null without validation samples. */
  validation: ValidationMetrics | null;
  /** The best so far by the metric that is watched. */
  best: boolean;
}

/**
 * Where history goes besides `history.csv`. Rows come in order; a run that goes back to a checkpoint says so by
 * `truncate`, so that no iteration is there twice.
 */
export interface HistorySink {
  /** Forgets everything after that batch and that row. */
  truncate(iteration: number, period: number): Promise<void>;
  /** Called before a checkpoint of the same place is written. */
  append(iterations: readonly IterationRow[], periods: readonly PeriodRow[]): Promise<void>;
}

const columns = ['epoch', 'iteration', 'train_loss', 'learning_rate', 'images_per_second', 'seconds'];
const csvName = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Writes `history.csv` of a run: a line a period, as a spreadsheet reads it. */
export async function writeHistoryCsv(folder: string, periods: readonly PeriodRow[]): Promise<string> {
  const file = join(folder, 'history.csv');
  const heads = [...columns, ...metricNames.map((name) => `validation_${csvName(name)}`), 'best'];
  const lines = periods.map((row) =>
    [
      ...[row.epoch, row.iteration, cell(row.trainLoss), cell(row.learningRate), row.imagesPerSecond.toFixed(2)],
      row.seconds.toFixed(1),
      ...metricNames.map((name) => cell(row.validation?.[name])),
      Number(row.best),
    ].join(),
  );
  await writeFileAtomic(file, `${[heads.join(), ...lines].join('\n')}\n`);
  return file;
}

const cell = (value: number | null | undefined): string => (value == null ? '' : String(Number(value.toPrecision(8))));
