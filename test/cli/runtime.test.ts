import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { beforeAll, describe, expect, it } from 'vitest';
import { sightline } from '../support/command.js';
import { temporaryFolder } from '../support/files.js';
import { phantomSet, type PhantomSet } from '../support/phantoms.js';

let set: PhantomSet;
beforeAll(async () => {
  set = await phantomSet(60);
});

const columns = ['confidence', 'entropy', 'dice', 'kurtosis'];

describe('--runtime tfjs', () => {
  it('scores a pool in worker threads: the numbers of ONNX Runtime', async () => {
    const rows = async (args: string[]) => {
      const out = join(await temporaryFolder(), 'run');
      const common = ['--pool', set.manifest, '--model', set.model, '--out', out, '--no-overlays', '--top', '5'];
      const run = await sightline(['score', ...common, ...args]);
      expect(run).toMatchObject({ code: 0 });
      const text = await readFile(join(out, 'scores.csv'), 'utf8');
      const scored = parse(text, { columns: true }) as Record<string, string>[];
      return { stdout: run.stdout, scored: scored.sort((a, b) => a.id.localeCompare(b.id)) };
    };
    const ort = await rows([]);
    const tfjs = await rows(['--runtime', 'tfjs', '--provider', 'wasm']);
    expect(ort.stdout).toMatch(/model on cpu/);
    expect(tfjs.stdout).toMatch(/model on tfjs wasm/);
    expect(tfjs.scored).toHaveLength(set.count);
    tfjs.scored.forEach((row, i) => {
      expect(row.id).toBe(ort.scored[i].id);
      for (const column of columns) {
        const [found, expected] = [row, ort.scored[i]].map((r) => Number(r[column]));
        expect(found, `${column} of ${row.id}`).toBeCloseTo(expected, 3);
      }
    });
  });

  it('explains an image', async () => {
    const [mask] = await readdir(join(set.folder, 'masks'));
    const run = async (args: string[]) => {
      const out = join(await temporaryFolder(), 'overlay.png');
      return sightline(['explain', join(set.folder, 'images', mask), '--model', set.model, '--out', out, ...args]);
    };
    const [ort, tfjs] = [await run([]), await run(['--runtime', 'tfjs'])];
    expect(tfjs).toMatchObject({ code: 0, stderr: ort.stderr });
    expect(tfjs.stdout.split('\n')[0]).toBe(ort.stdout.split('\n')[0]);
    const wrong = await run(['--runtime', 'tfjs', '--provider', 'cuda']);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toMatch(/TensorFlow\.js has no "cuda" backend.*\[E_ARGUMENT\]/);
  });

  it('sightline doctor lists its backends', async () => {
    const { stdout } = await sightline(['doctor', '--json']);
    const { findings } = JSON.parse(stdout) as { findings: { subject: string; ok: boolean }[] };
    for (const subject of ['model: tfjs wasm', 'model: tfjs cpu'])
      expect(findings).toContainEqual(expect.objectContaining({ subject, ok: true }));
    const subjects = findings.map((finding) => finding.subject);
    expect(subjects).toEqual(expect.arrayContaining(['model: tfjs tensorflow', 'model: tfjs webgpu', 'model: webgpu']));
  });
});
