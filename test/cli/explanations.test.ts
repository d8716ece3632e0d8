import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { exportOnnx } from '../../src/graph/onnx_export.js';
import { GraphBuilder } from '../../src/models/builder.js';
import { sightline } from '../support/command.js';
import { temporaryFolder } from '../support/files.js';
import { phantomSet, spatiallessModel, type PhantomSet } from '../support/phantoms.js';

let set: PhantomSet;
let image: string;
beforeAll(async () => {
  set = await phantomSet(24);
  const images = await readdir(join(set.folder, 'images'));
  image = join(set.folder, 'images', images[0]);
}, 120_000);

/** A classifier with an op that has neither a gradient nor a relevance rule, behind its only feature map. */
async function modelWithoutRule(): Promise<string> {
  const b = new GraphBuilder('sorted');
  const rng = new Rng(1, 'sorted');
  const data = Float32Array.from({ length: 4 * 9 }, () => rng.normal());
  const features = b.relu(b.conv(b.input('image', [null, 1, 32, 32]), { dims: [4, 1, 3, 3], data }, { padding: 1 }));
  const rounded = b.op('BitShift', [b.op('Cast', [features], { to: 12 }), b.op('Cast', [features], { to: 12 })], {
    direction: 'LEFT',
  });
  const pooled = b.globalPool(b.op('Cast', [rounded], { to: 1 }), 'average');
  b.output(b.dense(pooled, data.slice(0, 8), new Float32Array(2)), 'logits', [null, 2]);
  const file = join(await temporaryFolder(), 'sorted.onnx');
  await writeFile(file, exportOnnx(b.graph));
  return file;
}

describe('sightline inspect', () => {
  it('shows input, classes, layers, explanations and dropout', async () => {
    const run = await sightline(['inspect', set.model, '--layers']);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout).toMatch(/input .*1 × 128×128/);
    expect(run.stdout).toMatch(/classes +normal, lesion/);
    expect(run.stdout).toMatch(/→ .*\n/);
    expect(run.stdout).toMatch(/✓ deep-taylor/);
    expect(run.stdout).toMatch(/✓ integrated-gradients .*32 runs/);
    expect(run.stdout).toMatch(/Monte-Carlo dropout[^]*✓ at \d+ places/);
  });

  it('tells, as JSON too, why an explanation cannot be had', async () => {
    const model = await spatiallessModel(await temporaryFolder());
    const run = await sightline(['inspect', model, '--json']);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    const report = JSON.parse(run.stdout) as {
      explanations: { name: string; obstacle: { what: string } | null }[];
      targetLayer: string | null;
    };
    const obstacle = (name: string) => report.explanations.find((e) => e.name === name)?.obstacle;
    expect(report.targetLayer).toBeNull();
    expect(obstacle('grad-cam')?.what).toMatch(/spatial/);
    expect(obstacle('gradient')).toBeNull();
  });
});

describe('a model with an op that has no rule', () => {
  it('is scored; what cannot be explained says which node stops it, and which methods work', async () => {
    const model = await modelWithoutRule();
    const out = join(await temporaryFolder(), 'out');
    const args = ['--model', model, '--pool', set.manifest, '--out', out];
    expect(await sightline(['score', ...args, '--strategy', 'entropy', '--no-overlays'])).toMatchObject({ code: 0 });
    expect((await readFile(join(out, 'scores.csv'), 'utf8')).trim().split('\n')).toHaveLength(set.count + 1);
    const inspected = await sightline(['inspect', model]);
    expect(inspected.stdout).toMatch(/✗ deep-taylor .*no .*rule for BitShift node 'bitshift_\d+'/);
    const explained = await sightline(['explain', image, '--model', model, '--method', 'deep-taylor']);
    expect(explained.code).toBe(1);
    expect(explained.stderr).toMatch(/BitShift node '[^']+'.*\[E_(OP|MODEL)_UNSUPPORTED\]/s);
    expect(explained.stderr).toMatch(/explanation/);
    expect(explained.stderr).not.toMatch(/ at .*\.js:\d+/);
  });

  it('names the methods that do work where some do', async () => {
    const model = await spatiallessModel(await temporaryFolder());
    const run = await sightline(['explain', image, '--model', model, '--method', 'grad-cam']);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/these explanations work: .*gradient.*integrated-gradients.*deep-taylor/);
  });
});

describe('sightline explain --method', () => {
  it('draws one map by any method, and several side by side', async () => {
    const folder = await temporaryFolder();
    const explain = async (methods: string, name: string) => {
      const out = join(folder, name);
      const run = await sightline(['explain', image, '--model', set.model, '--method', methods, '--out', out]);
      expect(run).toMatchObject({ code: 0 });
      return sharp(out).stats();
    };
    const [taylor, cam] = [await explain('deep-taylor', 'a.png'), await explain('grad-cam', 'b.png')];
    expect(taylor.channels.map(({ mean }) => mean)).not.toEqual(cam.channels.map(({ mean }) => mean));
    await explain('grad-cam,deep-taylor,integrated-gradients,guided-grad-cam', 'sheet.png');
    const sheet = await sharp(join(folder, 'sheet.png')).metadata();
    expect(sheet.width * sheet.height).toBeGreaterThan(4 * 128 * 128);
  });

  it('refuses a method that does not exist, listing those that do', async () => {
    const run = await sightline(['explain', image, '--model', set.model, '--method', 'deep-tailor']);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/deep-taylor.*lrp-epsilon/s);
  });
});

describe('sightline score --strategy mc-dropout', () => {
  async function scores(...more: string[]): Promise<string[]> {
    const out = join(await temporaryFolder(), 'out');
    const args = ['score', '--model', set.model, '--pool', set.manifest, '--out', out, '--no-overlays'];
    const run = await sightline([...args, '--dropout-passes', '6', ...more]);
    expect(run).toMatchObject({ code: 0 });
    expect(existsSync(join(out, 'selection.csv'))).toBe(true);
    return (await readFile(join(out, 'scores.csv'), 'utf8')).trim().split('\n');
  }

  it('fills the criteria, and masks depend on neither batch nor workers', async () => {
    const [header, ...rows] = await scores('--strategy', 'mc-dropout', '--batch', '1', '--workers', '1');
    const column = (name: string) => header.split(',').indexOf(name);
    for (const row of rows) {
      const value = (name: string) => Number(row.split(',')[column(name)]);
      expect(value('mc_epistemic')).toBeGreaterThan(0);
      expect(value('mc_aleatoric')).toBeGreaterThanOrEqual(0);
      expect(value('bald')).toBeLessThanOrEqual(value('mc_entropy'));
    }
    const [, ...others] = await scores('--strategy', 'mc-dropout', '--batch', '5', '--workers', '2');
    const order = (lines: string[]) => lines.map((line) => line.split(',')[1]);
    expect(order(others)).toEqual(order(rows));
    rows.forEach((row, i) => {
      const [a, b] = [row, others[i]].map((line) => Number(line.split(',')[column('mc_epistemic')]));
      expect(b / a).toBeCloseTo(1, 3);
    });
  });

  it('bald ranks by its own criterion', async () => {
    const [header, ...rows] = await scores('--strategy', 'bald', '--dropout-at', 'head', '--dropout-rate', '0.5');
    const at = header.split(',').indexOf('bald');
    const ranked = rows.map((row) => Number(row.split(',')[at]));
    expect(ranked).toEqual([...ranked].sort((a, b) => b - a));
  });
});
