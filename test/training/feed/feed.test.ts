import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCpuBackend } from '../../../src/backend/index.js';
import { tensor } from '../../../src/core/tensor.js';
import { augmentSample, drawAugmentation } from '../../../src/data/augment.js';
import { completeAugmentation } from '../../../src/data/augment_settings.js';
import { decodeSample } from '../../../src/data/decode.js';
import { inUnits, normalise } from '../../../src/data/preprocess.js';
import type { Sample } from '../../../src/data/types.js';
import { TrainingFeed, type FeedOptions } from '../../../src/training/feed/feed.js';
import type { QuarantinedSample } from '../../../src/training/feed/quarantine.js';
import { sharedFolder, temporaryFolder } from '../../support/files.js';
import { augmentation, collect, damage, phantomSet, preprocessing, sameBatches, type Kept } from './feed_set.js';

const { channels, height, width } = preprocessing;
const pixels = height * width;
let samples: Sample[];
/** One worker thread for all feeds whose number of workers does not matter: starting one takes longer than most tests. */
let owner: TrainingFeed;

beforeAll(async () => {
  samples = await phantomSet(await sharedFolder(), 22);
  owner = await TrainingFeed.open({ samples, targets: { kind: 'classes' }, preprocessing, batch: 1, workers: 1 });
});

afterAll(() => owner.close());

async function withFeed<R>(options: Partial<FeedOptions>, use: (feed: TrainingFeed) => Promise<R>): Promise<R> {
  const targets = { kind: 'classes' } as const;
  const common = { samples, targets, preprocessing, batch: 5, workers: owner.decoders, seed: 7 };
  const feed = await TrainingFeed.open({ ...common, ...options });
  try {
    return await use(feed);
  } finally {
    await feed.close();
  }
}

async function epochs(feed: TrainingFeed, count: number): Promise<Kept[]> {
  const kept: Kept[] = [];
  for (let e = 0; e < count; e++) kept.push(...(await collect(feed.epoch(e))));
  return kept;
}

