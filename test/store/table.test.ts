import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readTable, writeTable } from '../../src/store/table.js';
import { sharedFolder } from '../support/files.js';

it.each(['.parquet', '.csv'])('writes and reads %s: numbers, text, empty cells, odd names', async (extension) => {
  const file = join(await sharedFolder(), `it's${extension}`);
  const columns = new Map<string, Float64Array | (string | null)[]>([
    ['id', ['a', 'b,"c"', 'd']],
    ['original_glcm_MCC', Float64Array.of(0.1, NaN, 1e-300)],
    ['say "x"', [null, 'y', 'z']],
  ]);
  await writeTable(file, { rows: 3, columns });
  const read = await readTable(file);
  expect(read.rows).toBe(3);
  expect([...read.columns.entries()]).toEqual([...columns.entries()]);
});

it('reads booleans and whole numbers as numbers', async () => {
  const file = join(await sharedFolder(), 't.csv');
  await writeFile(file, 'id,informative,count\nx,true,3\ny,false,\n');
  const { columns } = await readTable(file);
  expect(columns.get('informative')).toEqual(Float64Array.of(1, 0));
  expect(columns.get('count')).toEqual(Float64Array.of(3, NaN));
});

it('says what is wrong with a file', async () => {
  const folder = await sharedFolder();
  await expect(readTable(join(folder, 'none.csv'))).rejects.toThrow('no such file');
  await writeFile(join(folder, 'bad.parquet'), 'no parquet');
  await expect(readTable(join(folder, 'bad.parquet'))).rejects.toMatchObject({ code: 'E_TABLE' });
  await writeFile(join(folder, 'x.xlsx'), '');
  await expect(readTable(join(folder, 'x.xlsx'))).rejects.toThrow('Use .parquet, .csv, .jsonl');
  const table = { rows: 0, columns: new Map() };
  await expect(writeTable(join(folder, 'x.xlsx'), table)).rejects.toThrow('Use .parquet, .csv');
});
