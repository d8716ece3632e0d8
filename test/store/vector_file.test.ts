import { stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VectorFile } from '../../src/store/vector_file.js';
import { temporaryFolder } from '../support/files.js';

const newFile = async (width: number) => new VectorFile(join(await temporaryFolder(), 'vectors.f32'), width);

describe('VectorFile', () => {
  it('keeps rows by number, in whatever order they are written', async () => {
    const file = await newFile(3);
    await file.write(4, Float32Array.of(40, 41, 42, 50, 51, NaN));
    await file.write(0, Float32Array.of(0, 1, 2));
    const again = new VectorFile(file.path, 3);
    expect(await again.read(Int32Array.of(0, 3, 4, 5))).toEqual({
      dtype: 'f32',
      dims: [4, 3],
      data: Float32Array.of(0, 1, 2, 0, 0, 0, 40, 41, 42, 50, 51, NaN),
    });
    expect((await again.read(new Int32Array())).dims).toEqual([0, 3]);
    expect((await stat(file.path)).size).toBe(6 * 3 * 4);
    await file.write(0, Float32Array.of(7, 8, 9));
    expect([...(await file.read(Int32Array.of(0))).data]).toEqual([7, 8, 9]);
  });

  it('forgets all, and says when rows are missing', async () => {
    const file = await newFile(2);
    await expect(file.require(1)).rejects.toMatchObject({ code: 'E_STORE' });
    await file.write(0, Float32Array.of(1, 2, 3, 4));
    await file.require(2);
    await truncate(file.path, 12);
    await expect(file.read(Int32Array.of(1))).rejects.toThrow(/1 of 2 vectors of 2 numbers/);
    await file.clear();
    await file.require(0);
    await expect(file.require(1)).rejects.toMatchObject({ code: 'E_STORE' });
  });

  it('says so when the file cannot be written', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'file'), '');
    const file = new VectorFile(join(folder, 'file', 'vectors.f32'), 2);
    await expect(file.write(0, new Float32Array(2))).rejects.toMatchObject({ code: 'E_OUTPUT' });
  });
});
