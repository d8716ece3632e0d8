import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { explainSamples, openModel, openPool, score, ScoreStore, type ProgressEvent } from '../../src/index.js';
import { temporaryFolder } from '../support/files.js';
import { phantomSet, type PhantomSet } from '../support/phantoms.js';

let set: PhantomSet;
beforeAll(async () => {
  set = await phantomSet(40);
});

const run = async (more: object = {}) =>
  score({ model: set.model, pool: set.manifest, out: join(await temporaryFolder(), 'out'), top: 5, batch: 4, ...more });

/** Rows of scores.csv without the columns that name files. */
const numbersOf = async (summary: { files: { scoresCsv: string } }) =>
  (await readFile(summary.files.scoresCsv, 'utf8'))
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',').filter((_, i) => i !== 2));

describe('score', () => {
  it('reports progress that begins at 0, never falls and ends at the whole', async () => {
    const events: ProgressEvent[] = [];
    await run({ onProgress: (event: ProgressEvent) => events.push(event) });
    const done = events.filter((e) => e.stage === 'scoring').map((e) => e.done);
    expect(done[0]).toBe(0);
    expect(done.at(-1)).toBe(set.count);
    expect(done).toEqual([...done].sort((a, b) => a - b));
  });

  it('gives the same numbers on every kernel backend, up to rounding, and whatever the batch', async () => {
    const native = await numbersOf(await run({ strategy: 'kurtosis', backend: 'native' }));
    for (const other of [{ backend: 'reference' }, { backend: 'webgpu' }, { backend: 'native', batch: 7 }]) {
      const rows = await numbersOf(await run({ strategy: 'kurtosis', ...other }));
      const byId = new Map(rows.map((row) => [row[1], row]));
      for (const row of native) {
        byId
          .get(row[1])!
          .slice(4, 10)
          .forEach((text, i) => expect(Number(text)).toBeCloseTo(Number(row[i + 4]), 3));
      }
    }
  });

  it('random depends on the seed alone', async () => {
    const ids = async (seed: number) => (await run({ strategy: 'random', seed })).selection.map((s) => s.id);
    expect(await ids(1)).toEqual(await ids(1));
    expect(await ids(1)).not.toEqual(await ids(2));
  });

  it('keeps what the store needs to tell where the numbers came from', async () => {
    const summary = await run({ class: 'lesion', binarise: 'otsu' });
    const store = await ScoreStore.open(summary.out);
    expect(await store.meta('run')).toMatchObject({ class: 'lesion', binarise: 'otsu', explanation: 'grad-cam' });
    expect(await store.meta('ranking')).toMatchObject({ strategy: 'xal', alpha: 0.5, seed: 0 });
    store.close();
  });

  it('lists every reason when not one image can be scored', async () => {
    const folder = await temporaryFolder();
    const rows = ['id,path'];
    for (const id of ['a', 'b']) {
      await writeFile(join(folder, `${id}.png`), 'no image');
      rows.push(`${id},${id}.png`);
    }
    await writeFile(join(folder, 'pool.csv'), rows.join('\n'));
    const out = join(folder, 'out');
    await expect(run({ pool: join(folder, 'pool.csv'), out })).rejects.toMatchObject({ code: 'E_POOL_EMPTY' });
    expect((await readFile(join(out, 'quarantine.csv'), 'utf8')).trim().split('\n')).toHaveLength(3);
  });
});

describe('explainSamples', () => {
  it('gives maps in [0, 1] at the input size, in order, with bad files among them', async () => {
    const model = await openModel({ model: set.model, batch: 4 });
    const samples = (await openPool(set.manifest)).slice(0, 9);
    samples[5] = { ...samples[5], path: `${samples[5].path}.gone` };
    const seen: string[] = [];
    for await (const explained of explainSamples(model, samples)) {
      seen.push(explained.sample.id);
      if ('problem' in explained) {
        expect(explained.sample).toBe(samples[5]);
        expect(explained.problem.error.code).toBe('E_NOT_FOUND');
      } else {
        expect(explained.map).toHaveLength(128 * 128);
        expect(explained.map.every((v) => v >= 0 && v <= 1)).toBe(true);
      }
    }
    expect(seen).toEqual(samples.map((s) => s.id));
  });
});
