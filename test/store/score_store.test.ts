import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { forCriteria, type Criteria } from '../../src/core/criteria.js';
import { ScoreStore, type ScoreRow } from '../../src/store/score_store.js';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'sightline-store-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

const sample = (index: number, extra = {}) => ({ index, id: `s${index}`, path: `/pool/${index}.png`, ...extra });
const numbers = { entropy: 0.5, least_confidence: 0.25, margin: 0.5, kurtosis: 3 };
const row = (index: number, known: Partial<Criteria> = {}, extra: Partial<ScoreRow> = {}): ScoreRow => ({
  index,
  predicted: 1,
  confidence: 0.75,
  logits: Float32Array.of(0, 1),
  criteria: { ...forCriteria(() => NaN), ...numbers, ...known },
  features: new Float64Array(),
  flat: false,
  roi: 'none',
  ...extra,
});

describe('ScoreStore', () => {
  it('keeps the radiomics of a run, and forgets them with it', async () => {
    const names = ['saliency_firstorder_Kurtosis', 'original_glcm_MCC'];
    let store = await ScoreStore.open(folder);
    await store.begin([sample(0), sample(1)], { labels: ['a', 'b'] }, names);
    await store.commitChunk(
      0,
      [row(0, {}, { features: Float64Array.of(3.5, NaN) }), row(1, {}, { features: Float64Array.of(1, 0.25) })],
      [],
    );
    store.close();
    store = await ScoreStore.open(folder);
    expect(store.features).toEqual(names);
    const { values } = await store.scoredColumns(names);
    expect(values).toEqual({ [names[0]]: Float64Array.of(3.5, 1), [names[1]]: Float64Array.of(NaN, 0.25) });
    await store.writeRanking(Uint32Array.of(1, 0), Int32Array.of(0, 1), Float64Array.of(0, 1));
    const [first] = await store.top(1);
    expect(first.features).toEqual(new Map([[names[0], 1], [names[1], 0.25]])); // prettier-ignore
    const { scoresCsv } = await store.export(folder, 1);
    expect((await readFile(scoresCsv, 'utf8')).split('\n')[0]).toContain(`bald,${names.join(',')},roi`);

    await store.begin([sample(0)], { labels: ['a', 'b'] });
    expect(store.features).toEqual([]);
    await store.commitChunk(0, [row(0)], []);
    expect((await readFile((await store.export(folder, 1)).scoresCsv, 'utf8')).split('\n')[0]).toContain('bald,roi');
    store.close();
  });

  it('reads while it writes', async () => {
    const store = await ScoreStore.open(folder);
    const [chunks, each] = [60, 20];
    const indices = Array.from({ length: chunks * each }, (_, i) => i);
    await store.begin(
      indices.map((i) => sample(i)),
      { labels: ['a', 'b'] },
    );
    const work: Promise<unknown>[] = [];
    for (let chunk = 0; chunk < chunks; chunk++) {
      const own = indices.slice(chunk * each, (chunk + 1) * each);
      const rows = own.map((i) => row(i));
      work.push(store.commitChunk(chunk, rows, []), store.samples(chunk * each, (chunk + 1) * each), store.counts());
    }
    const read = await Promise.all(work);
    expect(read.filter((_, i) => i % 3 === 1).flat()).toHaveLength(chunks * each);
    expect((await store.counts()).scored).toBe(chunks * each);
    store.close();
  });

  it('keeps samples, chunks, scores and ranking over a re-open', async () => {
    let store = await ScoreStore.open(folder);
    const first = sample(0, { slice: 4, label: 'x', boxes: [{ x0: 1, y0: 2, x1: 3, y1: 4 }], patient: 'p' });
    await store.begin([first, sample(1), sample(2)], { labels: ['normal', 'lesion'] });
    await store.commitChunk(0, [row(0), row(1, { entropy: 0.1, dice: 0.2 }, { roi: 'mask' })], []);
    await store.commitChunk(
      1,
      [],
      [{ index: 2, stage: 'decode', error: { code: 'E_IMAGE_CORRUPT', what: 'truncated', where: '2.png' } }],
    );
    store.close();

    store = await ScoreStore.open(folder);
    expect(await store.samples(0, 2)).toEqual([
      sample(0, { slice: 4, label: 'x', boxes: [{ x0: 1, y0: 2, x1: 3, y1: 4 }], patient: 'p' }),
      sample(1),
    ]);
    expect(await store.finishedChunks()).toEqual(new Set([0, 1]));
    expect(await store.counts()).toEqual({ scored: 2, quarantined: 1, withRoi: 1, flat: 0 });
    const { indices, ids, values } = await store.scoredColumns(['entropy', 'dice']);
    expect({ indices: [...indices], ids, entropy: [...values.entropy], dice: [...values.dice] }).toEqual({
      indices: [0, 1],
      ids: ['s0', 's1'],
      entropy: [0.5, 0.1],
      dice: [NaN, 0.2],
    });
    await store.writeRanking(Uint32Array.of(1, 0), indices, Float64Array.of(0.3, 0.9));
    const files = await store.export(folder, 1);
    expect(await store.top(5)).toMatchObject([
      { rank: 1, id: 's1', score: 0.9, predictedClass: 'lesion', criteria: { dice: 0.2 } },
      { rank: 2, id: 's0', score: 0.3, criteria: { dice: NaN } },
    ]);
    store.close();
    expect(await readFile(files.scoresCsv, 'utf8')).toBe(
      'rank,id,path,score,predicted,confidence,entropy,least_confidence,margin,kurtosis,dice,roi_area,mc_entropy,mc_epistemic,mc_aleatoric,bald,roi,flat_map\n' +
        '1,s1,/pool/1.png,0.9,lesion,0.75,0.1,0.25,0.5,3.0,0.2,,,,,,mask,false\n' +
        '2,s0,/pool/0.png,0.3,lesion,0.75,0.5,0.25,0.5,3.0,,,,,,,none,false\n',
    );
    expect((await readFile(files.selectionCsv, 'utf8')).trim().split('\n')).toHaveLength(2);
    expect(await readFile(files.quarantineCsv, 'utf8')).toContain(
      's2,/pool/2.png,decode,E_IMAGE_CORRUPT,2.png: truncated.',
    );
  });

  it('keeps vectors and the agreement of attention by position, with what was not scored left out', async () => {
    const agreement = { dice: 0.5, hit: 1, energy: 0.25, roiShare: 0.125, flat: false };
    const bad = { index: 1, stage: 'decode', error: { code: 'E_IMAGE_CORRUPT' as const, what: 'truncated' } };
    let store = await ScoreStore.open(folder);
    await store.begin(
      [0, 1, 2, 3].map((index) => sample(index)),
      {},
      [],
      { embeddings: 2 },
    );
    const withVector = (index: number, extra: Partial<ScoreRow> = {}) =>
      row(index, {}, { vectors: { embeddings: Float32Array.of(index, -index) }, ...extra });
    await store.commitChunk(1, [withVector(3, { flat: true })], []);
    await store.commitChunk(0, [withVector(2), withVector(0, { attention: agreement })], [bad]);
    store.close();

    store = await ScoreStore.open(folder);
    await store.requireVectors();
    const { indices } = await store.scoredColumns([]);
    expect([...indices]).toEqual([0, 2, 3]);
    expect(await store.vectors('embeddings', indices)).toEqual({
      ...{ dtype: 'f32', dims: [3, 2], data: Float32Array.of(0, -0, 2, -2, 3, -3) },
    });
    expect(await store.vectors('maps', indices)).toBeUndefined();
    const none = { dice: NaN, hit: NaN, energy: NaN, roiShare: 0 };
    expect(await store.attention()).toEqual([agreement, { ...none, flat: false }, { ...none, flat: true }]);
    expect(await store.predictions()).toEqual({
      predicted: Int32Array.of(1, 1, 1),
      logits: { dtype: 'f32', dims: [3, 2], data: Float32Array.of(0, 1, 0, 1, 0, 1) },
    });
    await store.begin([sample(0)], {});
    expect([await store.attention(), await store.vectors('embeddings', indices)]).toEqual([[], undefined]);
    store.close();
  });

  it('begins a run whole or not at all, and in place of what was there', async () => {
    const store = await ScoreStore.open(folder);
    function* interrupted() {
      yield sample(0);
      throw new Error('power cut');
    }
    await expect(store.begin(interrupted(), { fingerprint: 1 })).rejects.toThrow('power cut');
    expect([await store.sampleCount(), await store.meta('fingerprint')]).toEqual([0, undefined]);
    for (const fingerprint of [1, 2]) {
      await store.begin([sample(0), sample(1)], { fingerprint });
      expect([await store.sampleCount(), await store.meta('fingerprint')]).toEqual([2, fingerprint]);
      await store.setMeta('ranking', {});
      await store.commitChunk(0, [row(0), row(1)], []);
    }
    await store.begin([sample(0)], { fingerprint: 3 });
    expect(await store.meta('ranking')).toBeUndefined();
    expect(await store.counts()).toMatchObject({ scored: 0 });
    store.close();
  });

  it('leaves nothing of a transaction that fails', async () => {
    const store = await ScoreStore.open(folder);
    await expect(
      store.transaction(async () => {
        await store.setMeta('half', 1).catch(() => {}); // a nested write is part of the same transaction
        throw new Error('power cut');
      }),
    ).rejects.toThrow(/power cut/);
    expect(await store.meta('half')).toBeUndefined();
    store.close();
  });

  it('refuses a file that is no store, and one of another version', async () => {
    await writeFile(join(folder, 'store.duckdb'), 'not a database at all'.repeat(999));
    await expect(ScoreStore.open(folder)).rejects.toMatchObject({ code: 'E_STORE' });
    await rm(join(folder, 'store.duckdb'));
    const store = await ScoreStore.open(folder);
    await store.setMeta('schema_version', 99);
    store.close();
    await expect(ScoreStore.open(folder)).rejects.toMatchObject({
      code: 'E_STORE',
      message: expect.stringContaining('schema version 99') as string,
    });
  });

  it('says so when the folder cannot be made or written', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(ScoreStore.open(join(folder, 'file', 'out'))).rejects.toMatchObject({ code: 'E_OUTPUT' });
    if (process.getuid?.() !== 0) {
      await chmod(folder, 0o500);
      await expect(ScoreStore.open(folder)).rejects.toMatchObject({ code: 'E_OUTPUT' });
    }
  });
});
