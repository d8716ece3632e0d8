import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { SightlineError } from '../../src/core/errors.js';
import { openPool } from '../../src/data/pool.js';
import { temporaryFolder } from '../support/files.js';
import { imageItem, writeDicom } from './dicom_writer.js';
import { asBytes, writeNifti } from './nifti_writer.js';

async function png(path: string): Promise<void> {
  await writeFile(
    path,
    await sharp(new Uint8Array(4), { raw: { width: 2, height: 2, channels: 1 } })
      .png()
      .toBuffer(),
  );
}

async function failure(promise: Promise<unknown>): Promise<SightlineError> {
  const error: unknown = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(SightlineError);
  return error as SightlineError;
}

async function manifest(name: string, text: string, files: string[] = ['a.png', 'b.png']): Promise<string> {
  const folder = await temporaryFolder();
  for (const file of files) await png(join(folder, file));
  await writeFile(join(folder, name), text);
  return join(folder, name);
}

describe('a folder as pool', () => {
  it('is searched recursively in code-unit order, volumes as slices, other files ignored with a notice', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'z'));
    await mkdir(join(folder, '.hidden'));
    for (const name of ['b.png', 'a10.png', 'a2.png', 'Z.PNG', 'é.png', 'z/1.png', '.hidden/x.png', '._a.png'])
      await png(join(folder, name));
    await writeFile(join(folder, 'notes.txt'), 'x');
    await writeFile(
      join(folder, 'IM0001'),
      writeDicom({ ...imageItem(1, 2, { '00280008': ['IS', '2'] }), '7fe00010': ['OB', new Uint8Array(4)] }),
    );
    await writeFile(join(folder, 'DICOMDIR'), writeDicom({ '00041130': ['CS', 'SET'] }));
    await writeFile(join(folder, 'v.nii'), writeNifti({ dims: [2, 2, 3], type: 2, bits: 8, data: new Uint8Array(12) }));
    const notices: string[] = [];
    const samples = await openPool(folder, { onNotice: (m) => notices.push(m) });
    expect(samples.map((s) => s.id)).toEqual([
      'IM0001#0',
      'IM0001#1',
      'Z.PNG',
      'a10.png',
      'a2.png',
      'b.png',
      'v.nii#0',
      'v.nii#1',
      'v.nii#2',
      'z/1.png',
      'é.png',
    ]);
    expect(samples.map((s) => s.index)).toEqual(samples.map((_, i) => i));
    expect(samples[1]).toMatchObject({ path: join(folder, 'IM0001'), slice: 1 });
    expect(samples[2].slice).toBeUndefined();
    expect(notices.join(' ')).toContain('1 × .txt');
    expect(notices.join(' ')).toContain('1 DICOM files without an image');
    const alongX = await openPool(join(folder, 'v.nii'), { axis: 0 });
    expect(alongX.map((s) => s.id)).toEqual(['v.nii#0', 'v.nii#1']);
  });

  it('keeps a damaged DICOM file, so that it is reported', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'x.dcm'), writeDicom(imageItem(9, 9)).subarray(0, 160));
    expect(await openPool(folder)).toHaveLength(1);
  });

  it('without images is E_POOL_EMPTY, and says what it looked for and ignored', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'a.txt'), 'x');
    await writeFile(join(folder, 'b.txt'), 'x');
    const error = await failure(openPool(folder));
    expect(error.code).toBe('E_POOL_EMPTY');
    expect(error.message).toContain('2 × .txt');
    expect(error.message).toContain('.png');
    await expect(openPool(await temporaryFolder())).rejects.toMatchObject({ code: 'E_POOL_EMPTY' });
    await expect(openPool(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
    await expect(openPool(join(folder, '*.png'))).rejects.toMatchObject({ code: 'E_POOL_EMPTY' });
    await expect(openPool(join(folder, 'a.txt'))).rejects.toMatchObject({ code: 'E_MANIFEST' });
  });

  it('points at a manifest that it holds', async () => {
    const path = await manifest('manifest.csv', 'id,path\na,a.png\n');
    const notices: string[] = [];
    await openPool(join(path, '..'), { onNotice: (m) => notices.push(m) });
    expect(notices.join(' ')).toContain('manifest.csv');
  });
});

describe('a glob as pool', () => {
  it('takes what matches', async () => {
    const folder = await temporaryFolder();
    for (const name of ['b1.png', 'a1.png', 'a2.png']) await png(join(folder, name));
    const samples = await openPool(join(folder, 'a*.png'));
    expect(samples.map((s) => s.path)).toEqual([join(folder, 'a1.png'), join(folder, 'a2.png')]);
  });
});

