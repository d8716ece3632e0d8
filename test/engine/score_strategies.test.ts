import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openCpuBackend } from '../../src/backend/index.js';
import { openPool, score, type ScoreOptions, type ScoreSummary } from '../../src/index.js';
import { scorePass, type ScoredPass } from '../../src/engine/score_pass.js';
import { rankPool, strategies, strategyContext } from '../../src/strategies/index.js';
import { sharedFolder, temporaryFolder } from '../support/files.js';
import { phantomSet, type PhantomSet } from '../support/phantoms.js';

let set: PhantomSet;
let pass: ScoredPass;
/** A finished run with embeddings, to rank again. */
let scored: string;

beforeAll(async () => {
  set = await phantomSet(24);
  const folder = await sharedFolder();
  scored = join(folder, 'scored');
  await run({ out: scored, strategy: 'core-set' });
  const options = { model: set.model, batch: 4, workers: 1, vectors: { embeddings: true } };
  pass = await scorePass({ ...options, out: join(folder, 'pass'), samples: await openPool(set.manifest) });
});

const run = async ({ out, ...more }: Partial<ScoreOptions>) =>
  score({
    model: set.model,
    pool: set.manifest,
    out: out ?? join(await temporaryFolder(), 'out'),
    top: 6,
    batch: 4,
    ...more,
  });
const rankAgain = (more: Partial<ScoreOptions>) => run({ out: scored, resume: true, ...more });
const ids = ({ selection }: ScoreSummary) => selection.map(({ id }) => id);

/** k-center greedy over the pool's embeddings by its definition, in float64; the lowest id first. */
function farthestFirst(count: number): string[] {
  const { dims, data } = pass.embeddings!;
  const rows = [...pass.ids.keys()].sort((a, b) => (pass.ids[a] < pass.ids[b] ? -1 : 1));
  const distance = (a: number, b: number) => {
    let sum = 0;
    for (let k = 0; k < dims[1]; k++) sum += (data[a * dims[1] + k] - data[b * dims[1] + k]) ** 2;
    return sum;
  };
  const chosen = [rows[0]];
  while (chosen.length < count) {
    const near = rows.map((row) => Math.min(...chosen.map((other) => distance(row, other))));
    chosen.push(rows[near.indexOf(Math.max(...near))]);
  }
  return chosen.map((row) => pass.ids[row]);
}

describe('strategies over one pass', () => {
  it('core-set goes for the farthest embeddings, and scores its choice 6, 5 … 1', async () => {
    const summary = await rankAgain({ strategy: 'core-set' });
    expect(ids(summary)).toEqual(farthestFirst(6));
    expect(summary.selection.map((s) => s.score)).toEqual([6, 5, 4, 3, 2, 1]);
    const all = await rankAgain({ strategy: 'core-set', top: 24 });
    expect(new Set(ids(all)).size).toBe(24);
  });

  // Radiomics and dropout are computed where they are asked for: tested on their own.
  const onePass = [...strategies.values()].filter(
    (strategy) => !strategy.columns && !/^pyrad|^borda|^mc-|^bald/.test(strategy.name),
  );
  it.each(onePass)('$name ranks a finished run again, as over another pass with other workers', async (strategy) => {
    const again = await rankAgain({ strategy: strategy.name, seed: 3 });
    expect(again.scoredNow).toBe(0);
    const context = { ...strategyContext({ seed: 3 }), maximumEntropy: pass.maximumEntropy };
    const { order } = await rankPool(strategy, pass, context, { backend: openCpuBackend(), count: 6 });
    expect(ids(again)).toEqual([...order.subarray(0, 6)].map((row) => pass.ids[row]));
  });

  it('the diversity step: the first of entropy, then others of its first twelve', async () => {
    const entropy = ids(await rankAgain({ strategy: 'entropy', top: 12 }));
    const diverse = ids(await rankAgain({ strategy: 'entropy', diversity: 'k-center', diversityFactor: 2 }));
    expect(diverse[0]).toBe(entropy[0]);
    expect(entropy).toEqual(expect.arrayContaining(diverse));
    expect(diverse).not.toEqual(entropy.slice(0, 6));
  });

  it('embeddings are kept where they are read; a run without them cannot be ranked by them', async () => {
    const plain = await run({ strategy: 'entropy' });
    await expect(run({ out: plain.out, resume: true, strategy: 'badge' })).rejects.toMatchObject({
      code: 'E_RESUME_MISMATCH',
      what: expect.stringContaining('vectors') as string,
    });
    await expect(run({ out: plain.out, resume: true, diversity: 'k-means' })).rejects.toMatchObject({
      code: 'E_RESUME_MISMATCH',
    });
  });

  it('kurtosis of the images in place of the maps', async () => {
    const { selection, rankedBy } = await run({ strategy: 'kurtosis', radiomicsOf: 'image' });
    expect(rankedBy).toEqual(['original_firstorder_Kurtosis']);
    const values = selection.map((s) => s.features.get('original_firstorder_Kurtosis')!);
    expect(values).toEqual([...values].sort((a, b) => b - a));
    expect(selection.map((s) => s.score)).toEqual(values);
    expect(values[0]).toBeGreaterThan(1); // a kurtosis that is not excess is 1 or more
  });

  it('the stratified batch has as many of each predicted class', async () => {
    const predicted = (await rankAgain({ strategy: 'random-stratified' })).selection.map((s) => s.predicted);
    expect(predicted.filter((k) => k === 0)).toHaveLength(3);
  });

  it('regions decide where they should, and those of XAL’s control are like XAL’s', async () => {
    const areas = (summary: ScoreSummary) => summary.selection.map((s) => s.criteria.roi_area);
    const largest = areas(await rankAgain({ strategy: 'roi-area' }));
    const known = [...pass.columns.roi_area].filter((area) => !Number.isNaN(area)).sort((a, b) => b - a);
    expect(largest).toEqual(known.slice(0, 6));
    expect(areas(await rankAgain({ strategy: 'random-roi' })).every((area) => area > 0)).toBe(true);
    const xal = await rankAgain({ strategy: 'xal', top: 4 });
    const control = await rankAgain({ strategy: 'xal-roi-control', roiNeighbours: 1, top: 4 });
    expect(ids(control).filter((id) => ids(xal).includes(id))).toEqual([]);
    expect(areas(control).map(Number.isNaN)).toEqual(areas(xal).map(Number.isNaN));
  });
});

describe('what a single pass cannot do', () => {
  it.each(['committee', 'deep-features'])(
    '%s needs a run of the loop: refused before anything is written',
    async (name) => {
      const out = join(await temporaryFolder(), 'out');
      await expect(run({ out, strategy: name })).rejects.toMatchObject({
        code: 'E_ARGUMENT',
        message: expect.stringMatching(/needs a run of the loop.*sightline run/) as string,
      });
      expect(existsSync(out)).toBe(false);
    },
  );

  it('a choice has no other way round', async () => {
    const out = join(await temporaryFolder(), 'out');
    await expect(run({ out, strategy: 'badge', reverse: true })).rejects.toMatchObject({ where: 'reverse' });
    await expect(run({ out, strategy: 'entropy', diversity: 'k-means', reverse: true })).rejects.toMatchObject({
      where: 'reverse',
    });
    expect(existsSync(out)).toBe(false);
  });
});
