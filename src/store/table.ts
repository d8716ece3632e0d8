import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { extname } from 'node:path';
import { DOUBLE, DuckDBInstance, VARCHAR, type DuckDBConnection } from '@duckdb/node-api';
import { SightlineError } from '../core/errors.js';

/** A table in memory: columns by name, in order; all of one length. NaN and null are empty cells. */
export interface Table {
  readonly rows: number;
  readonly columns: ReadonlyMap<string, Float64Array | readonly (string | null)[]>;
}

const readers: Record<string, string> = { '.parquet': 'read_parquet', '.csv': 'read_csv', '.jsonl': 'read_json' };
const writers: Record<string, string> = { '.parquet': 'FORMAT parquet', '.csv': 'FORMAT csv, HEADER' };

/** Extensions that `writeTable` writes. */
export const tableExtensions = Object.keys(writers);

/**
 * Reads .parquet, .csv or .jsonl. Number columns (booleans as 0 and 1) come as Float64Array, all else as text.
 * @throws SightlineError E_NOT_FOUND, E_TABLE (another extension, or not readable)
 */
export async function readTable(path: string): Promise<Table> {
  if (!existsSync(path)) {
    throw new SightlineError('E_NOT_FOUND', { where: path, what: 'no such file', remedy: 'Check the path.' });
  }
  const reader = byExtension(path, readers);
  return withDatabase(path, async (connection) => {
    const result = await connection.runAndReadAll(`SELECT * FROM ${reader}(${quoted(path)})`);
    const rows = result.currentRowCount;
    const columns = new Map<string, Float64Array | (string | null)[]>();
    result.columnNames().forEach((name, i) => {
      const values = result.getColumns()[i] ?? [];
      const numeric = values.every((v) => v === null || ['number', 'bigint', 'boolean'].includes(typeof v));
      if (numeric && values.some((v) => v !== null)) {
        columns.set(
          name,
          Float64Array.from(values, (v) => (v === null ? NaN : Number(v))),
        );
      } else {
        columns.set(
          name,
          values.map((v) => (v === null ? null : String(v as string))),
        );
      }
    });
    return { rows, columns };
  });
}

/**
 * Writes .parquet or .csv, whole or not at all. NaN becomes an empty cell.
 * @throws SightlineError E_TABLE (another extension), E_OUTPUT, E_DISK_FULL
 */
export async function writeTable(path: string, { rows, columns }: Table): Promise<void> {
  const options = byExtension(path, writers);
  const part = `${path}.part`;
  await withDatabase(path, async (connection) => {
    const names = [...columns.keys()];
    const type = (name: string) => (columns.get(name) instanceof Float64Array ? DOUBLE : VARCHAR);
    const declared = names.map((name) => `"${name.replaceAll('"', '""')}" ${type(name)}`);
    await connection.run(`CREATE TABLE result (${declared.join(', ')})`);
    const appender = await connection.createAppender('result');
    for (let row = 0; row < rows; row++) {
      for (const name of names) {
        const cell = columns.get(name)![row];
        if (cell === null || Number.isNaN(cell)) appender.appendNull();
        else if (typeof cell === 'number') appender.appendDouble(cell);
        else appender.appendVarchar(cell);
      }
      appender.endRow();
    }
    appender.closeSync();
    await connection.run(`COPY result TO ${quoted(part)} (${options})`);
  });
  await rename(part, path).catch(async (cause) => {
    await rm(part, { force: true });
    throw SightlineError.from(cause, 'E_OUTPUT', { where: path });
  });
}

function byExtension(path: string, known: Record<string, string>): string {
  const found = known[extname(path).toLowerCase()];
  if (found) return found;
  throw new SightlineError('E_TABLE', {
    where: path,
    what: `tables with the extension "${extname(path)}" are not handled`,
    remedy: `Use ${Object.keys(known).join(', ')}.`,
  });
}

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

async function withDatabase<R>(path: string, body: (connection: DuckDBConnection) => Promise<R>): Promise<R> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  const connection = await instance.connect();
  try {
    return await body(connection);
  } catch (error) {
    throw SightlineError.from(error, 'E_TABLE', { where: path });
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
