import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { openBackend } from '../../src/backend/index.js';
import { tensor } from '../../src/core/tensor.js';
import { greyImages } from '../../src/engine/map_radiomics.js';
import { explainSamples, openModel, openPool, score, type ScoreOptions, type ScoreSummary } from '../../src/index.js';
import { extractRadiomics, planRadiomics } from '../../src/features/radiomics/extract.js';
import { sharedFolder, temporaryFolder } from '../support/files.js';
import { phantomSet, type PhantomSet } from '../support/phantoms.js';

let set: PhantomSet;
let all: ScoreSummary;
beforeAll(async () => {
  set = await phantomSet(30);
  all = await run({
    strategy: 'pyrad-firstorder',
    radiomics: ['firstorder', 'glcm', 'shape2D'],
    out: await sharedFolder(),
  });
});

const run = async ({ out, ...more }: { out?: string } & Partial<ScoreOptions> = {}) =>
  score({ model: set.model, pool: set.manifest, out: out ?? (await temporaryFolder()), top: 30, batch: 4, ...more });
const order = ({ selection }: ScoreSummary) => selection.map((s) => s.id);

describe('ranking by radiomics', () => {
  it('stores what the reference finds in the maps that explain gives', async () => {
    const model = await openModel({ model: set.model, batch: 4 });
    const reference = await openBackend({ prefer: 'reference' });
    const plan = planRadiomics({ features: ['firstorder_Kurtosis', 'glcm_Idn', 'glcm_MCC'], prefix: 'saliency' });
    const stored = new Map(all.selection.map((s) => [s.id, s]));
    let checked = 0;
    for await (const explained of explainSamples(model, (await openPool(set.manifest)).slice(0, 12))) {
      if (!('map' in explained)) continue;
      const { height, width } = model.setup;
      const input = {
        maps: tensor('f32', [1, 1, height, width], explained.map),
        masks: tensor('u8', [1, 1, height, width], new Uint8Array(height * width).fill(1)),
      };
      const { values } = await extractRadiomics(reference, input, plan, { scale: 255 });
      const { features } = stored.get(explained.sample.id)!;
      plan.names.forEach((name, i) => {
        if (explained.row.flat) expect(features.get(name)).toBeNaN();
        else expect(features.get(name)! / values[i]).toBeCloseTo(1, 5);
        checked++;
      });
    }
    expect(checked).toBe(36);
    expect(all.rankedBy).toContain('saliency_firstorder_TotalEnergy');
  });

  it('ranks by score, and samples whose map is constant last', () => {
    const scores = all.selection.map((s) => s.score);
    const known = scores.filter((s) => !Number.isNaN(s));
    expect(known.length).toBe(all.scored - all.flatMaps);
    expect(known).toEqual([...known].sort((a, b) => b - a));
    expect(scores.slice(known.length).every(Number.isNaN)).toBe(true);
  });

  it('ranks a finished run again by any of its classes, without scoring it', async () => {
    for (const strategy of ['pyrad-glcm', 'pyrad-shape2d', 'entropy']) {
      const again = await score({
        model: set.model,
        pool: set.manifest,
        out: all.out,
        strategy,
        resume: true,
        top: 30,
        batch: 4,
      });
      expect(again.scoredNow).toBe(0);
      expect(order(again)).toEqual(order(await run({ strategy })));
    }
    const refused = score({
      model: set.model,
      pool: set.manifest,
      out: all.out,
      strategy: 'pyrad-glcm',
      radiomicsOf: 'image',
      resume: true,
      batch: 4,
    });
    await expect(refused).rejects.toMatchObject({
      code: 'E_RESUME_MISMATCH',
      what: expect.stringContaining('radiomics'),
    });
  });

  it('takes the features of the images as well, and those of both side by side', async () => {
    const borda = [
      { feature: 'original_firstorder_Entropy', first: 'high' },
      { feature: 'firstorder_Entropy', first: 'low' },
    ] as const;
    const both = await run({ strategy: 'borda', borda });
    expect(both.rankedBy).toEqual(['original_firstorder_Entropy', 'saliency_firstorder_Entropy']);
    const header = (await readFile(both.files.scoresCsv, 'utf8')).split('\n')[0];
    expect(header).toMatch(/saliency_firstorder_Entropy.*original_firstorder_Entropy/);
    const images = await run({ strategy: 'pyrad-glcm', radiomicsOf: 'image' });
    expect(images.selection.every((s) => Number.isFinite(s.score))).toBe(true);
    expect(images.rankedBy[0]).toBe('original_glcm_SumEntropy');
    // The same image numbers in both runs, whatever else was computed.
    const entropyOf = new Map(both.selection.map((s) => [s.id, s.features.get('original_firstorder_Entropy')]));
    const alone = await run({ strategy: 'pyrad-firstorder', radiomicsOf: 'image' });
    for (const s of alone.selection) expect(s.features.get('original_firstorder_Entropy')).toBe(entropyOf.get(s.id));
  });

  it('ranks alike on every backend', async () => {
    const native = await run({ strategy: 'pyrad-firstorder', backend: 'native' });
    for (const backend of ['reference', 'webgpu'] as const) {
      const other = await run({ strategy: 'pyrad-firstorder', backend });
      const scores = new Map(other.selection.map((s) => [s.id, s.score]));
      // A tie of float64 may be split in float32: a place or two.
      for (const s of native.selection)
        expect(scores.get(s.id)).toEqual(Number.isNaN(s.score) ? NaN : expect.closeTo(s.score, 1));
    }
  });
});

it('brings 8-bit pixels back from the model input exactly, colours as luminance', () => {
  const preprocessing = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
  const data = new Float32Array(3 * 256);
  for (let k = 0; k < 256; k++)
    for (let c = 0; c < 3; c++) data[c * 256 + k] = (k / 255 - preprocessing.mean[c]) / preprocessing.std[c];
  const grey = greyImages(tensor('f32', [1, 3, 16, 16], data), preprocessing);
  expect([...grey.data]).toEqual(Array.from({ length: 256 }, (_, k) => Math.fround(k / 255)));
});
