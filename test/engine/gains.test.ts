import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import type { Sample } from '../../src/data/types.js';
import { measureGains, type GainOptions, type GainResult, type GainSamples } from '../../src/engine/gains.js';
import { openDecoded } from '../../src/engine/training_plan.js';
import { trainSamples } from '../../src/engine/train.js';
import type { TrainSamplesOptions } from '../../src/engine/train_options.js';
import { clusterGains } from '../../src/selection/deep_features/cluster_ranks.js';
import { sharedFolder } from '../support/files.js';

const size = 16;
let folder: string;
let model: string;
let samples: GainSamples;

/** Stripes, upright or level, in noise. @param contrast how much they stand out of it */
async function picture(index: number, label: 'upright' | 'level', contrast: number): Promise<Sample> {
  const rng = new Rng(6, 'picture', index);
  const pixels = Uint8Array.from({ length: size * size }, (_, p) => {
    const across = label === 'upright' ? p % size : Math.floor(p / size);
    const bright = across % 4 < 2;
    return Math.max(0, Math.min(255, 128 + (bright ? contrast : -contrast) + 45 * rng.normal()));
  });
  const path = join(folder, `${index}.png`);
  await sharp(pixels, { raw: { width: size, height: size, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toFile(path);
  return { index, id: `picture-${index}`, path, label };
}

const settings = {
  ...{ arch: 'small-cnn', size, channels: 1, width: 0.25, batch: 4, mean: [0.5], std: [0.25], workers: 1 },
  ...{ labels: ['upright', 'level'], task: 'classification', seed: 5, augmentation: 'none', learningRate: 0.01 },
} satisfies Partial<TrainSamplesOptions>;
const options = (more: Partial<GainOptions> = {}): GainOptions => ({ ...settings, trials: 4, iterations: 6, ...more });

beforeAll(async () => {
  folder = await sharedFolder();
  const pictures = await Promise.all(
    Array.from({ length: 60 }, (_, i) => picture(i, i % 2 ? 'level' : 'upright', i >= 58 ? 25 : 10)),
  );
  const [labelled, validation, [useful]] = [pictures.slice(0, 12), pictures.slice(12, 58), pictures.slice(58)];
  const mislabelled = { ...labelled[0], id: 'copy', label: 'level' };
  samples = { labelled, validation, representatives: [useful, mislabelled] };
  const split = { training: labelled, validation: [], test: [] };
  ({
    files: { model },
  } = await trainSamples(split, { ...settings, out: join(folder, 'run'), epochs: 4 }));
}, 60_000);

describe('measureGains', () => {
  it('finds a useful sample worth more than a mislabelled duplicate, trial by trial against none', async () => {
    const { before, after } = await measureGains(model, samples, options());
    expect(after.dims).toEqual([4, 2]);
    const { means, standardErrors } = clusterGains(before, after);
    expect(means[0]).toBeGreaterThan(means[1] + standardErrors[0] + standardErrors[1]);
    expect(new Set(before).size).toBeGreaterThan(1); // trials differ
  });

  it('is the same again, and resumed with half of the results known', async () => {
    const results: GainResult[] = [];
    const whole = await measureGains(model, samples, options({ onResult: (result) => void results.push(result) }));
    expect(results).toHaveLength(12);
    const known = results.filter((_, i) => i % 2 === 0);
    const later: GainResult[] = [];
    const onResult = (result: GainResult) => void later.push(result);
    const resumed = await measureGains(model, samples, options({ known, onResult, threads: 1, cacheMb: 0 }));
    expect(resumed).toEqual(whole);
    expect(later).toEqual(results.filter((_, i) => i % 2 === 1));
    const gone = { ...samples, labelled: samples.labelled.map((sample) => ({ ...sample, path: 'gone' })) };
    expect(await measureGains(model, gone, options({ known: results }))).toEqual(whole); // nothing is opened
    expect(await measureGains(model, samples, options({ seed: 6 }))).not.toEqual(whole);
    const decoded = await openDecoded(Object.values(samples).flat(), settings);
    expect(await measureGains(model, samples, options({ decoded }))).toEqual(whole);
    await decoded.close();
  });

  it('once an epoch a sample changes less than in every batch', async () => {
    const spread = async (weight: GainOptions['weight']) => {
      const { before, after } = await measureGains(model, samples, options({ weight }));
      return Math.abs(clusterGains(before, after).means[1]);
    };
    expect(await spread('once')).toBeLessThan(await spread('every-batch'));
  });

  it('gives NaN where no AUC is defined or the representative cannot be read, and refuses what does not fit', async () => {
    const few = options({ trials: 1, iterations: 1 });
    const notices: string[] = [];
    const lost = { ...samples.representatives[0], path: join(folder, 'none.png') };
    const given = { ...samples, representatives: [lost, samples.representatives[1]] };
    const { before, after } = await measureGains(model, given, {
      ...few,
      onNotice: (text) => notices.push(text),
    });
    expect([before[0], after.data[1]].every(Number.isFinite)).toBe(true);
    expect(after.data[0]).toBeNaN();
    expect(notices.join()).toMatch(/Left out: picture-58/);
    const oneClass = { ...samples, validation: samples.validation.filter(({ label }) => label === 'upright') };
    expect((await measureGains(model, oneClass, few)).before[0]).toBeNaN();

    const refused = async (parts: Partial<GainSamples>, more: Partial<GainOptions>, message: RegExp) =>
      expect(measureGains(model, { ...samples, ...parts }, { ...few, ...more })).rejects.toThrow(message);
    await refused({ representatives: [samples.labelled[0]] }, {}, /ids of their own/);
    await refused({}, { batch: 1 }, /batch: expected at least 2/);
    await refused({}, { task: 'segmentation' }, /task: expected classification/);
    await refused({}, { width: 0.5 }, /startFrom/);
    await refused({ validation: [] }, {}, /no samples/);
    await refused({}, { known: [{ trial: 1, representative: 0, auc: 1 }] }, /known/);
  });
});
