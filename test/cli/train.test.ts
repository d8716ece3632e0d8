import { readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { writePhantoms } from '../../src/data/phantom.js';
import { readSidecar } from '../../src/data/sidecar.js';
import { readClassifier } from '../../src/graph/classifier.js';
import { TrainingStore } from '../../src/store/training_store.js';
import { sightline, type CommandOptions } from '../support/command.js';
import { sharedFolder, temporaryFolder } from '../support/files.js';

let manifest: string;
let folder: string;
beforeAll(async () => {
  folder = await sharedFolder();
  ({ manifest } = await writePhantoms({ out: folder, count: 120, size: 48, seed: 9 }));
}, 60_000);

const small = ['--arch', 'small-cnn', '--size', '16', '--channels', '1', '--batch', '8', '--checkpoint-seconds', '0'];

const split = ['--split', 'patient', '--shares', '0.6,0.2,0.2'];

function train(out: string, flags: readonly string[], options?: CommandOptions) {
  return sightline(['train', '--data', manifest, '--out', out, ...flags], options);
}

describe('sightline train', () => {
  it('writes a model that score and evaluate take as it is, with history and curves', async () => {
    const out = join(await temporaryFolder(), 'run');
    const run = await train(out, [
      ...[...small, ...split, '--epochs', '2', '--log-every', '1', '--mean', '0.4', '--std', '0.2'],
    ]);
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout).toMatch(/classification: lesion, normal\n2 epochs, \d+ batches.*images\/s/);
    expect(run.stdout).toMatch(/Best by auc 0\.\d{4}, epoch \d\n {2}validation .*calibration error 0\.\d{4}/);
    const model = join(out, 'model.onnx');
    const { metadata, labels, classes } = readClassifier(model);
    expect({ labels, classes }).toEqual({ labels: ['lesion', 'normal'], classes: 2 });
    expect(JSON.parse(metadata.get('sightline.preprocessing')!)).toMatchObject({ mean: [0.4], std: [0.2], height: 16 });
    expect(JSON.parse(metadata.get('sightline.metrics')!)).toMatchObject({ validation: { auc: expect.any(Number) } });
    expect(readSidecar(join(out, 'model.json'))).toMatchObject({ size: [16, 16], activation: 'softmax', mean: [0.4] });
    expect((await readFile(join(out, 'history.csv'), 'utf8')).trim().split('\n')).toHaveLength(3);
    expect((await readFile(join(out, 'learning_curves.png'))).subarray(1, 4).toString()).toBe('PNG');

    const scored = await sightline([
      'score',
      '--model',
      model,
      '--pool',
      manifest,
      '--out',
      join(out, 's'),
      '--no-overlays',
    ]);
    expect(scored).toMatchObject({ code: 0 });
    expect(scored.stdout).toMatch(/120 of 120 images scored/);
    expect(scored.stderr).not.toMatch(/No --mean/);
    const flags = ['--part', 'test', ...split, '--bootstrap', '50'];
    const evaluated = await sightline([
      'evaluate',
      '--model',
      model,
      '--data',
      manifest,
      '--out',
      join(out, 'e'),
      ...flags,
    ]);
    expect(evaluated).toMatchObject({ code: 0 });
    const { evaluation } = JSON.parse(await readFile(join(out, 'e', 'evaluation.json'), 'utf8'));
    const { test } = JSON.parse(metadata.get('sightline.metrics')!);
    for (const name of ['accuracy', 'auc', 'calibrationError']) expect(evaluation[name]).toBeCloseTo(test[name], 5);
    expect(evaluated.stdout).toMatch(/AUC +0\.\d+ {2}\[0\.\d+, [01]\.\d+\]/);
    expect(evaluated.stdout).toMatch(/true \\ predicted +lesion +normal/);
  }, 120_000);

  it('killed with -9 and resumed gives the same model, byte for byte, and no row twice', async () => {
    const flags = [...small, '--epochs', '6', '--log-every', '1', '--accumulate', '2'];
    const whole = join(await temporaryFolder(), 'whole');
    expect(await train(whole, flags)).toMatchObject({ code: 0 });
    const out = join(await temporaryFolder(), 'killed');
    const killed = await train(out, flags, {
      during: (child) => {
        const timer = setInterval(() => {
          // Somewhere after the first checkpoint inside an epoch.
          if (!existsSync(join(out, 'latest.checkpoint'))) return;
          clearInterval(timer);
          child.kill('SIGKILL');
        }, 2);
        child.on('close', () => clearInterval(timer));
      },
    });
    expect(killed.signal).toBe('SIGKILL');
    expect(existsSync(join(out, 'model.onnx'))).toBe(false);
    expect(await train(out, flags)).toMatchObject({ code: 1, stderr: expect.stringMatching(/--resume/) });
    const other = await train(out, [...flags, '--resume', '--learning-rate', '0.5', '--augmentation', 'none']);
    expect(other).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/another augmentation, optimiser or schedule/),
    });
    const resumed = await train(out, [...flags, '--resume']);
    expect(resumed).toMatchObject({ code: 0, stdout: expect.stringMatching(/\(\d+ in this run\)/) });
    expect(await readFile(join(out, 'model.onnx'))).toEqual(await readFile(join(whole, 'model.onnx')));
    const rows = async (run: string) => {
      const store = await TrainingStore.open(run);
      const found = await store.query('SELECT iteration, loss FROM iterations ORDER BY iteration');
      store.close();
      return found;
    };
    expect(await rows(out)).toEqual(await rows(whole));
  }, 180_000);

  it('segments, reconstructs, aligns, and trains one output with weighted classes', async () => {
    const base = await temporaryFolder();
    const net = ['--size', '16', '--batch', '8', '--epochs', '1'];
    const unet = await train(join(base, 'u'), ['--arch', 'unet', '--width', '0.0625', ...net]);
    expect(unet).toMatchObject({ code: 0, stdout: expect.stringMatching(/segmentation[^]*Best by dice/) });
    const flags = ['--data', manifest, '--part', 'test', '--out', join(base, 'e')];
    const masks = await sightline(['evaluate', '--model', join(base, 'u', 'model.onnx'), ...flags]);
    expect(masks).toMatchObject({ code: 0, stdout: expect.stringMatching(/Dice +[01]\.\d+ {2}\[/) });
    const encoder = await train(join(base, 'a'), ['--arch', 'autoencoder', ...net]);
    expect(encoder).toMatchObject({ code: 0, stdout: expect.stringMatching(/reconstruction[^]*Best by loss/) });
    const aligned = await train(join(base, 'l'), [...small, '--epochs', '1', '--alignment', '0.5', '--balanced']);
    expect(aligned).toMatchObject({ code: 0 });
    const binary = ['--loss', 'bce', '--labels', 'normal,lesion', '--class-weights', 'auto', '--epochs', '1'];
    expect(await train(join(base, 'b'), [...small, ...binary])).toMatchObject({ code: 0 });
    expect(readClassifier(join(base, 'b', 'model.onnx')).classes).toBe(1);
    expect(readSidecar(join(base, 'b', 'model.json')).labels).toEqual(['normal', 'lesion']);
  }, 180_000);

  it('fine-tunes an exported model, its first layers frozen', async () => {
    const base = await temporaryFolder();
    await train(join(base, 'a'), [...small, '--epochs', '1']);
    const first = join(base, 'a', 'model.onnx');
    const weights = readClassifier(first).graph.initializers;
    const frozen = [...weights.keys()].find((name) => name.endsWith('.weight'))!;
    const flags = ['--model', first, '--batch', '8', '--epochs', '1', '--freeze', frozen];
    expect(await train(join(base, 'b'), flags)).toMatchObject({ code: 0 });
    const after = readClassifier(join(base, 'b', 'model.onnx')).graph.initializers;
    expect(after.get(frozen)!.raw).toEqual(weights.get(frozen)!.raw);
    const changed = [...weights.keys()].filter(
      (name) => !Buffer.from(after.get(name)!.raw).equals(weights.get(name)!.raw),
    );
    expect(changed.length).toBeGreaterThan(1);
  }, 60_000);

  it('leaves out an image that cannot be read, goes on, and says so', async () => {
    const copy = join(folder, 'damaged.csv');
    await writeFile(copy, (await readFile(manifest, 'utf8')).replace('images/phantom-000003.png', 'images/cut.png'));
    const whole = await readFile(join(folder, 'images', 'phantom-000003.png'));
    await writeFile(join(folder, 'images', 'cut.png'), whole.subarray(0, 300));
    const out = join(await temporaryFolder(), 'run');
    const run = await sightline(['train', '--data', copy, '--out', out, ...small, '--epochs', '2']);
    expect(run).toMatchObject({ code: 0, stderr: expect.stringMatching(/Left out: phantom-000003/) });
    expect(run.stdout).toMatch(/1 images could not be used/);
    await rm(copy);
  }, 120_000);

  it('says what is wrong', async () => {
    const out = join(await temporaryFolder(), 'run');
    const refused = async (flags: string[], message: RegExp) =>
      expect(await train(out, flags)).toMatchObject({ code: 1, stderr: expect.stringMatching(message) });
    await refused(['--epochs', '1'], /expected an architecture or a model.*received neither/);
    await refused(
      [...small, '--batch', '1', '--arch', 'densenet121', '--size', '32', '--width', '0.1'],
      /batch norm in training mode.*--batch-norm eval/,
    );
    await refused([...small, '--loss', 'mse'], /E_/);
    await refused([...small, '--split', 'fold'], /fold/);
    await refused([...small, '--epochs', '3', '--learning-rate', '1e30', '--augmentation', 'none'], /E_TRAINING/);
  }, 180_000);
});