describe('batches of an epoch', () => {
  it('are the same for any number of workers and slots, with and without cache', async () => {
    const run = (options: Partial<FeedOptions>) =>
      withFeed({ augmentation, rois: true, ...options }, (feed) => epochs(feed, 2));
    const one = await run({ cacheMb: 0 });
    expect(one).toHaveLength(8);
    expect(sameBatches(await run({ workers: 3, slots: 6, cacheMb: 0 }), one)).toBe(true);
    expect(sameBatches(await run({ workers: 2, slots: 2, cacheMb: 64 }), one)).toBe(true);
    // Room for some of the samples only.
    expect(sameBatches(await run({ workers: 2, cacheMb: 0.02 }), one)).toBe(true);
    expect(sameBatches(await run({ seed: 8, cacheMb: 0 }), one)).toBe(false);
  });

  it('hold every sample at most once, in another order and augmented otherwise in each epoch', async () => {
    const [first, second] = await withFeed({ augmentation }, async (feed) => {
      expect([feed.batch, feed.iterations]).toEqual([5, 4]);
      return [await collect(feed.epoch(0)), await collect(feed.epoch(1))];
    });
    const ids = (batches: Kept[]) => batches.flatMap((b) => b.ids);
    for (const epoch of [first, second]) expect(new Set(ids(epoch)).size).toBe(20);
    expect(ids(first)).not.toEqual(ids(second));
    const id = ids(first).find((one) => ids(second).includes(one))!;
    const imageOf = (batches: Kept[]) => {
      const batch = batches.find((b) => b.ids.includes(id))!;
      return batch.images.subarray(batch.ids.indexOf(id) * channels * pixels).slice(0, channels * pixels);
    };
    expect(imageOf(first)).not.toEqual(imageOf(second));
  });

  it('go on in the middle of an epoch exactly as without an interruption', async () => {
    const [whole, rest, none] = await withFeed({ augmentation, workers: 2 }, async (feed) => [
      await collect(feed.epoch(3)),
      await withFeed({ augmentation }, (fresh) => collect(fresh.epoch(3, { from: 2 }))),
      await collect(feed.epoch(3, { from: 4 })),
    ]);
    expect(rest.map((b) => b.iteration)).toEqual([2, 3]);
    expect(sameBatches(rest, whole.slice(2))).toBe(true);
    expect(none).toEqual([]);
  });

  it('are decoding, augmentSample and normalising, one after the other', async () => {
    const settings = completeAugmentation(augmentation);
    const [batch] = await withFeed({ augmentation, rois: true, batch: 22 }, (feed) => collect(feed.epoch(5)));
    const backend = openCpuBackend({ threads: 1, onNotice: () => {} });
    for (const [row, id] of batch.ids.entries()) {
      const image = tensor('f32', [channels, height, width]);
      const roi = tensor('u8', [height, width]);
      await decodeSample(
        samples.find((s) => s.id === id)!,
        inUnits(preprocessing),
        image.data,
        roi.data,
      );
      await augmentSample(image, roi, drawAugmentation(settings, id, 5, 7), backend);
      normalise(image.data, preprocessing);
      const size = channels * pixels;
      expect(batch.images.subarray(row * size, (row + 1) * size)).toEqual(image.data);
      expect(batch.rois!.subarray(row * pixels, (row + 1) * pixels)).toEqual(Float32Array.from(roi.data));
    }
  });

  it('are of all samples where there are fewer than a batch', async () => {
    const few = [samples[0], samples.find((s) => s.label !== samples[0].label)!];
    const batches = await withFeed({ samples: few, batch: 16 }, (feed) => epochs(feed, 2));
    expect(batches.map((b) => b.ids.length)).toEqual([2, 2]);
    expect(batches[0].imageDims).toEqual([2, channels, height, width]);
  });

  it('give boxes and masks the movement of their image', async () => {
    const moved = { preset: 'none', translation: 8, flipHorizontal: 0.5 } as const;
    const lesions = samples.filter((s) => s.mask).map(({ mask: _, ...sample }) => sample);
    const options = { samples: lesions, batch: lesions.length, targets: { kind: 'mask' }, rois: true } as const;
    const [still] = await withFeed(options, (feed) => collect(feed.inOrder()));
    const [batch] = await withFeed({ ...options, augmentation: moved }, (feed) => collect(feed.epoch(0)));
    expect(batch.targets).toEqual(batch.rois);
    let changed = 0;
    for (const [row, id] of batch.ids.entries()) {
      const at = still.ids.indexOf(id);
      const roi = tensor('u8', [height, width], Uint8Array.from(still.rois!.subarray(at * pixels, (at + 1) * pixels)));
      const before = roi.data.slice();
      const drawn = drawAugmentation(completeAugmentation(moved), id, 0, 7);
      const backend = openCpuBackend({ threads: 1, onNotice: () => {} });
      await augmentSample(tensor('f32', [1, height, width]), roi, drawn, backend);
      expect(batch.rois!.subarray(row * pixels, (row + 1) * pixels)).toEqual(Float32Array.from(roi.data));
      changed += Number(before.some((v, i) => v !== roi.data[i]));
    }
    expect(changed).toBeGreaterThan(lesions.length / 2);
  });

  it('draws every class equally often when balanced, repeats augmented on their own', async () => {
    const rare = samples.filter((s) => s.label === 'lesion').slice(0, 2);
    const uneven = [...samples.filter((s) => s.label === 'normal').slice(0, 8), ...rare];
    const options = { samples: uneven, batch: 10, balanced: true, augmentation, targets: { kind: 'classes' } } as const;
    const [batch] = await withFeed(options, (feed) => collect(feed.epoch(0)));
    const lesionRows = batch.ids.flatMap((id, row) => (rare.some((s) => s.id === id) ? [row] : []));
    expect(lesionRows).toHaveLength(5);
    const images = lesionRows.map((row) => batch.images.slice(row * channels * pixels, (row + 1) * channels * pixels));
    expect(new Set(images.map((image) => Buffer.from(image.buffer).toString('base64'))).size).toBe(5);
  });
});

