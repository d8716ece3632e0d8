import { copyFile, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { tensor } from '../../src/core/tensor.js';
import { writePhantoms } from '../../src/data/phantom.js';
import { openPool } from '../../src/data/pool.js';
import type { Sample } from '../../src/data/types.js';
import { openDecoded } from '../../src/engine/training_plan.js';
import { trainSamples, type TrainSummary } from '../../src/engine/train.js';
import type { TrainSamplesOptions } from '../../src/engine/train_options.js';
import { readClassifier } from '../../src/graph/classifier.js';
import { trainableParameters } from '../../src/graph/training/parameters.js';
import { openSession } from '../../src/runtime/index.js';
import type { Split } from '../../src/training/feed/split.js';
import { sharedFolder, temporaryFolder } from '../support/files.js';

let pool: Sample[];
beforeAll(async () => {
  const folder = await sharedFolder();
  pool = await openPool((await writePhantoms({ out: folder, count: 48, size: 32, seed: 9 })).manifest);
}, 60_000);

const labels = ['normal', 'lesion'];
const options = (out: string, more: Partial<TrainSamplesOptions> = {}): TrainSamplesOptions => ({
  ...{ out, arch: 'small-cnn', size: 16, channels: 1, width: 0.25, batch: 8, epochs: 2, seed: 3, labels },
  ...{ task: 'classification', workers: 1, ...more },
});
const split = (): Split => ({ training: pool.slice(0, 16), validation: pool.slice(16, 32), test: pool.slice(32) });
const modelOf = ({ files }: TrainSummary) => readFile(files.model);

async function logitsOf(model: string): Promise<Float32Array> {
  const session = await openSession(await readFile(model));
  const images = tensor(
    'f32',
    [2, 1, 16, 16],
    Float32Array.from({ length: 512 }, (_, i) => Math.sin(i)),
  );
  const { logits } = await session.run({ image: images });
  await session.close();
  return logits.data as Float32Array;
}

describe('trainSamples', () => {
  it('trains on what it is given, labels as the samples carry them, however few', async () => {
    const base = await temporaryFolder();
    const notices: string[] = [];
    const onNotice = (text: string) => notices.push(text);
    const few = pool.slice(0, 5).map((sample, i) => ({ ...sample, label: i % 2 ? 'b' : 'a' }));
    const parts: Split = { training: few, validation: [], test: [] };
    const summary = await trainSamples(parts, options(join(base, 'few'), { labels: ['a', 'b', 'c'], onNotice }));
    expect(summary).toMatchObject({
      labels: ['a', 'b', 'c'],
      test: null,
      best: null,
      samples: { training: 5, test: 0 },
    });
    expect(readClassifier(summary.files.model).classes).toBe(3);
    expect(notices.join()).toMatch(/No training sample has the class c/);
    const one = { ...parts, training: few.map((sample) => ({ ...sample, label: 'a' })) };
    await expect(trainSamples(one, options(join(base, 'one'), { labels: ['a', 'b'] }))).rejects.toMatchObject({
      code: 'E_MANIFEST',
      message: expect.stringMatching(/every training sample is "a"/),
    });
    await expect(trainSamples({ ...parts, training: [] }, options(join(base, 'none')))).rejects.toMatchObject({
      code: 'E_POOL_EMPTY',
    });
  });

  it('without its checkpoints: killed at any moment of its end and resumed gives the same model and summary', async () => {
    const base = await temporaryFolder();
    const out = join(base, 'whole');
    const whole = await trainSamples(split(), options(out, { keepCheckpoints: false }));
    const names = (await readdir(out)).sort();
    expect(names).toEqual([
      'history.csv',
      'model.json',
      'model.onnx',
      'result.json',
      'training.duckdb',
      'training.json',
    ]);

    // The same run with its checkpoints, as it stands before its result is written, and before they are removed.
    const killed = join(base, 'killed');
    await trainSamples(split(), options(killed));
    expect((await readdir(killed)).filter((name) => name.endsWith('.checkpoint')).length).toBeGreaterThan(0);
    const timeless = ({ periods, ...rest }: TrainSummary) => ({
      ...{ ...rest, periods: periods.map((row) => ({ ...row, seconds: 0, imagesPerSecond: 0 })) },
      ...{ out: '', files: {}, seconds: 0, imagesPerSecond: 0, iterationsNow: 0 },
    });
    const resumed = await trainSamples(split(), options(killed, { keepCheckpoints: false, resume: true }));
    expect(timeless(resumed)).toEqual(timeless(whole));
    expect(await modelOf(resumed)).toEqual(await modelOf(whole));
    expect(resumed.iterationsNow).toBe(0);

    await copyFile(join(out, 'model.onnx'), join(out, 'best.checkpoint')); // left where a kill came before its removal
    const again = await trainSamples(split(), options(out, { keepCheckpoints: false, resume: true }));
    expect(again).toEqual({ ...whole, iterationsNow: 0 });
    expect((await readdir(out)).sort()).toEqual(names);
  });

  it('says after a kill, too, what an earlier part of the run had to leave out', async () => {
    const base = await temporaryFolder();
    const lost = (sample: Sample, i: number) => (i === 3 ? { ...sample, path: join(base, 'none.png') } : sample);
    const parts = { training: split().training.map(lost), validation: split().validation.map(lost), test: [] };
    const whole = await trainSamples(parts, options(join(base, 'whole'), { epochs: 4 }));
    expect(whole.quarantined.map(({ id, stage }) => [id, stage])).toEqual([
      [parts.training[3].id, 'read'],
      [parts.validation[3].id, 'read'],
    ]);
    let reports = 0;
    const onProgress = () => {
      if (++reports === 6) throw new Error('killed');
    };
    const killed = { epochs: 4, checkpointSeconds: 0 };
    await expect(trainSamples(parts, options(join(base, 'k'), { ...killed, onProgress }))).rejects.toThrow('killed');
    const resumed = await trainSamples(parts, options(join(base, 'k'), { ...killed, resume: true }));
    expect(resumed.iterationsNow).toBeLessThan(resumed.iterations);
    expect(resumed.quarantined).toEqual(whole.quarantined);
  });

  it('refuses to go on with a finished run of another length or settings; begins anew where asked to', async () => {
    const out = join(await temporaryFolder(), 'run');
    const finished = (more: Partial<TrainSamplesOptions>) =>
      trainSamples(split(), options(out, { keepCheckpoints: false, epochs: 1, ...more }));
    const first = await finished({});
    await expect(finished({})).rejects.toMatchObject({ code: 'E_OUTPUT' });
    await expect(finished({ resume: true, epochs: 2 })).rejects.toThrow(/another length/);
    await expect(finished({ resume: true, batch: 4 })).rejects.toThrow(/another.*batch/);
    expect((await finished({ overwrite: true, epochs: 2 })).epochs).toBe(2);
    await rm(first.files.model);
    expect(await finished({ resume: true })).toMatchObject({ epochs: 1, iterationsNow: 2 });
  });

  it('goes on from an earlier model, head and running statistics included', async () => {
    const base = await temporaryFolder();
    const first = await trainSamples(split(), options(join(base, 'a')));
    const startFrom = first.files.model;
    // A rate below what float32 can tell from nothing.
    const still = { startFrom, learningRate: 1e-60, batchNorm: 'eval', epochs: 1, seed: 11 } as const;
    const second = await trainSamples(split(), options(join(base, 'b'), still));
    expect(await logitsOf(second.files.model)).toEqual(await logitsOf(startFrom));
    const [before, after] = [startFrom, second.files.model].map((file) => readClassifier(file).graph);
    expect(trainableParameters(after)).toEqual(trainableParameters(before));
    for (const [name, { raw }] of before.initializers) expect(after.initializers.get(name)!.raw, name).toEqual(raw);

    const fineTuned = { arch: undefined, model: startFrom, channels: undefined, epochs: 1 };
    const third = await trainSamples(split(), options(join(base, 'c'), fineTuned));
    const fourth = await trainSamples(
      split(),
      options(join(base, 'd'), { ...fineTuned, ...still, startFrom: third.files.model }),
    );
    expect(await logitsOf(fourth.files.model)).toEqual(await logitsOf(third.files.model));
    expect(await logitsOf(fourth.files.model)).not.toEqual(await logitsOf(startFrom));

    const moved = await trainSamples(split(), options(join(base, 'e'), { startFrom, epochs: 1 }));
    const same = { startFrom: join(base, 'other.onnx'), epochs: 1, resume: true };
    await copyFile(moved.files.model, same.startFrom);
    await expect(trainSamples(split(), options(join(base, 'e'), same))).rejects.toThrow(/another model to start from/);
    await copyFile(startFrom, same.startFrom);
    expect(await trainSamples(split(), options(join(base, 'e'), same))).toMatchObject({ iterationsNow: 0 });
    const refused = (more: Partial<TrainSamplesOptions>) =>
      trainSamples(split(), options(join(base, 'x'), { startFrom, ...more }));
    await expect(refused({ width: 0.5 })).rejects.toMatchObject({ code: 'E_ARGUMENT' });
    await expect(refused({ arch: 'densenet121', width: 0.05, size: 32 })).rejects.toThrow(/it has no parameter/);
    await expect(refused({ labels: ['lesion', 'normal'] })).rejects.toThrow(/its classes are/);
  });

  it('segments by masks or boxes, of one channel or three; E_ROI where no sample has a region', async () => {
    const base = await temporaryFolder();
    const parts = split();
    const boxed = ({ mask: _, ...sample }: Sample): Sample => sample;
    const byBoxes = { training: parts.training.map(boxed), validation: parts.validation.map(boxed), test: [] };
    const unet = { arch: 'unet', task: 'segmentation', width: 0.05, epochs: 1, labels: undefined } as const;
    const masks = await trainSamples(parts, options(join(base, 'masks'), { ...unet, channels: 3 }));
    expect(masks).toMatchObject({ task: 'segmentation', watch: 'dice', test: { dice: expect.any(Number) } });
    expect(await trainSamples(byBoxes, options(join(base, 'boxes'), unet))).toMatchObject({ task: 'segmentation' });
    const bare = ({ mask: _, boxes: __, ...sample }: Sample): Sample => sample;
    const without = { ...parts, training: parts.training.map(bare) };
    const none = join(base, 'none');
    await mkdir(none);
    await expect(trainSamples(without, options(none, unet))).rejects.toMatchObject({ code: 'E_ROI' });
  });

  it('decodes once what it trains on again and again, by form, and gives the same', async () => {
    const base = await temporaryFolder();
    const { manifest } = await writePhantoms({ out: join(base, 'set'), count: 24, size: 32, seed: 4 });
    const own = await openPool(manifest);
    const parts: Split = { training: own.slice(0, 16), validation: own.slice(16), test: [] };
    const unet = { arch: 'unet', task: 'segmentation', width: 0.05, epochs: 1, labels: undefined } as const;
    const plain = { ...unet, augmentation: 'none' } as const;
    const run = (name: string, more: Partial<TrainSamplesOptions>) =>
      trainSamples(parts, options(join(base, name), more));
    const all = { classifier: {}, unet, plain };
    const models: Buffer[] = [];
    for (const [name, more] of Object.entries(all)) models.push(await modelOf(await run(name, more)));

    const decoded = await openDecoded(own, options(base, { workers: 1 }));
    for (const round of [1, 2]) {
      for (const [i, [name, more]] of Object.entries(all).entries()) {
        expect(await modelOf(await run(`${name}-${round}`, { ...more, decoded })), name).toEqual(models[i]);
      }
      // From here on there are no files to read.
      await rm(join(base, 'set'), { recursive: true, force: true });
    }
    expect(decoded.bytes).toBeGreaterThan(0);
    await expect(run('x', { decoded, std: [0.5] })).rejects.toThrow(/a set of the same preprocessing/);
    const moved = { ...parts, training: parts.training.map((sample) => ({ ...sample, path: 'elsewhere' })) };
    await expect(trainSamples(moved, options(join(base, 'y'), { decoded }))).rejects.toThrow(/all samples as they are/);
    await decoded.close();
  });
});
