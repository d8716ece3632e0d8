import {
  DOUBLE,
  INTEGER,
  VARCHAR,
  type DuckDBConnection,
  type DuckDBInstance,
  type DuckDBValue,
} from '@duckdb/node-api';
import { SightlineError } from '../core/errors.js';
import { appendNumber, inTransaction, openDatabase } from './database.js';

/** A sample that the oracle is asked about. */
export interface StoredQuery {
  /** Position in its round, from 0. */
  position: number;
  id: string;
  /** NaN where a strategy chooses without scores. */
  score: number;
  /** Class that the model expects; null where no model has seen it. */
  predicted: string | null;
  /** Probability of that class; NaN where there is none. */
  confidence: number;
  /** Why it was chosen, in words. */
  reason: string;
}

/** What the oracle said. */
export interface StoredAnswer {
  position: number;
  id: string;
  /** Several labels are joined by `|`. Null for a skipped sample. */
  label: string | null;
  mask: string | null;
  /** JSON. */
  boxes: string | null;
  cost: number;
  skipped: boolean;
}

/** A metric of a round's model. */
export interface StoredMetric {
  part: string;
  metric: string;
  value: number;
}

/** AUC after a fine-tuning with a representative; null: without one. */
export interface StoredGain {
  trial: number;
  representative: number | null;
  auc: number;
}

/** What a stage leaves behind. */
export interface StageFindings {
  queries?: readonly StoredQuery[];
  /** The pool, best first. */
  ranking?: { ids: readonly string[]; scores: ArrayLike<number> };
  metrics?: { labelled: number; cost: number; values: readonly StoredMetric[] };
  clusters?: { ids: readonly string[]; clusters: ArrayLike<number>; ranks: ArrayLike<number> };
  columns?: readonly { name: string; ids: readonly string[]; values: ArrayLike<number> }[];
}

const schemaVersion = 1;

const schema = `
CREATE TABLE IF NOT EXISTS meta (key VARCHAR PRIMARY KEY, value VARCHAR);
CREATE TABLE IF NOT EXISTS samples (idx INTEGER, id VARCHAR, path VARCHAR, slice INTEGER, label VARCHAR, part VARCHAR);
CREATE TABLE IF NOT EXISTS stages (round INTEGER, stage VARCHAR, PRIMARY KEY (round, stage));
CREATE TABLE IF NOT EXISTS times (round INTEGER, activity VARCHAR, seconds DOUBLE, PRIMARY KEY (round, activity));
CREATE TABLE IF NOT EXISTS queries (
  round INTEGER, position INTEGER, id VARCHAR, score DOUBLE, predicted VARCHAR, confidence DOUBLE, reason VARCHAR
);
CREATE TABLE IF NOT EXISTS answers (
  round INTEGER, position INTEGER, id VARCHAR, label VARCHAR, mask VARCHAR, boxes VARCHAR, cost DOUBLE, skipped BOOLEAN
);
CREATE TABLE IF NOT EXISTS rankings (round INTEGER, rank INTEGER, id VARCHAR, score DOUBLE);
CREATE TABLE IF NOT EXISTS metrics (round INTEGER, labelled INTEGER, cost DOUBLE, part VARCHAR, metric VARCHAR, value DOUBLE);
CREATE TABLE IF NOT EXISTS gains (round INTEGER, trial INTEGER, representative INTEGER, auc DOUBLE);
CREATE TABLE IF NOT EXISTS clusters (round INTEGER, id VARCHAR, cluster INTEGER, rank INTEGER);
CREATE TABLE IF NOT EXISTS loop_columns (round INTEGER, name VARCHAR, id VARCHAR, value DOUBLE);
CREATE TABLE IF NOT EXISTS quarantine (id VARCHAR PRIMARY KEY, round INTEGER, stage VARCHAR, code VARCHAR, message VARCHAR);
`;

/**
 * What a run of the loop has decided and learnt: `run.duckdb` in its folder. Every call that writes is one transaction; what is
 * there is what a resumed run goes on from.
 */
export class RunStore {
  #last: Promise<void> = Promise.resolve();

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
        if (label === undefined) rows.appendNull();
        else rows.appendVarchar(label);
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
  async times(): Promise<{ round: number; activity: string; seconds: number }[]> {
    const rows = await this.#rows('SELECT round, activity, seconds FROM times ORDER BY round, activity');
    return rows.map(([round, activity, seconds]) => ({
      round: Number(round),
      activity: activity as string,
      seconds: Number(seconds),
    }));
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

  async queries(round: number): Promise<StoredQuery[]> {
    const rows = await this.#rows(
      'SELECT position, id, score, predicted, confidence, reason FROM queries WHERE round = $1 ORDER BY position',
      [round],
    );
    return rows.map(([position, id, score, predicted, confidence, reason]) => ({
      position: Number(position),
      id: id as string,
      score: (score as number | null) ?? NaN,
      predicted: predicted as string | null,
      confidence: (confidence as number | null) ?? NaN,
      reason: reason as string,
    }));
  }

