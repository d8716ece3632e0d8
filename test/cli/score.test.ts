import { copyFile, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ScoreStore } from '../../src/store/score_store.js';
import { sightline, type CommandOptions } from '../support/command.js';
import { temporaryFolder } from '../support/files.js';
import { phantomSet, spatiallessModel, type PhantomSet } from '../support/phantoms.js';

let set: PhantomSet;
beforeAll(async () => {
  set = await phantomSet();
}, 120_000);

function score(out: string, ...more: (string | CommandOptions)[]) {
  const flags = more.filter((m) => typeof m === 'string');
  const options = more.find((m) => typeof m !== 'string');
  return sightline(
    ['score', '--model', set.model, '--pool', set.manifest, '--out', out, '--no-overlays', '--batch', '2', ...flags],
    options,
  );
}

describe('sightline score', () => {
  it('leaves nothing outside its output folder: ONNX Runtime would otherwise keep an identifier and report home', async () => {
    const home = await temporaryFolder();
    const env = { HOME: home, XDG_CACHE_HOME: home, TMPDIR: home, CI: undefined, ORT_DISABLE_TELEMETRY: undefined };
    const run = await score(join(await temporaryFolder(), 'out'), { env });
    expect(run).toMatchObject({ code: 0 });
    expect(await readdir(home)).toEqual([]);
  });

  it('writes ranking, selection, store, overlays and a contact sheet, and says what it did', async () => {
    const out = join(await temporaryFolder(), 'out');
    const run = await sightline([
      'score',
      '--model',
      set.model,
      '--pool',
      set.manifest,
      '--out',
      out,
      '--top',
      '7',
      '--strategy',
      'xal',
    ]);
    expect(run.stderr).not.toMatch(/error/i);
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout).toMatch(new RegExp(`${set.count} of ${set.count} images scored`));
    expect(run.stdout).toMatch(/images\/s/);
    const scores = (await readFile(join(out, 'scores.csv'), 'utf8')).trim().split('\n');
    expect(scores[0]).toBe(
      'rank,id,path,score,predicted,confidence,entropy,least_confidence,margin,kurtosis,dice,roi_area,mc_entropy,mc_epistemic,mc_aleatoric,bald,roi,flat_map',
    );
    expect(scores).toHaveLength(set.count + 1);
    const ranked = scores.slice(1).map((line) => Number(line.split(',')[3]));
    expect(ranked).toEqual([...ranked].sort((a, b) => b - a));
    const selection = (await readFile(join(out, 'selection.csv'), 'utf8')).trim().split('\n');
    expect(selection).toEqual(scores.slice(0, 8));
    expect(await readdir(join(out, 'overlays'))).toHaveLength(7);
    const files = await readdir(out);
    for (const name of ['store.duckdb', 'scores.parquet', 'quarantine.csv', 'contact_sheet.png'])
      expect(files).toContain(name);
  });

  it('gives byte-identical rankings after kill -9 and resume, and on another worker count', async () => {
    const folder = await temporaryFolder();
    const whole = join(folder, 'whole');
    expect(await score(whole, '--workers', '1')).toMatchObject({ code: 0 });
    const expected = await readFile(join(whole, 'scores.csv'));

    const other = join(folder, 'other');
    expect(await score(other, '--workers', '3', '--limit-memory', '1200MB')).toMatchObject({ code: 0 });
    expect(await readFile(join(other, 'scores.csv'))).toEqual(expected);

    // Killed again and again, a little later each time, until a run gets through.
    const killed = join(folder, 'killed');
    let kills = 0;
    let partial = 0;
    for (let delay = 300; ; delay += 100) {
      const args = ['--workers', '2', '--resume'];
      const run = await score(killed, ...args, {
        during: (child) => void setTimeout(() => child.kill('SIGKILL'), delay),
      });
      if (run.signal === null) {
        expect(run).toMatchObject({ code: 0 });
        break;
      }
      kills++;
      const store = await ScoreStore.open(killed);
      const { scored } = await store.counts();
      if (scored > 0 && scored < set.count) partial++;
      store.close();
    }
    expect(kills).toBeGreaterThan(2);
    expect(partial).toBeGreaterThan(0);
    expect(await readFile(join(killed, 'scores.csv'))).toEqual(expected);
  }, 300_000);

  it('re-ranks a finished run by another strategy without scoring again, and never deletes one unasked', async () => {
    const out = join(await temporaryFolder(), 'out');
    expect(await score(out)).toMatchObject({ code: 0 });
    const again = await score(out);
    expect(again.code).toBe(1);
    expect(again.stderr).toMatch(/already holds a run.*--resume.*--overwrite/);
    const reranked = await score(out, '--resume', '--strategy', 'entropy', '--reverse');
    expect(reranked).toMatchObject({ code: 0 });
    expect(reranked.stdout).toMatch(/\(0 in this run\)/);
    const entropies = (await readFile(join(out, 'scores.csv'), 'utf8'))
      .trim()
      .split('\n')
      .slice(1)
      .map((l) => Number(l.split(',')[6]));
    expect(entropies).toEqual([...entropies].sort((a, b) => a - b));
    const mismatch = await score(out, '--resume', '--binarise', 'otsu');
    expect(mismatch.stderr).toMatch(/binarise.*--overwrite.*\[E_RESUME_MISMATCH\]/);
  });

  it('quarantines bad files and goes on', async () => {
    const folder = await temporaryFolder();
    const pool = join(folder, 'pool');
    await mkdir(pool);
    const images = (await readdir(join(set.folder, 'images'))).slice(0, 6);
    for (const name of images) await copyFile(join(set.folder, 'images', name), join(pool, name));
    await truncate(join(pool, images[1]), 700);
    await writeFile(join(pool, 'notes.png'), 'not a picture');
    const out = join(folder, 'out');
    const run = await sightline([
      'score',
      '--model',
      set.model,
      '--pool',
      pool,
      '--out',
      out,
      '--strategy',
      'entropy',
      '--no-overlays',
    ]);
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout).toMatch(/5 of 7 images scored, 2 quarantined/);
    const quarantine = await readFile(join(out, 'quarantine.csv'), 'utf8');
    expect(quarantine).toMatch(/notes\.png.*E_IMAGE_CORRUPT.*in spite of the file's name/);
    expect(quarantine).toMatch(new RegExp(`${images[1]}.*E_IMAGE_CORRUPT.*unexpected end of file`));
  });
});

