import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeSample } from '../../src/data/decode.js';
import { noiseSettings } from '../../src/data/fixed_noise.js';
import { writePhantoms } from '../../src/data/phantom.js';
import { openPool } from '../../src/data/pool.js';
import type { Preprocessing, Sample } from '../../src/data/types.js';
import { scorePass } from '../../src/engine/score_pass.js';
import { trainingPreprocessing } from '../../src/engine/training_plan.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { buildModel } from '../../src/models/index.js';
import { TrainingFeed, type FeedOptions } from '../../src/training/feed/feed.js';
import { sharedFolder, temporaryFolder } from '../support/files.js';

const size = 24;
const pixels = size * size;
const noise = { sigma: 0.1, seed: 3 };
const preprocessing: Preprocessing = {
  ...{ channels: 3, height: size, width: size, mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.4], resize: 'stretch', noise },
};

let folder: string;
let samples: Sample[];
beforeAll(async () => {
  folder = await sharedFolder();
  const { manifest } = await writePhantoms({ out: folder, count: 6, size: 32, seed: 2 });
  samples = await openPool(manifest);
});

async function decoded(sample: Sample, settings: Preprocessing): Promise<Float32Array> {
  const image = new Float32Array(settings.channels * pixels);
  await decodeSample(sample, settings, image, new Uint8Array(pixels));
  return image;
}

async function fed(options: Partial<FeedOptions>): Promise<Map<string, Float32Array>> {
  const common = { samples, targets: { kind: 'classes' as const }, preprocessing, batch: 2, workers: 1 };
  const feed = await TrainingFeed.open({ ...common, ...options });
  const images = new Map<string, Float32Array>();
  for (const epoch of [0, 1]) {
    for await (const batch of feed.epoch(epoch)) {
      batch.ids.forEach((id, b) => {
        const image = batch.images.data.slice(3 * b * pixels, 3 * (b + 1) * pixels);
        expect(images.get(id) ?? image).toEqual(image); // the same in every epoch
        images.set(id, image);
      });
      batch.release();
    }
  }
  await feed.close();
  return images;
}

describe('fixed noise', () => {
  it('gives equal bytes wherever a sample is read: alone, in a feed, before what augmentation leaves as it is', async () => {
    const plain = await fed({});
    // A border that nothing reaches: augmentation is on, and changes no pixel.
    const augmented = await fed({ augmentation: { preset: 'none', border: 'edge' } });
    expect([...plain.keys()].sort()).toEqual(samples.map(({ id }) => id).sort());
    for (const sample of samples) {
      const alone = await decoded(sample, preprocessing);
      expect(plain.get(sample.id)).toEqual(alone);
      expect(augmented.get(sample.id)).toEqual(alone);
    }
  });

  it('has the stated size on values in [0, 1], stays there, and is the same in all channels of a grey picture', async () => {
    const units = { ...preprocessing, mean: [0, 0, 0], std: [1, 1, 1] };
    const image = await decoded(samples[0], units);
    const clean = await decoded(samples[0], { ...units, noise: undefined });
    const inner = [...image.keys()].filter((i) => i < pixels && clean[i] > 0.35 && clean[i] < 0.65);
    const variance = inner.reduce((sum, i) => sum + (image[i] - clean[i]) ** 2, 0) / inner.length;
    expect(inner.length).toBeGreaterThan(100);
    expect(Math.sqrt(variance)).toBeGreaterThan(0.085);
    expect(Math.sqrt(variance)).toBeLessThan(0.115);
    expect(image.every((v) => v >= 0 && v <= 1)).toBe(true);
    expect(image.slice(pixels, 2 * pixels)).toEqual(image.slice(0, pixels));
    const other = await decoded(samples[0], { ...units, noise: { ...noise, seed: 4 } });
    const renamed = await decoded({ ...samples[0], id: 'another' }, units);
    expect(other).not.toEqual(image);
    expect(renamed).not.toEqual(image);
  });

  it('is what a scoring pass sees, and what a training is prepared with', async () => {
    const model = join(folder, 'net.onnx');
    await writeFile(model, exportOnnx(buildModel('small-cnn', { channels: 1, size, classes: 2, seed: 1 })));
    const options = { model, samples, batch: 4, noise, vectors: { maps: { of: 'image' as const, size } } };
    const pass = await scorePass({ ...options, out: join(await temporaryFolder(), 'pass') });
    const training = trainingPreprocessing({ arch: 'small-cnn', channels: 1, size, noise });
    for (const [row, sample] of samples.entries()) {
      const image = await decoded(sample, training);
      const seen = pass.maps!.data.subarray(row * pixels, (row + 1) * pixels);
      expect(Math.max(...image.map((v, i) => Math.abs(v - seen[i])))).toBeLessThan(1e-5);
    }
  });

  it('of size 0 is none; other sizes are refused', () => {
    expect(noiseSettings({ sigma: 0 })).toBeUndefined();
    expect(noiseSettings({ sigma: 0.01 })).toEqual({ sigma: 0.01, seed: 0 });
    for (const bad of [{ sigma: -0.1 }, { sigma: NaN }, { sigma: 0.1, seed: 0.5 }])
      expect(() => noiseSettings(bad)).toThrow(expect.objectContaining({ code: 'E_ARGUMENT' }));
  });
});
