import {
  DOUBLE,
  INTEGER,
  LIST,
  listValue,
  VARCHAR,
  type DuckDBConnection,
  type DuckDBInstance,
  type DuckDBValue,
} from '@duckdb/node-api';
import { SightlineError } from '../core/errors.js';
import { appendNumber, appendText, inTransaction, openDatabase, Turns } from './database.js';
import { schema, schemaVersion } from './run_schema.js';
import type {
  QuarantinedSample,
  StageFindings,
  StoredAnswer,
  StoredGain,
  StoredMetric,
  StoredQuery,
} from './run_schema.js';

/** NaN is kept as NULL, so that SQL's own functions leave it out. */
const orNaN = (column: string): string => `coalesce(${column}, 'NaN'::DOUBLE) AS ${column}`;

/**
 * What a run of the loop has decided and learnt: `run.duckdb` in its folder. Every call that writes is one transaction; what is
 * there is what a resumed run goes on from.
 */
export class RunStore {
  readonly #turns = new Turns();

  private constructor(
    private readonly instance: DuckDBInstance,
    private readonly connection: DuckDBConnection,
    readonly file: string,
  ) {}

  /** @throws SightlineError E_OUTPUT (folder not writable), E_STORE (in use, damaged or of another version), E_DISK_FULL */
  static async open(folder: string): Promise<RunStore> {
    return openDatabase(folder, 'run.duckdb', 128, async ({ instance, connection, file }) => {
      await connection.run(schema);
      const store = new RunStore(instance, connection, file);
      const version = await store.meta('schema_version');
      if (version === undefined) await store.setMeta('schema_version', schemaVersion);
      else if (version !== schemaVersion) {
        throw new SightlineError('E_STORE', {
          where: file,
          what: `the store has schema version ${String(version)}, this release writes ${schemaVersion}`,
          remedy: 'Choose a new output folder, or use the release that wrote it.',
        });
      }
      return store;
    });
  }

  /** A JSON value set with `setMeta`, or undefined. */
  async meta<T = unknown>(key: string): Promise<T | undefined> {
    const [row] = await this.#rows('SELECT value FROM meta WHERE key = $1', [key]);
    return row && (JSON.parse(row[0] as string) as T);
  }

  setMeta(key: string, value: unknown): Promise<void> {
    return this.#transaction(() => this.#setMeta(key, value));
  }

