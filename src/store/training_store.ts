import { VARCHAR, type DuckDBConnection, type DuckDBInstance } from '@duckdb/node-api';
import { SightlineError } from '../core/errors.js';
import { appendNumber, inTransaction, openDatabase, Turns } from './database.js';

/** Columns of `iterations`: a logged batch. */
export interface StoredIteration {
  /** Batches of the run so far, from 1. */
  iteration: number;
  epoch: number;
  /** NULL in the store where it was not finite. */
  loss: number;
  alignment: number | null;
  learningRate: number;
}

/** Columns of `periods`: an epoch, or what lies between two validations. */
export interface StoredPeriod {
  /** From 1. */
  period: number;
  epoch: number;
  iteration: number;
  trainLoss: number | null;
  learningRate: number;
  imagesPerSecond: number;
  /** Of training so far. */
  seconds: number;
  validation: StoredMetrics | null;
  best: boolean;
}

/** Columns of `quarantine`. */
export interface StoredQuarantine {
  id: string;
  path: string;
  stage: string;
  code: string;
  message: string;
}

/** Null where the task or the data do not define one. */
export interface StoredMetrics {
  loss: number | null;
  accuracy: number | null;
  auc: number | null;
  f1: number | null;
  calibrationError: number | null;
  dice: number | null;
}

const metrics = ['loss', 'accuracy', 'auc', 'f1', 'calibrationError', 'dice'] as const;

const schema = `
CREATE TABLE IF NOT EXISTS iterations (
  iteration INTEGER, epoch INTEGER, loss DOUBLE, alignment DOUBLE, learning_rate DOUBLE
);
CREATE TABLE IF NOT EXISTS periods (
  period INTEGER, epoch INTEGER, iteration INTEGER, train_loss DOUBLE, learning_rate DOUBLE, images_per_second DOUBLE,
  seconds DOUBLE, loss DOUBLE, accuracy DOUBLE, auc DOUBLE, f1 DOUBLE, calibration_error DOUBLE, dice DOUBLE, best BOOLEAN
);
CREATE TABLE IF NOT EXISTS quarantine (id VARCHAR, path VARCHAR, stage VARCHAR, code VARCHAR, message VARCHAR);
`;

/**
 * History of a training run: `training.duckdb` in its folder, to be asked with SQL. A call is one transaction. It is what
 * people read; what a run needs to go on is in its checkpoints.
 */
export class TrainingStore {
  readonly #turns = new Turns();

  private constructor(
    private readonly instance: DuckDBInstance,
    private readonly connection: DuckDBConnection,
    readonly file: string,
  ) {}

  /** @throws SightlineError E_OUTPUT (folder not writable), E_STORE (locked or damaged), E_DISK_FULL */
  static async open(folder: string): Promise<TrainingStore> {
    return openDatabase(folder, 'training.duckdb', 64, async ({ instance, connection, file }) => {
      await connection.run(schema);
      return new TrainingStore(instance, connection, file);
    });
  }

  /** Forgets what comes after that batch and that period. */
  async truncate(iteration: number, period: number): Promise<void> {
    await this.#transaction(async () => {
      await this.connection.run('DELETE FROM iterations WHERE iteration > $1', [iteration]);
      await this.connection.run('DELETE FROM periods WHERE period > $1', [period]);
    });
  }

  async append(iterations: readonly StoredIteration[], periods: readonly StoredPeriod[]): Promise<void> {
    if (!iterations.length && !periods.length) return;
    await this.#transaction(async () => {
      const rows = await this.connection.createAppender('iterations');
      for (const { iteration, epoch, loss, alignment, learningRate } of iterations) {
        rows.appendInteger(iteration);
        rows.appendInteger(epoch);
        for (const value of [loss, alignment, learningRate]) appendNumber(rows, finite(value));
        rows.endRow();
      }
      rows.closeSync();
      const ends = await this.connection.createAppender('periods');
      for (const row of periods) {
        for (const value of [row.period, row.epoch, row.iteration]) ends.appendInteger(value);
        for (const value of [row.trainLoss, row.learningRate, row.imagesPerSecond, row.seconds])
          appendNumber(ends, finite(value));
        for (const name of metrics) appendNumber(ends, finite(row.validation?.[name]));
        ends.appendBoolean(row.best);
        ends.endRow();
      }
      ends.closeSync();
    });
  }

  /** A sample that could not be used. Told again, by a resumed run, it replaces what was there. */
  async quarantine(row: StoredQuarantine): Promise<void> {
    const { id, path, stage, code, message } = row;
    await this.#transaction(async () => {
      await this.connection.run('DELETE FROM quarantine WHERE id = $1', [id]);
      await this.connection.run(
        'INSERT INTO quarantine VALUES ($1, $2, $3, $4, $5)',
        [id, path, stage, code, message],
        [VARCHAR, VARCHAR, VARCHAR, VARCHAR, VARCHAR],
      );
    });
  }

  /** What is known of the samples with these ids that could not be used. */
  async quarantined<Row extends StoredQuarantine>(ids: readonly string[]): Promise<Row[]> {
    const select = 'SELECT id, path, stage, code, message FROM quarantine';
    const rows = await this.#turns.take(() => this.connection.runAndReadAll(select));
    const wanted = new Set(ids);
    return (rows.getRowObjects() as unknown as Row[]).filter(({ id }) => wanted.has(id));
  }

  /** Forgets everything: a new run in an old folder. */
  async clear(): Promise<void> {
    await this.#transaction(async () => {
      for (const table of ['iterations', 'periods', 'quarantine']) await this.connection.run(`DELETE FROM ${table}`);
    });
  }

  /** What a SELECT gives, row by row: for tests and for people who script. */
  async query(sql: string): Promise<unknown[][]> {
    return (await this.#turns.take(() => this.connection.runAndReadAll(sql))).getRows();
  }

  close(): void {
    this.connection.closeSync();
    this.instance.closeSync();
  }

  /** The history and the quarantine are written to at the same time. */
  async #transaction(body: () => Promise<void>): Promise<void> {
    try {
      await this.#turns.take(() => inTransaction(this.connection, body));
    } catch (error) {
      throw SightlineError.from(error, 'E_STORE', {
        where: this.file,
        remedy: 'Checkpoints are safe: mend the cause and run again with --resume.',
      });
    }
  }
}

const finite = (value: number | null | undefined): number =>
  value !== undefined && value !== null && Number.isFinite(value) ? value : NaN;