describe('validation in order', () => {
  it('gives all samples as scoring decodes them, with a short last batch, cache and augmentation or not', async () => {
    const plain = await withFeed({ cacheMb: 0 }, (feed) => collect(feed.inOrder()));
    expect(plain.map((b) => b.ids.length)).toEqual([5, 5, 5, 5, 2]);
    expect(plain.flatMap((b) => b.ids)).toEqual(samples.map((s) => s.id));
    const image = new Float32Array(channels * pixels);
    await decodeSample(samples[21], preprocessing, image, new Uint8Array(pixels));
    expect(plain[4].images.subarray(channels * pixels)).toEqual(image);
    const again = await withFeed({ workers: 2 }, async (feed) => {
      await collect(feed.epoch(0));
      return [await collect(feed.inOrder()), await collect(feed.inOrder())];
    });
    for (const batches of again) expect(sameBatches(batches, plain)).toBe(true);
    const augmented = await withFeed({ augmentation }, async (feed) => {
      await collect(feed.epoch(0));
      return collect(feed.inOrder());
    });
    expect(sameBatches(augmented, plain)).toBe(true);
  });

  it('shares worker threads and classes with the training feed', async () => {
    await withFeed({}, async (training) => {
      const options = { samples: samples.slice(0, 3), targets: training.targets, workers: training.decoders };
      const validation = await withFeed(options, async (feed) => collect(feed.inOrder()));
      expect(validation.map((b) => b.targetDims)).toEqual([[3, 2]]);
      // Closing the feed that borrows leaves the threads to their owner.
      expect(await collect(training.epoch(0))).toHaveLength(4);
    });
  });
});

describe('a sample that fails', () => {
  it('in a later epoch is reported once and replaced, whatever the workers; the run goes on', async () => {
    const run = async (workers: number, resume?: { from: number; quarantined: string[] }) => {
      const own = await phantomSet(await temporaryFolder(), 22);
      const rows: QuarantinedSample[] = [];
      const options = {
        samples: own,
        workers,
        augmentation,
        cacheMb: 0,
        quarantined: resume?.quarantined,
        onQuarantine: (row: QuarantinedSample) => rows.push(row),
      };
      return withFeed(options, async (feed) => {
        const before = resume ? [] : await epochs(feed, 2);
        await rm(own[4].path);
        await damage(own[9]);
        const after = await collect(feed.epoch(2, { from: resume?.from ?? 0 }));
        if (!resume) after.push(...(await collect(feed.epoch(3))));
        const reports = rows.map(({ id, stage, code }) => [id, stage, code]).sort();
        return { before, after, reports, out: feed.quarantined(), bad: [own[4].id, own[9].id] };
      });
    };
    const one = await run(1);
    const intact = await withFeed({ augmentation }, (feed) => epochs(feed, 4));
    expect(sameBatches(one.before, intact.slice(0, 8))).toBe(true);
    expect(one.reports).toEqual([
      [one.bad[0], 'read', 'E_NOT_FOUND'],
      [one.bad[1], 'decode', 'E_IMAGE_CORRUPT'],
    ]);
    expect(one.out).toEqual(one.bad);
    expect(one.after.map((b) => b.ids.length)).toEqual(new Array(8).fill(5));
    let replaced = 0;
    one.after.forEach((batch, i) => {
      batch.ids.forEach((id, row) => {
        const planned = intact[8 + i].ids[row];
        if (one.bad.includes(planned)) replaced++;
        else expect(id).toBe(planned);
        expect(one.bad).not.toContain(id);
        expect(batch.ids.indexOf(id)).toBe(row);
      });
    });
    expect(replaced).toBeGreaterThan(0);
    expect(sameBatches((await run(3)).after, one.after)).toBe(true);
    // Resumed in the middle of that epoch, with and without what the checkpoint knew.
    for (const quarantined of [[], one.bad]) {
      const rest = await run(2, { from: 2, quarantined });
      expect(sameBatches(rest.after, one.after.slice(2, 4))).toBe(true);
    }
  });

  it('is left out of validation', async () => {
    const own = await phantomSet(await temporaryFolder(), 7);
    for (const i of [0, 5, 6]) await rm(own[i].path);
    const batches = await withFeed({ samples: own, rois: true }, (feed) => collect(feed.inOrder()));
    expect(batches.map((b) => b.ids)).toEqual([own.slice(1, 5).map((s) => s.id)]);
    const intact = await withFeed({ samples: own.slice(1, 5), rois: true, batch: 4 }, (f) => collect(f.inOrder()));
    expect(sameBatches(batches, intact)).toBe(true);
  });

  it('stops the run when more than half fail, with the first reason', async () => {
    const own = await phantomSet(await temporaryFolder(), 6);
    for (const sample of own.slice(0, 4)) await rm(sample.path);
    const failing = withFeed({ samples: own, batch: 2 }, (feed) => epochs(feed, 2));
    await expect(failing).rejects.toMatchObject({ code: 'E_NOT_FOUND', message: expect.stringMatching(/4 of 6/) });
    const known = withFeed({ quarantined: samples.slice(0, 12).map((s) => s.id) }, (feed) => epochs(feed, 1));
    await expect(known).rejects.toMatchObject({ code: 'E_POOL_EMPTY' });
  });
});

