import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { CsvError, parse } from 'csv-parse';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

/** One row of a manifest, cells by lower-case column name. */
export interface ManifestRow {
  /** As people count: the line of a text file, or the row of a Parquet file from 1. */
  row: number;
  cells: Map<string, unknown>;
}

/** What is wrong where. */
export interface Problem {
  row?: number;
  column?: string;
  what: string;
}

/** Columns that the reader found, rows as they stream, and the problems of rows that cannot be split into cells. */
export interface RowSource {
  columns: Set<string>;
  rows: AsyncIterable<ManifestRow>;
}

type Opener = (path: string, problems: Problem[]) => RowSource;

export const manifestFormats: Record<string, Opener> = {
  '.csv': openCsv,
  '.jsonl': openJsonLines,
  '.ndjson': openJsonLines,
  '.parquet': openParquet,
};

function openCsv(path: string, problems: Problem[]): RowSource {
  const columns = new Set<string>();
  async function* rows(): AsyncGenerator<ManifestRow> {
    const parser = parse({ bom: true, info: true, skip_empty_lines: true, trim: true, relax_column_count: true });
    const input = createReadStream(path);
    input.on('error', (error) => parser.destroy(error));
    let header: string[] | undefined;
    try {
      for await (const { record, info } of input.pipe(parser) as AsyncIterable<{
        record: string[];
        info: { lines: number };
      }>) {
        if (!header) {
          header = record.map((name) => name.toLowerCase());
          header.forEach((name, i) => {
            if (columns.has(name))
              problems.push({ row: info.lines, column: name, what: `column ${i + 1} repeats this name` });
            columns.add(name);
          });
          continue;
        }
        if (record.length !== header.length) {
          problems.push({ row: info.lines, what: `${record.length} cells where the header has ${header.length}` });
          continue;
        }
        yield { row: info.lines, cells: new Map(header.map((name, i) => [name, record[i]])) };
      }
    } catch (error) {
      if (!(error instanceof CsvError)) throw error;
      problems.push({
        row: error.lines as number | undefined,
        what: `not readable as CSV from here on (${error.message})`,
      });
    } finally {
      input.destroy();
    }
  }
  return { columns, rows: rows() };
}

function openJsonLines(path: string, problems: Problem[]): RowSource {
  const columns = new Set<string>();
  async function* rows(): AsyncGenerator<ManifestRow> {
    let row = 0;
    for await (const line of createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity })) {
      row++;
      const text = line.replace(/^\uFEFF/, '').trim();
      if (text === '') continue;
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        problems.push({ row, what: 'not JSON' });
        continue;
      }
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        problems.push({ row, what: 'not a JSON object' });
        continue;
      }
      const cells = new Map(Object.entries(value).map(([name, cell]) => [name.toLowerCase(), cell as unknown]));
      for (const name of cells.keys()) columns.add(name);
      yield { row, cells };
    }
  }
  return { columns, rows: rows() };
}

/** Rows are read in blocks, so that a manifest of millions does not sit in memory twice. */
const parquetBlock = 20_000;

function openParquet(path: string, problems: Problem[]): RowSource {
  const columns = new Set<string>();
  async function* rows(): AsyncGenerator<ManifestRow> {
    try {
      const file = await asyncBufferFromFile(path);
      const metadata = await parquetMetadataAsync(file);
      for (const { element } of parquetSchema(metadata).children) columns.add(element.name.toLowerCase());
      const total = Number(metadata.num_rows);
      for (let start = 0; start < total; start += parquetBlock) {
        const block = await parquetReadObjects({
          file,
          metadata,
          compressors,
          rowStart: start,
          rowEnd: Math.min(total, start + parquetBlock),
        });
        for (const [i, record] of block.entries()) {
          yield {
            row: start + i + 1,
            cells: new Map(Object.entries(record).map(([name, cell]) => [name.toLowerCase(), cell as unknown])),
          };
        }
      }
    } catch (error) {
      problems.push({ what: `not readable as Parquet (${error instanceof Error ? error.message : String(error)})` });
    }
  }
  return { columns, rows: rows() };
}