describe('a manifest as pool', () => {
  it('CSV: all columns, quotes, byte-order mark, CRLF, boxes in both notations, unknown columns named once', async () => {
    const path = await manifest(
      'm.csv',
      '\uFEFFid,path,Label,mask,roi_boxes,patient,split,fold,note\r\n"x,1",a.png,tumour,b.png,0;0;1;1|1;0;2;2.5,P1,pool,3,hello\r\ny,b.png,,,"[[0,0,1,2]]",,,,\r\n',
    );
    const notices: string[] = [];
    const samples = await openPool(path, { onNotice: (m) => notices.push(m) });
    const folder = join(path, '..');
    expect(samples).toEqual([
      {
        index: 0,
        id: 'x,1',
        path: join(folder, 'a.png'),
        label: 'tumour',
        mask: join(folder, 'b.png'),
        boxes: [
          { x0: 0, y0: 0, x1: 1, y1: 1 },
          { x0: 1, y0: 0, x1: 2, y1: 2.5 },
        ],
        patient: 'P1',
        split: 'pool',
        fold: '3',
      },
      { index: 1, id: 'y', path: join(folder, 'b.png'), boxes: [{ x0: 0, y0: 0, x1: 1, y1: 2 }] },
    ]);
    expect(notices).toEqual(['m.csv: columns not used: note.']);
  });

  it('JSONL: native values, missing fields', async () => {
    const path = await manifest(
      'm.jsonl',
      [
        { id: 7, path: 'a.png', boxes: [1, 2, 3, 4] },
        { id: 'b', path: 'b.png', boxes: [{ x0: 0, y0: 0, x1: 1, y1: 1 }], slice: 0, label: 1 },
      ]
        .map((r) => JSON.stringify(r))
        .join('\n\n'),
    );
    const [first, second] = await openPool(path);
    expect(first).toMatchObject({ id: '7', boxes: [{ x0: 1, y0: 2, x1: 3, y1: 4 }] });
    expect(second).toMatchObject({ id: 'b', slice: 0, label: '1', boxes: [{ x0: 0, y0: 0, x1: 1, y1: 1 }] });
  });

  it('Parquet, as DuckDB writes it', async () => {
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const path = await manifest('m.csv', 'id,path\na,a.png\nb,b.png\n');
    const parquet = path.replace('.csv', '.parquet');
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    await connection.run(
      `COPY (SELECT *, 3::BIGINT AS slice, [[0.0, 1.0, 2.0, 3.0]] AS boxes, NULL::VARCHAR AS label FROM read_csv('${path}')) TO '${parquet}' (COMPRESSION zstd)`,
    );
    connection.closeSync();
    const samples = await openPool(parquet);
    expect(samples.map((s) => [s.id, s.slice, s.label])).toEqual([
      ['a', 3, undefined],
      ['b', 3, undefined],
    ]);
    expect(samples[0].boxes).toEqual([{ x0: 0, y0: 1, x1: 2, y1: 3 }]);
  });

  it('rows of volumes without a slice become all their slices', async () => {
    const path = await manifest('m.csv', 'id,path,slice,label\nv,v.nii,,x\nw,v.nii,1,y\n');
    await writeFile(
      join(path, '..', 'v.nii'),
      writeNifti({ dims: [2, 2, 2], type: 4, bits: 16, data: asBytes(new Int16Array(8)) }),
    );
    expect((await openPool(path)).map((s) => [s.id, s.slice, s.label, s.index])).toEqual([
      ['v#0', 0, 'x', 0],
      ['v#1', 1, 'x', 1],
      ['w', 1, 'y', 2],
    ]);
  });

  it('reports every problem at once by row and column', async () => {
    const path = await manifest(
      'm.csv',
      [
        'id,path,mask,boxes,slice',
        'a,a.png,,,',
        ',b.png,,,',
        'a,b.png,,,',
        'c,missing.png,none.png,,',
        'd,a.png,,5;5;5;9,',
        'e,a.png,,1;2;x;4,',
        'f,a.png,,,1.5',
        'g,,,,',
        'h,a.png',
      ].join('\n'),
    );
    const { code, message } = await failure(openPool(path));
    expect(code).toBe('E_MANIFEST');
    for (const part of [
      '9 problems',
      'row 3, id: empty',
      'row 4, id: duplicate id "a", first in row 2',
      'row 5, path: no such file',
      'row 5, mask: no such file',
      'row 6, boxes: x1 <= x0 or y1 <= y0 in 5;5;5;9',
      'row 7, boxes: expected x0;y0;x1;y1, received 1;2;x;4',
      'row 8, slice: expected a whole number from 0, received "1.5"',
      'row 9, path: empty',
      'row 10: 2 cells where the header has 5',
    ]) {
      expect(message).toContain(part);
    }
  });

  it('lists fifty and counts the rest; names missing columns; refuses other extensions', async () => {
    const many = await manifest(
      'm.csv',
      `id,path\n${Array.from({ length: 70 }, (_, i) => `i${i},gone${i}.png`).join('\n')}\n`,
    );
    const { message } = await failure(openPool(many));
    expect(message.match(/no such file/g)).toHaveLength(50);
    expect(message).toContain('and 20 more');
    expect((await failure(openPool(await manifest('m.csv', 'name,file\nx,a.png\n')))).message).toMatch(
      /2 problems:\s+id: the column is missing \(found: name, file\)\s+path: the column/,
    );
    expect((await failure(openPool(await manifest('m.jsonl', '{"id":"a"\n[1]\n')))).message).toMatch(
      /row 1: not JSON\s+row 2: not a JSON object/,
    );
    await expect(openPool(await manifest('m.tsv', 'id\tpath\n'))).rejects.toMatchObject({ code: 'E_MANIFEST' });
    await expect(openPool(await manifest('m.csv', 'id,path\n'))).rejects.toMatchObject({ code: 'E_POOL_EMPTY' });
    await expect(openPool(await manifest('m.parquet', 'no'))).rejects.toMatchObject({ code: 'E_MANIFEST' });
    expect((await failure(openPool(await manifest('m.csv', 'id,path\n"a,a.png\n')))).code).toBe('E_MANIFEST');
  });
});