describe('a feed', () => {
  it('frees its slots when an epoch is left early, and refuses what would wait forever', async () => {
    await withFeed({ slots: 2 }, async (feed) => {
      for (let round = 0; round < 3; round++) {
        for await (const batch of feed.epoch(round)) {
          batch.release();
          batch.release();
          await expect(collect(feed.inOrder())).rejects.toMatchObject({ code: 'E_ARGUMENT' });
          break;
        }
      }
      expect(await collect(feed.epoch(3))).toHaveLength(4);
      const holding = (async () => {
        for await (const batch of feed.epoch(4)) expect(batch.ids).toHaveLength(5);
      })();
      await expect(holding).rejects.toMatchObject({ code: 'E_ARGUMENT', message: expect.stringMatching(/release/) });
    });
  });

  it('keeps decoded samples within its budget: equal channels once', async () => {
    await withFeed({ cacheMb: 64, augmentation }, async (feed) => {
      await epochs(feed, 3);
      await collect(feed.epoch(2));
      expect(feed.cachedBytes).toBeGreaterThan(0);
      expect(feed.cachedBytes).toBeLessThanOrEqual(22 * (4 * pixels + pixels / 8 + 8));
    });
    await withFeed({ cacheMb: 0.01 }, async (feed) => {
      await epochs(feed, 1);
      expect(feed.cachedBytes).toBeLessThanOrEqual(0.01 * 2 ** 20);
    });
  });

  it('refuses options outside their domain', async () => {
    const open = (options: Partial<FeedOptions>) => withFeed(options, async () => {});
    await expect(open({ samples: [] })).rejects.toMatchObject({ code: 'E_POOL_EMPTY' });
    for (const options of [{ batch: 0 }, { workers: 0 }, { slots: 1 }, { cacheMb: -1 }] as const) {
      await expect(open(options)).rejects.toMatchObject({ code: 'E_ARGUMENT' });
    }
    await expect(open({ balanced: true, targets: { kind: 'image' } })).rejects.toMatchObject({ code: 'E_ARGUMENT' });
    const vast = { ...preprocessing, height: 2 ** 20, width: 2 ** 20 };
    await expect(open({ preprocessing: vast })).rejects.toMatchObject({ code: 'E_MEMORY' });
    await withFeed({}, async (feed) => {
      expect(() => feed.epoch(0, { from: 5 })).toThrow(/iteration from 0 to 4/);
      expect(() => feed.epoch(-1)).toThrow(/epoch/);
    });
  });
});
