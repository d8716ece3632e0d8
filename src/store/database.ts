import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance, type DuckDBAppender, type DuckDBConnection } from '@duckdb/node-api';
import { SightlineError } from '../core/errors.js';

/** An open DuckDB file. */
export interface Database {
  instance: DuckDBInstance;
  connection: DuckDBConnection;
  file: string;
}

/**
 * Opens or creates `<folder>/<name>` and prepares its tables.
 * @param memoryMb ceiling of DuckDB's own buffers, in MiB
 * @throws SightlineError E_OUTPUT (folder not writable), E_STORE (locked or damaged), E_DISK_FULL, and what `prepare` throws
 */
export async function openDatabase<S>(
  folder: string,
  name: string,
  memoryMb: number,
  prepare: (database: Database) => Promise<S>,
): Promise<S> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw SightlineError.from(error, 'E_OUTPUT', {
      where: folder,
      what: 'the output folder cannot be created',
      remedy: 'Choose a folder you may write to with --out.',
    });
  }
  const file = join(folder, name);
  try {
    const instance = await DuckDBInstance.create(file, {
      memory_limit: `${memoryMb}MiB`,
      threads: '1',
      // Everything used is built in: nothing is ever fetched.
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    });
    return await prepare({ instance, connection: await instance.connect(), file });
  } catch (error) {
    throw openError(error, folder, file);
  }
}

/**
 * Turns at a connection. A statement that begins while another one is under way makes DuckDB forget that one, so whatever uses
 * a connection takes a turn, and waits for the one before.
 */
export class Turns {
  readonly #inside = new AsyncLocalStorage<true>();
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `body` when its turn comes; inside a turn of its own at once. */
  take<T>(body: () => Promise<T>): Promise<T> {
    if (this.#inside.getStore()) return body();
    const turn = this.#last.then(() => this.#inside.run(true, body));
    this.#last = turn.catch(() => {}); // told to whoever asked for it
    return turn;
  }
}

/** Runs `body` in one transaction: rolled back when it throws. */
export async function inTransaction(connection: DuckDBConnection, body: () => Promise<void>): Promise<void> {
  await connection.run('BEGIN');
  try {
    await body();
    await connection.run('COMMIT');
  } catch (error) {
    await connection.run('ROLLBACK').catch(() => {}); // the first failure is the one to report
    throw error;
  }
}

/** NaN means "does not exist": NULL, so that SQL, CSV and Parquet readers see a missing value. */
export function appendNumber(row: DuckDBAppender, value: number): void {
  if (Number.isNaN(value)) row.appendNull();
  else row.appendDouble(value);
}

export function appendText(row: DuckDBAppender, text: string | null): void {
  if (text === null) row.appendNull();
  else row.appendVarchar(text);
}

function openError(error: unknown, folder: string, file: string): SightlineError {
  const message = error instanceof Error ? error.message : String(error);
  if (/lock/i.test(message)) {
    return new SightlineError('E_STORE', {
      where: file,
      what: 'the store is in use by another process',
      remedy: 'Wait for that run to end, or choose another --out.',
      cause: error,
    });
  }
  if (/permission denied|read-only|cannot open file/i.test(message)) {
    return new SightlineError('E_OUTPUT', {
      where: folder,
      what: 'the output folder cannot be written',
      remedy: 'Choose a folder you may write to with --out.',
      cause: error,
    });
  }
  return SightlineError.from(error, 'E_STORE', {
    where: file,
    remedy: 'Choose a new --out folder if the file is damaged.',
  });
}