  /** Adds queries to a round whose selection is not finished, or did not suffice: representatives, a longer initial set. */
  addQueries(round: number, queries: readonly StoredQuery[]): Promise<void> {
    return this.#transaction(() => this.#appendQueries(round, queries));
  }

  /** Keeps an answer; told again, it replaces what was there. */
  answer(round: number, { position, id, label, mask, boxes, cost, skipped }: StoredAnswer): Promise<void> {
    return this.#transaction(async () => {
      await this.connection.run('DELETE FROM answers WHERE id = $1', [id]);
      await this.connection.run(
        `INSERT INTO answers VALUES ($1, $2, $3, $4, $5, $6, $7, ${skipped})`,
        [round, position, id, label, mask, boxes, cost],
        [INTEGER, INTEGER, VARCHAR, VARCHAR, VARCHAR, VARCHAR, DOUBLE],
      );
    });
  }

  /** All answers, by round and position: the labelled set in the order in which it was asked. */
  async answers(): Promise<(StoredAnswer & { round: number })[]> {
    const rows = await this.#rows(
      'SELECT round, position, id, label, mask, boxes, cost, skipped FROM answers ORDER BY round, position',
    );
    return rows.map(([round, position, id, label, mask, boxes, cost, skipped]) => ({
      round: Number(round),
      position: Number(position),
      id: id as string,
      label: label as string | null,
      mask: mask as string | null,
      boxes: boxes as string | null,
      cost: Number(cost),
      skipped: skipped === true,
    }));
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
  async metrics(): Promise<(StoredMetric & { round: number; labelled: number; cost: number })[]> {
    const rows = await this.#rows(
      'SELECT round, labelled, cost, part, metric, value FROM metrics ORDER BY round, part, metric',
    );
    return rows.map(([round, labelled, cost, part, metric, value]) => ({
      round: Number(round),
      labelled: Number(labelled),
      cost: Number(cost),
      part: part as string,
      metric: metric as string,
      value: (value as number | null) ?? NaN,
    }));
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

  async gains(round: number): Promise<StoredGain[]> {
    const rows = await this.#rows(
      'SELECT trial, representative, auc FROM gains WHERE round = $1 ORDER BY trial, representative NULLS FIRST',
      [round],
    );
    return rows.map(([trial, representative, auc]) => ({
      trial: Number(trial),
      representative: representative === null ? null : Number(representative),
      auc: (auc as number | null) ?? NaN,
    }));
  }

  /** Cluster and rank of the samples of a round in which informativeness was learnt. */
  async clusters(round: number): Promise<{ id: string; cluster: number; rank: number }[]> {
    const rows = await this.#rows('SELECT id, cluster, rank FROM clusters WHERE round = $1 ORDER BY rowid', [round]);
    return rows.map(([id, cluster, rank]) => ({ id: id as string, cluster: Number(cluster), rank: Number(rank) }));
  }

  /** A column that the loop has computed in a round, by sample id; empty where it has not. */
  async column(round: number, name: string): Promise<Map<string, number>> {
    const rows = await this.#rows('SELECT id, value FROM loop_columns WHERE round = $1 AND name = $2', [round, name]);
    return new Map(rows.map(([id, value]) => [id as string, (value as number | null) ?? NaN]));
  }

  /** Samples that cannot be used. Told again, the first reason stays. */
  quarantine(
    round: number,
    rows: readonly { id: string; stage: string; code: string; message: string }[],
  ): Promise<void> {
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

  async quarantined(): Promise<{ id: string; round: number; stage: string; code: string; message: string }[]> {
    const rows = await this.#rows('SELECT id, round, stage, code, message FROM quarantine ORDER BY id');
    return rows.map(([id, round, stage, code, message]) => ({
      ...{ id: id as string, round: Number(round), stage: stage as string },
      ...{ code: code as string, message: message as string },
    }));
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
      if (predicted === null) rows.appendNull();
      else rows.appendVarchar(predicted);
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
    return (await this.connection.runAndReadAll(sql, values)).getRows();
  }

  /** One after another: answers may come while something else is written. */
  #transaction(body: () => Promise<void>): Promise<void> {
    const next = this.#last.then(async () => {
      try {
        await inTransaction(this.connection, body);
      } catch (error) {
        throw SightlineError.from(error, 'E_STORE', {
          where: this.file,
          remedy: 'What was finished is safe: mend the cause and run again with --resume.',
        });
      }
    });
    this.#last = next.catch(() => {}); // told to whoever asked for it
    return next;
  }
}
