import { appendFile, copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import sharp from 'sharp';
import { greyClassifier, nestedDenseNet } from '../graph/layers_model/classifiers.js';
import { saveModel } from '../graph/layers_model/tfjs_models.js';
import { sightline } from '../support/command.js';
import { sharedFolder, temporaryFolder } from '../support/files.js';
import { writePhantoms } from '../../src/data/phantom.js';

let folder: string;
let manifest: string;
let grey: string;
let nested: string;
beforeAll(async () => {
  folder = await sharedFolder();
  ({ manifest } = await writePhantoms({ out: join(folder, 'pool'), count: 12, size: 64, seed: 5 }));
  grey = await saveModel(greyClassifier(64), join(folder, 'grey'), { shardBytes: 4096 });
  nested = await saveModel(nestedDenseNet(), join(folder, 'nested'), {
    metadata: { labels: ['normal', 'mass', 'nodule', 'effusion'] },
  });
});

describe('a TensorFlow.js model on the command line', () => {
  it('inspect shows input, head, layers and what can be explained', async () => {
    const run = await sightline(['inspect', nested]);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout).toMatch(/input +densenet_input: 3 × 24×24, f32, NCHW, batch any/);
    expect(run.stdout).toMatch(/output .*: 4 classes, softmax \(graph\)/);
    expect(run.stdout).toMatch(/classes +normal, mass, nodule, effusion/);
    expect(run.stdout).toMatch(/→ Relu +15 × 3×3 +densenet\/final_relu/);
    expect(run.stdout).toMatch(/✓ grad-cam /);
    expect(run.stdout).toMatch(/✓ at 1 places \(model\)/);
  });

  it.each([
    ['grey', () => grey],
    ['nested', () => nested],
  ])('score ranks a pool by explanations: %s', async (_, model) => {
    const out = join(await temporaryFolder(), 'out');
    const args = ['score', '--model', model(), '--pool', manifest, '--out', out, '--strategy', 'xal', '--top', '3'];
    const run = await sightline(args);
    expect(run.stderr).not.toMatch(/error/i);
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout).toMatch(/12 of 12 images scored/);
    const [header, ...rows] = (await readFile(join(out, 'scores.csv'), 'utf8')).trim().split('\n');
    const column = (name: string) => rows.map((row) => Number(row.split(',')[header.split(',').indexOf(name)]));
    expect(rows).toHaveLength(12);
    for (const name of ['score', 'entropy', 'kurtosis']) {
      expect(column(name).every(Number.isFinite)).toBe(true);
      expect(new Set(column(name)).size).toBeGreaterThan(6);
    }
    expect(await readdir(join(out, 'overlays'))).toHaveLength(3);
  });

  it('explain draws an overlay, by a layer of the nested model too', async () => {
    const out = join(await temporaryFolder(), 'overlay.png');
    const images = join(folder, 'pool', 'images');
    const image = join(images, (await readdir(images))[0]);
    const run = await sightline(['explain', image, '--model', nested, '--layer', 'densenet/pool2_pool', '--out', out]);
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout).toMatch(/predicted (normal|mass|nodule|effusion) 0\.\d{3}/);
    expect((await sharp(out).metadata()).width).toBeGreaterThan(100);
  });

  it('a sidecar beside model.json is read: model.sidecar.json', async () => {
    const at = await temporaryFolder();
    for (const name of await readdir(join(folder, 'nested')))
      await copyFile(join(folder, 'nested', name), join(at, name));
    await writeFile(join(at, 'model.sidecar.json'), JSON.stringify({ labels: ['a', 'b'] }));
    const args = ['score', '--model', join(at, 'model.json'), '--pool', manifest, '--out', join(at, 'out')];
    const run = await sightline(args);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/4 classes but 2 names.*\[E_ARGUMENT\]/s);
  });

  it('other weights under the same model.json are another model', async () => {
    const at = await temporaryFolder();
    await mkdir(join(at, 'model'));
    for (const name of await readdir(join(folder, 'grey'))) {
      await copyFile(join(folder, 'grey', name), join(at, 'model', name));
    }
    const model = join(at, 'model', 'model.json');
    const args = ['score', '--model', model, '--pool', manifest, '--out', join(at, 'out'), '--no-overlays'];
    expect(await sightline(args)).toMatchObject({ code: 0 });
    expect((await sightline([...args, '--resume'])).stdout).toMatch(/\(0 in this run\)/);
    const shard = join(at, 'model', 'group1-shard2.bin');
    const bytes = await readFile(shard);
    bytes.writeFloatLE(0.125, 40);
    await writeFile(shard, bytes);
    const changed = await sightline([...args, '--resume']);
    expect(changed.code).toBe(1);
    expect(changed.stderr).toMatch(/model.*\[E_RESUME_MISMATCH\]/s);
    await appendFile(shard, new Uint8Array(4));
    const broken = await sightline([...args, '--overwrite']);
    expect(broken.code).toBe(1);
    expect(broken.stderr).toMatch(/the weights need \d+ bytes.*\[E_MODEL_FORMAT\]/s);
    expect(broken.stderr).not.toMatch(/ {4}at /);
  });
});
