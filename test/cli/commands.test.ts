import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { sightline } from '../support/command.js';
import { temporaryFolder } from '../support/files.js';
import { phantomSet, spatiallessModel, type PhantomSet } from '../support/phantoms.js';

let set: PhantomSet;
let lesion: { image: string; mask: string };
beforeAll(async () => {
  set = await phantomSet(60);
  const masks = await readdir(join(set.folder, 'masks'));
  lesion = { image: join(set.folder, 'images', masks[0]), mask: join(set.folder, 'masks', masks[0]) };
});

describe('sightline explain', () => {
  it('writes one overlay and prints the prediction and the criteria', async () => {
    const out = join(await temporaryFolder(), 'overlay.png');
    const args = [
      'explain',
      lesion.image,
      '--model',
      set.model,
      '--mask',
      lesion.mask,
      '--out',
      out,
      '--class',
      'lesion',
    ];
    const run = await sightline(args);
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout).toMatch(/predicted (normal|lesion) 0\.\d{3}\nentropy .* dice with ROI .* kurtosis/);
    expect((await sharp(out).metadata()).width).toBeGreaterThan(800);
  });

  it.each([
    ['an image that is not there', ['nowhere.png'], /nowhere\.png.*\[E_NOT_FOUND\]/],
    ['a slice that the file lacks', ['IMAGE', '--slice', '3'], /1 slices?.*\[E_ARGUMENT\]/],
  ])('%s', async (_, args, message) => {
    const run = await sightline([
      'explain',
      ...args.map((a) => (a === 'IMAGE' ? lesion.image : a)),
      '--model',
      set.model,
    ]);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(message);
  });

  it('a model without a spatial layer', async () => {
    const model = await spatiallessModel(await temporaryFolder());
    const run = await sightline(['explain', lesion.image, '--model', model]);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/\[E_MODEL_UNSUPPORTED\]/);
  });
});

describe('sightline doctor', () => {
  it('tells what works, and what to do about everything that does not', async () => {
    const run = await sightline(['doctor', '--json']);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    const { findings } = JSON.parse(run.stdout) as { findings: { subject: string; ok: boolean; remedy?: string }[] };
    const ok = (subject: string) => findings.find((f) => f.subject === subject)?.ok;
    expect(ok('Node.js')).toBe(true);
    expect(ok('kernels: reference')).toBe(true);
    expect(ok('model: cpu')).toBe(true);
    for (const finding of findings) if (!finding.ok) expect(finding.remedy).toBeTruthy();
  });

  it('finds no Vulkan loader without a warning from Dawn', async () => {
    const run = await sightline(['doctor'], { env: { LD_LIBRARY_PATH: undefined, VK_ICD_FILENAMES: undefined } });
    expect(run).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('the command line', () => {
  it('shows help, refuses unknown commands and flags, and says where help is', async () => {
    expect((await sightline(['--help'])).stdout).toMatch(/score .*explain .*doctor /s);
    expect((await sightline(['score', '--help'])).stdout).toMatch(/Strategies:.*kurtosis.*xal/s);
    for (const args of [['scroe'], ['score', '--modle', 'x'], ['score', '--diversity', 'most']]) {
      const run = await sightline(args);
      expect(run.code).toBe(1);
      expect(run.stderr).toMatch(/--help/);
    }
  });

  it('ends quietly when the reader of a pipe has seen enough', async () => {
    const run = await sightline(['score', '--help'], { during: (child) => child.stdout!.destroy() });
    expect(run.stderr).toBe('');
  });

  it('writes phantoms: images, masks and a manifest that a pool can be read from', async () => {
    const out = join(await temporaryFolder(), 'set');
    expect(await sightline(['phantoms', '--out', out, '--count', '9', '--image-size', '64'])).toMatchObject({
      code: 0,
    });
    const rows = (await readFile(join(out, 'manifest.csv'), 'utf8')).trim().split('\n');
    expect(rows).toHaveLength(10);
    expect(existsSync(join(out, rows[1].split(',')[1]))).toBe(true);
  });
});