describe('what stops a run says what, where and how to mend it', () => {
  const cases: [string, (folder: string) => Promise<string[]> | string[], RegExp][] = [
    [
      'a model that is not ONNX',
      async (f) => (await writeFile(join(f, 'm.onnx'), '<html>404</html>'), ['--model', join(f, 'm.onnx')]),
      /m\.onnx.*\[E_MODEL_FORMAT\]/s,
    ],
    ['a model file that is not there', (f) => ['--model', join(f, 'no.onnx')], /no\.onnx.*\[E_NOT_FOUND\]/s],
    ['an empty pool', async (f) => (await mkdir(join(f, 'empty')), ['--pool', join(f, 'empty')]), /\[E_POOL_EMPTY\]/],
    [
      'an output folder that cannot be written',
      async (f) => (await writeFile(join(f, 'file'), ''), ['--out', join(f, 'file', 'out')]),
      /\[E_OUTPUT\]/,
    ],
    ['a layer that is not there', () => ['--layer', 'layer99'], /layer99.*\[E_/s],
    ['a class that is not there', () => ['--class', 'elbow'], /"elbow" is no class.*\[E_ARGUMENT\]/s],
    ['too little memory', () => ['--limit-memory', '64MB'], /limit is 64.*\[E_MEMORY\]/s],
    ['wrong number of means', () => ['--mean', '0.1,0.2'], /mean.*\[E_ARGUMENT\]/s],
    ['an explanation nobody knows', () => ['--explain', 'tea-leaves'], /tea-leaves.*grad-cam.*\[E_ARGUMENT\]/s],
  ];
  it.each(cases)('%s', async (_, flags, message) => {
    const folder = await temporaryFolder();
    const args = [
      'score',
      '--model',
      set.model,
      '--pool',
      set.manifest,
      '--out',
      join(folder, 'out'),
      ...(await flags(folder)),
    ];
    const run = await sightline(args);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(message);
    expect(run.stderr).not.toMatch(/ {4}at /);
  });

  it('a full disk: what is finished stays, and --resume goes on', { timeout: 180_000 }, async () => {
    const folder = await temporaryFolder();
    let out = '';
    // A file-size limit stands in for a full disk: the write fails in the same place. Raised until the failure
    // falls between two chunks, with batches of the next ones in the model.
    let inThisRun = set.count;
    for (let kib = 24; inThisRun === set.count && kib < 100; kib += 4) {
      out = join(folder, String(kib));
      const full = await score(out, { shell: `ulimit -f ${kib}; trap '' XFSZ` });
      expect(full.stderr).toMatch(/no space left.*--resume.*\[E_DISK_FULL\]/);
      expect(full.code).toBe(1);
      const resumed = await score(out, '--resume');
      expect(resumed).toMatchObject({ code: 0 });
      inThisRun = Number(/\((\d+) in this run\)/.exec(resumed.stdout)?.[1] ?? set.count);
    }
    expect(inThisRun).toBeGreaterThan(0);
    expect(inThisRun).toBeLessThan(set.count);
    expect(await score(join(folder, 'whole'))).toMatchObject({ code: 0 });
    expect(await readFile(join(out, 'scores.csv'))).toEqual(await readFile(join(folder, 'whole', 'scores.csv')));
  });

  it('a model without a spatial layer: saliency strategies are refused, the others run', async () => {
    const folder = await temporaryFolder();
    const model = await spatiallessModel(folder);
    const args = ['score', '--model', model, '--pool', set.manifest, '--out', join(folder, 'out'), '--no-overlays'];
    const refused = await sightline([...args, '--strategy', 'kurtosis']);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/\[E_MODEL_UNSUPPORTED\]/);
    const run = await sightline([...args, '--strategy', 'entropy', '--overwrite']);
    expect(run).toMatchObject({ code: 0 });
  });
});