  /** Begins a run: its samples and what identifies it, in one transaction. */
  begin(
    samples: Iterable<{ id: string; path: string; slice?: number; label?: string; part: string }>,
    facts: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    return this.#transaction(async () => {
      await this.connection.run('DELETE FROM samples');
      const rows = await this.connection.createAppender('samples');
      let index = 0;
      for (const { id, path, slice, label, part } of samples) {
        rows.appendInteger(index++);
        rows.appendVarchar(id);
        rows.appendVarchar(path);
        if (slice === undefined) rows.appendNull();
        else rows.appendInteger(slice);
        appendText(rows, label ?? null);
        rows.appendVarchar(part);
        rows.endRow();
      }
      rows.closeSync();
      for (const [key, value] of Object.entries(facts)) await this.#setMeta(key, value);
    });
  }

  /** Stages that are finished, as "3 train". */
  async finishedStages(): Promise<Set<string>> {
    const rows = await this.#rows('SELECT round, stage FROM stages');
    return new Set(rows.map(([round, stage]) => `${Number(round)} ${stage as string}`));
  }

  /** Seconds that each activity has taken, over all processes that worked on the run. */
  times(): Promise<{ round: number; activity: string; seconds: number }[]> {
    return this.#all('SELECT round, activity, seconds FROM times ORDER BY round, activity');
  }

  addTimes(round: number, times: ReadonlyMap<string, number>): Promise<void> {
    return this.#transaction(() => this.#addTimes(round, times));
  }

  /** Ends a stage: what it has found and that it is finished, all or nothing. */
  endStage(round: number, stage: string, found: StageFindings, times: ReadonlyMap<string, number>): Promise<void> {
    const { queries = [], ranking, metrics, clusters, columns = [] } = found;
    return this.#transaction(async () => {
      await this.connection.run('INSERT INTO stages VALUES ($1, $2)', [round, stage], [INTEGER, VARCHAR]);
      await this.#addTimes(round, times);
      await this.#appendQueries(round, queries);
      await this.#append('rankings', ranking?.ids ?? [], (rows, id, i) => {
        rows.appendInteger(round);
        rows.appendInteger(i + 1);
        rows.appendVarchar(id);
        appendNumber(rows, ranking!.scores[i]);
      });
      await this.#append('metrics', metrics?.values ?? [], (rows, { part, metric, value }) => {
        rows.appendInteger(round);
        rows.appendInteger(metrics!.labelled);
        rows.appendDouble(metrics!.cost);
        rows.appendVarchar(part);
        rows.appendVarchar(metric);
        appendNumber(rows, value);
      });
      await this.#append('clusters', clusters?.ids ?? [], (rows, id, i) => {
        rows.appendInteger(round);
        rows.appendVarchar(id);
        rows.appendInteger(clusters!.clusters[i]);
        rows.appendInteger(clusters!.ranks[i]);
      });
      for (const { name, ids, values } of columns) {
        await this.#append('loop_columns', ids, (rows, id, i) => {
          rows.appendInteger(round);
          rows.appendVarchar(name);
          rows.appendVarchar(id);
          appendNumber(rows, values[i]);
        });
      }
    });
  }

  queries(round: number): Promise<StoredQuery[]> {
    return this.#all(
      `SELECT position, id, ${orNaN('score')}, predicted, ${orNaN('confidence')}, reason FROM queries
       WHERE round = $1 ORDER BY position`,
      [round],
    );
  }

  /** Adds queries to a round whose selection is not finished, or did not suffice: representatives, a longer initial set. */
  addQueries(round: number, queries: readonly StoredQuery[]): Promise<void> {
    return this.#transaction(() => this.#appendQueries(round, queries));
  }

  /** Keeps answers; told again, one replaces what was there. */
  addAnswers(round: number, answers: readonly StoredAnswer[]): Promise<void> {
    return this.#transaction(async () => {
      await this.connection.run(
        'DELETE FROM answers WHERE list_contains($1, id)',
        [listValue(answers.map(({ id }) => id))],
        [LIST(VARCHAR)],
      );
      await this.#append('answers', answers, (rows, { position, id, label, mask, boxes, cost, skipped }) => {
        rows.appendInteger(round);
        rows.appendInteger(position);
        rows.appendVarchar(id);
        for (const text of [label, mask, boxes]) appendText(rows, text);
        rows.appendDouble(cost);
        rows.appendBoolean(skipped);
      });
    });
  }

  /** All answers, by round and position: the labelled set in the order in which it was asked. */
  answers(): Promise<(StoredAnswer & { round: number })[]> {
    return this.#all(
      'SELECT round, position, id, label, mask, boxes, cost, skipped FROM answers ORDER BY round, position',
    );
  }

  async ranking(round: number): Promise<{ ids: string[]; scores: Float64Array }> {
    const rows = await this.#rows('SELECT id, score FROM rankings WHERE round = $1 ORDER BY rank', [round]);
    return {
      ids: rows.map(([id]) => id as string),
      scores: Float64Array.from(rows, ([, score]) => (score as number | null) ?? NaN),
    };
  }

  /** Rounds that have a ranking. */
  async rankedRounds(): Promise<number[]> {
    return (await this.#rows('SELECT DISTINCT round FROM rankings ORDER BY round')).map(([round]) => Number(round));
  }

  /** Metrics of every round, in order. */
  metrics(): Promise<(StoredMetric & { round: number; labelled: number; cost: number })[]> {
    return this.#all(
      `SELECT round, labelled, cost, part, metric, ${orNaN('value')} FROM metrics ORDER BY round, part, metric`,
    );
  }

  /** One fine-tuning's result. */
  addGain(round: number, { trial, representative, auc }: StoredGain): Promise<void> {
    return this.#transaction(async () => {
      await this.connection.run(
        'INSERT INTO gains VALUES ($1, $2, $3, $4)',
        [round, trial, representative, Number.isNaN(auc) ? null : auc],
        [INTEGER, INTEGER, INTEGER, DOUBLE],
      );
    });
  }

  gains(round: number): Promise<StoredGain[]> {
    return this.#all(
      `SELECT trial, representative, ${orNaN('auc')} FROM gains WHERE round = $1
       ORDER BY trial, representative NULLS FIRST`,
      [round],
    );
  }

  /** Cluster and rank of the samples of a round in which informativeness was learnt. */
  clusters(round: number): Promise<{ id: string; cluster: number; rank: number }[]> {
    return this.#all('SELECT id, cluster, rank FROM clusters WHERE round = $1 ORDER BY rowid', [round]);
  }

  /** A column that the loop has computed in a round, by sample id; empty where it has not. */
  async column(round: number, name: string): Promise<Map<string, number>> {
    const rows = await this.#rows('SELECT id, value FROM loop_columns WHERE round = $1 AND name = $2', [round, name]);
    return new Map(rows.map(([id, value]) => [id as string, (value as number | null) ?? NaN]));
  }

  /** Samples that cannot be used. Told again, the first reason stays. */
  quarantine(round: number, rows: readonly Omit<QuarantinedSample, 'round'>[]): Promise<void> {
    return this.#transaction(async () => {
      for (const { id, stage, code, message } of rows) {
        await this.connection.run(
          'INSERT INTO quarantine VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING',
          [id, round, stage, code, message],
          [VARCHAR, INTEGER, VARCHAR, VARCHAR, VARCHAR],
        );
      }
    });
  }

  quarantined(): Promise<QuarantinedSample[]> {
    return this.#all('SELECT id, round, stage, code, message FROM quarantine ORDER BY id');
  }

  /** What a SELECT gives, row by row: for tests and for people who script. */
  async query(sql: string): Promise<unknown[][]> {
    return this.#rows(sql);
  }

  close(): void {
    this.connection.closeSync();
    this.instance.closeSync();
  }

  async #setMeta(key: string, value: unknown): Promise<void> {
    await this.connection.run('INSERT OR REPLACE INTO meta VALUES ($1, $2)', [key, JSON.stringify(value)]);
  }

  async #addTimes(round: number, times: ReadonlyMap<string, number>): Promise<void> {
    for (const [activity, seconds] of times) {
      await this.connection.run(
        'INSERT INTO times VALUES ($1, $2, $3) ON CONFLICT DO UPDATE SET seconds = seconds + excluded.seconds',
        [round, activity, seconds],
        [INTEGER, VARCHAR, DOUBLE],
      );
    }
  }

  #appendQueries(round: number, queries: readonly StoredQuery[]): Promise<void> {
    return this.#append('queries', queries, (rows, { position, id, score, predicted, confidence, reason }) => {
      rows.appendInteger(round);
      rows.appendInteger(position);
      rows.appendVarchar(id);
      appendNumber(rows, score);
      appendText(rows, predicted);
      appendNumber(rows, confidence);
      rows.appendVarchar(reason);
    });
  }

  async #append<T>(
    table: string,
    rows: readonly T[],
    write: (appender: Awaited<ReturnType<DuckDBConnection['createAppender']>>, row: T, index: number) => void,
  ): Promise<void> {
    if (!rows.length) return;
    const appender = await this.connection.createAppender(table);
    rows.forEach((row, i) => {
      write(appender, row, i);
      appender.endRow();
    });
    appender.closeSync();
  }

  async #rows(sql: string, values: DuckDBValue[] = []): Promise<DuckDBValue[][]> {
    return this.#turns.take(async () => (await this.connection.runAndReadAll(sql, values)).getRows());
  }

  /** Rows as objects by column; INTEGER and DOUBLE columns come as numbers. */
  async #all<T>(sql: string, values: DuckDBValue[] = []): Promise<T[]> {
    return this.#turns.take(async () => (await this.connection.runAndReadAll(sql, values)).getRowObjects() as T[]);
  }

  async #transaction(body: () => Promise<void>): Promise<void> {
    try {
      await this.#turns.take(() => inTransaction(this.connection, body));
    } catch (error) {
      throw SightlineError.from(error, 'E_STORE', {
        where: this.file,
        remedy: 'What was finished is safe: mend the cause and run again with --resume.',
      });
    }
  }
}
