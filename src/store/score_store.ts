import { dirname, join } from 'node:path';
import type { DuckDBAppender, DuckDBConnection, DuckDBInstance, DuckDBValue } from '@duckdb/node-api';
import { criteria } from '../core/criteria.js';
import { SightlineError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import type { AttentionAgreement } from '../metrics/attention.js';
import { appendNumber as number, inTransaction, openDatabase, Turns } from './database.js';
import {
  sampleColumns,
  toRanked,
  toSample,
  writeRow,
  type QuarantineRow,
  type RankedSample,
  type ScoreRow,
  type StoredSample,
  type VectorKind,
  type VectorWidths,
} from './score_rows.js';
import { RunVectors } from './run_vectors.js';
import { readAttention, readColumns, readPredictions, type ScoredColumns } from './scored_rows.js';
import { featureTable, rankedView, schema, schemaVersion } from './schema.js';

export type { QuarantineRow, RankedSample, ScoreRow, StoredSample, VectorKind, VectorWidths } from './score_rows.js';

/**
 * The run's one durable place: a DuckDB file `store.duckdb` in the output folder. A chunk of the
 * pool is one transaction: after a crash at any instant a chunk is there whole or not at all, and
 * that is where a resumed run goes on.
 */
export class ScoreStore {
  readonly #turns = new Turns();
  #features: readonly string[] = [];
  #vectors: RunVectors;

  private constructor(
    private readonly instance: DuckDBInstance,
    private readonly connection: DuckDBConnection,
    readonly file: string,
  ) {
    this.#vectors = this.#vectorsOf({});
  }

  /**
   * Opens or creates the store of `folder`.
   * @param memoryMb ceiling of DuckDB's own buffers, in MiB
   * @throws SightlineError E_OUTPUT (folder not writable), E_STORE (locked, damaged or of another version), E_DISK_FULL
   */
  static async open(folder: string, memoryMb = 256): Promise<ScoreStore> {
    return openDatabase(folder, 'store.duckdb', memoryMb, async ({ instance, connection, file }) => {
      const store = new ScoreStore(instance, connection, file);
      await store.#migrate();
      store.#features = (await store.meta<string[]>('features')) ?? [];
      store.#vectors = store.#vectorsOf((await store.meta<VectorWidths>('vectors')) ?? {});
      return store;
    });
  }

  #vectorsOf(widths: VectorWidths): RunVectors {
    return new RunVectors(dirname(this.file), widths);
  }

  async #migrate(): Promise<void> {
    await this.connection.run(schema);
    const version = await this.meta('schema_version');
    if (version === undefined) {
      await this.connection.run(rankedView([]));
      await this.setMeta('schema_version', schemaVersion);
    } else if (version !== schemaVersion) {
      throw new SightlineError('E_STORE', {
        where: this.file,
        what: `the store has schema version ${String(version)}, this release writes ${schemaVersion}`,
        remedy: 'Choose a new --out folder, or use the release that wrote it.',
      });
    }
  }

  /** Names of the run's radiomics features. */
  get features(): readonly string[] {
    return this.#features;
  }

  /** A JSON value set with `setMeta`, or undefined. */
  async meta<T = unknown>(key: string): Promise<T | undefined> {
    const rows = await this.#rows('SELECT value FROM meta WHERE key = $1', [key]);
    return rows.length ? (JSON.parse(rows[0][0] as string) as T) : undefined;
  }

  async setMeta(key: string, value: unknown): Promise<void> {
    await this.#write(() =>
      this.connection.run('INSERT OR REPLACE INTO meta VALUES ($1, $2)', [key, JSON.stringify(value)]).then(() => {}),
    );
  }

  /**
   * Begins a run: forgets what was there, writes the pool and what is known of the run, in one transaction. A run that was
   * killed before it has begun leaves nothing behind.
   * @param features names of the radiomics features that every score row will bring
   * @param vectors numbers per vector of the kinds that every score row will bring
   */
  async begin(
    samples: Iterable<StoredSample>,
    facts: Readonly<Record<string, unknown>>,
    features: readonly string[] = [],
    vectors: VectorWidths = {},
  ): Promise<void> {
    await this.transaction(async () => {
      for (const table of ['samples', 'scores', 'attention', 'quarantine', 'chunks', 'ranking'])
        await this.connection.run(`DELETE FROM ${table}`);
      const kept = ['schema_version', ...Object.keys(facts)].map((key) => `'${key}'`);
      await this.connection.run(`DELETE FROM meta WHERE key NOT IN (${kept.join()})`);
      await this.#append('samples', samples, writeRow.samples);
      await this.connection.run(featureTable(features) + rankedView(features));
      for (const [key, value] of Object.entries({ ...facts, features, vectors })) await this.setMeta(key, value);
    });
    this.#features = features;
    this.#vectors = this.#vectorsOf(vectors);
    await this.#vectors.clear();
  }

  /**
   * Whether what finished chunks have left outside the database is still there, before others are added.
   * @throws SightlineError E_STORE
   */
  async requireVectors(): Promise<void> {
    const [[last]] = await this.#rows('SELECT max(idx) FROM scores');
    if (last !== null) await this.#vectors.require(Number(last) + 1);
  }

  /** Vectors f32[N,width] of the samples at `positions`, ascending; undefined for a kind that the run does not keep. */
  async vectors(kind: VectorKind, positions: Int32Array): Promise<Tensor<'f32'> | undefined> {
    return this.#vectors.read(kind, positions);
  }

  async sampleCount(): Promise<number> {
    return Number((await this.#rows('SELECT count(*) FROM samples'))[0][0]);
  }

  /** Samples with index in [from, to), in pool order. */
  async samples(from: number, to: number): Promise<StoredSample[]> {
    const rows = await this.#rows(`SELECT ${sampleColumns} FROM samples WHERE idx >= $1 AND idx < $2 ORDER BY idx`, [
      from,
      to,
    ]);
    return rows.map(toSample);
  }

  /** Numbers of the chunks that are finished. */
  async finishedChunks(): Promise<Set<number>> {
    return new Set((await this.#rows('SELECT chunk FROM chunks')).map(([chunk]) => Number(chunk)));
  }

  /** One finished chunk, in one transaction: the resume point. Its vectors are on the disk before. */
  async commitChunk(chunk: number, scores: readonly ScoreRow[], quarantined: readonly QuarantineRow[]): Promise<void> {
    await this.#vectors.write(scores);
    await this.transaction(async () => {
      await this.#append('scores', scores, writeRow.scores);
      if (this.#features.length) {
        await this.#append('features', scores, (row, s) => {
          row.appendInteger(s.index);
          this.#features.forEach((_, i) => number(row, s.features[i]));
        });
      }
      const compared = scores.flatMap(({ index, attention }) => (attention ? [[index, attention] as const] : []));
      await this.#append('attention', compared, writeRow.attention);
      await this.#append('quarantine', quarantined, writeRow.quarantine);
      await this.connection.run('INSERT INTO chunks VALUES ($1)', [chunk]);
    });
  }

  /** Counts for the summary. */
  async counts(): Promise<{ scored: number; quarantined: number; withRoi: number; flat: number }> {
    const [row] = await this.#rows(
      `SELECT count(*), (SELECT count(*) FROM quarantine), count(*) FILTER (roi <> 'none'), count(*) FILTER (flat) FROM scores`,
    );
    const [scored, quarantined, withRoi, flat] = row.map(Number);
    return { scored, quarantined, withRoi, flat };
  }

  /**
   * The scored pool by column, in pool order. `values` holds one array per criterion or feature asked for; NULL is NaN.
   */
  async scoredColumns<N extends string>(names: readonly N[]): Promise<ScoredColumns<N>> {
    return this.#turns.take(() => readColumns(this.connection, names, this.#features.length > 0));
  }

  /** Predicted class i32[N] and logits f32[N,K] of the scored pool, in pool order. */
  async predictions(): Promise<{ predicted: Int32Array; logits: Tensor<'f32'> }> {
    return this.#turns.take(() => readPredictions(this.connection));
  }

  /** Agreement of map and expert's region of the scored pool, in pool order; without a region NaN, and a share of 0. */
  async attention(): Promise<AttentionAgreement[]> {
    return this.#turns.take(() => readAttention(this.connection));
  }

  /** Replaces the ranking: `order` holds positions into `indices`, best first. */
  async writeRanking(order: Uint32Array, indices: Int32Array, scores: Float64Array): Promise<void> {
    await this.transaction(async () => {
      await this.connection.run('DELETE FROM ranking');
      let rank = 0;
      await this.#append('ranking', order, (row, position) => {
        row.appendInteger(++rank);
        row.appendInteger(indices[position]);
        number(row, scores[position]);
      });
    });
  }

  /** The first `count` samples of the ranking. */
  async top(count: number): Promise<RankedSample[]> {
    const rows = await this.#rows(
      `SELECT ${sampleColumns.replaceAll(/\w+/g, (c) => `s.${c}`)}, r.rank, r.score, c.predicted, c.confidence,
              c.roi, class_name(c.predicted), ${[...criteria.map((name) => `c.${name}`), ...this.#features.map((name) => `f."${name}"`)].join(', ')}
       FROM ranking r JOIN samples s USING (idx) JOIN scores c USING (idx)
       ${this.#features.length ? 'JOIN features f USING (idx)' : ''} WHERE r.rank <= $1 ORDER BY r.rank`,
      [count],
    );
    return rows.map((row) => toRanked(row, this.#features));
  }

  /** Writes the ranking of the whole pool, its first `top` rows and the quarantine list beside the store. */
  async export(
    folder: string,
    top: number,
  ): Promise<{ scoresCsv: string; scoresParquet: string; selectionCsv: string; quarantineCsv: string }> {
    const files = {
      scoresCsv: join(folder, 'scores.csv'),
      scoresParquet: join(folder, 'scores.parquet'),
      selectionCsv: join(folder, 'selection.csv'),
      quarantineCsv: join(folder, 'quarantine.csv'),
    };
    const ranked = (limit: string) => `SELECT * FROM ranked ${limit} ORDER BY rank`;
    await this.#write(async () => {
      await this.#copy(ranked(''), files.scoresParquet, 'FORMAT parquet');
      await this.#copy(ranked(''), files.scoresCsv, 'FORMAT csv, HEADER');
      await this.#copy(ranked(`WHERE rank <= ${top}`), files.selectionCsv, 'FORMAT csv, HEADER');
      await this.#copy(
        `SELECT id, path, stage, code, message FROM quarantine JOIN samples USING (idx) ORDER BY idx`,
        files.quarantineCsv,
        'FORMAT csv, HEADER',
      );
    });
    return files;
  }

  /** Samples that could not be scored, in pool order. @param limit how many at most; default: all */
  async quarantined(limit?: number): Promise<{ id: string; stage: string; code: string; message: string }[]> {
    const rows = await this.#rows(
      `SELECT id, stage, code, message FROM quarantine JOIN samples USING (idx) ORDER BY idx ${limit === undefined ? '' : 'LIMIT $1'}`,
      limit === undefined ? [] : [limit],
    );
    return rows.map(
      ([id, stage, code, message]) =>
        ({ id, stage, code, message }) as { id: string; stage: string; code: string; message: string },
    );
  }

  /** Closes the file; the store cannot be used afterwards. */
  close(): void {
    this.connection.closeSync();
    this.instance.closeSync();
  }

  /** Runs `body` in one transaction: rolled back when it throws. */
  async transaction(body: () => Promise<void>): Promise<void> {
    await this.#write(() => inTransaction(this.connection, body));
  }

  async #copy(select: string, file: string, options: string): Promise<void> {
    await this.connection.run(`COPY (${select}) TO '${file.replaceAll("'", "''")}' (${options})`);
  }

  async #append<T>(table: string, rows: Iterable<T>, write: (row: DuckDBAppender, item: T) => void): Promise<void> {
    const appender = await this.connection.createAppender(table);
    for (const item of rows) {
      write(appender, item);
      appender.endRow();
    }
    appender.closeSync();
  }

  async #rows(sql: string, values: DuckDBValue[] = []): Promise<DuckDBValue[][]> {
    return this.#turns.take(async () => (await this.connection.runAndReadAll(sql, values)).getRows());
  }

  async #write(body: () => Promise<void>): Promise<void> {
    try {
      await this.#turns.take(body);
    } catch (error) {
      throw SightlineError.from(error, 'E_STORE', {
        where: this.file,
        remedy: 'Finished chunks are safe: mend the cause and run again with --resume.',
      });
    }
  }
}
