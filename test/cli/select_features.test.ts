import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { readTable } from '../../src/store/table.js';
import { sightline } from '../support/command.js';
import { sharedFolder } from '../support/files.js';

let folder: string;
let table: string;

/** Lesions have a high Kurtosis and a low Entropy; Idn is chance; Range never varies. */
beforeAll(async () => {
  folder = await sharedFolder();
  table = await csv('features.csv', 120);
});

async function csv(name: string, rows: number, edit = (cells: (string | number)[], _row: number) => cells) {
  const header =
    'id,target,age,original_firstorder_Kurtosis,original_firstorder_Entropy,saliency_glcm_Idn,original_firstorder_Range';
  const lines = Array.from({ length: rows }, (_, row) => {
    const rng = new Rng(1, row);
    const lesion = row % 3 === 0;
    const cells = [
      `s${row}`,
      lesion ? 'lesion' : 'normal',
      20 + rng.int(60),
      (lesion ? 3 : 1) + rng.normal(),
      (lesion ? 2 : 3) + rng.normal() / 2,
      rng.uniform(),
      7,
    ];
    return edit(cells, row).join(',');
  });
  const path = join(folder, name);
  await writeFile(path, [header, ...lines].join('\n'));
  return path;
}

const run = (...args: string[]) => sightline(['select-features', ...args, '--trees', '25', '--workers', '2']);

describe('sightline select-features', () => {
  it('prints the best subset per size, the base line and the directions, and writes them', async () => {
    const out = join(folder, 'selected.csv');
    const { code, stdout, stderr } = await run(table, '--target', 'target', '--positive', 'lesion', '--out', out);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toMatch(/note: original_firstorder_Range has the same value in every row/);
    expect(stderr).toMatch(/scoring subsets: 7\/7 \| .* subsets\/s/);
    expect(stdout).toMatch(/120 rows, 3 features, 2 classes of target: lesion, normal/);
    expect(stdout).toMatch(/7 subsets scored \(exhaustive\), 25 trees, out-of-bag accuracy/);
    expect(stdout).toMatch(/ {3}2 +\d\d\.\d % {2}original_firstorder_Kurtosis, original_firstorder_Entropy/);
    expect(stdout).toMatch(/ {3}0 +66\.7 % {2}none: always normal/);
    expect(stdout).toMatch(
      /\+ original_firstorder_Kurtosis: larger values go with lesion \(rank correlation 0\.\d\d\)/,
    );
    expect(stdout).toMatch(
      /- original_firstorder_Entropy: smaller values go with lesion \(rank correlation -0\.\d\d\)/,
    );
    const written = await readTable(out);
    expect(written.columns.get('feature')).toEqual(
      expect.arrayContaining(['original_firstorder_Kurtosis', 'original_firstorder_Entropy']),
    );
    const at = (written.columns.get('feature') as string[]).indexOf('original_firstorder_Entropy');
    expect(written.columns.get('direction')![at]).toBe('-');
  });

  it('the same result with one thread and with three, as JSON', async () => {
    const results = await Promise.all(
      ['1', '3'].map(async (workers) => {
        const out = join(folder, `${workers}.json`);
        const args = ['--target', 'target', '--features', 'age,saliency_glcm_Idn,original_firstorder_Kurtosis'];
        const { code } = await run(table, ...args, '--max-size', '2', '--workers', workers, '--out', out);
        expect(code).toBe(0);
        return JSON.parse(await readFile(out, 'utf8')) as Record<string, unknown>;
      }),
    );
    expect(results[1]).toEqual(results[0]);
    expect(results[0]).toMatchObject({
      target: 'target',
      classes: ['lesion', 'normal'],
      rows: 120,
      candidates: ['age', 'saliency_glcm_Idn', 'original_firstorder_Kurtosis'],
      majority: { name: 'normal', share: 2 / 3 },
      ended: 'complete',
      scored: 6,
    });
    expect(results[0].bySize).toHaveLength(2);
  });

  it('greedy within a budget says that it is the best so far; nothing but errors with --quiet', async () => {
    const out = join(folder, 'greedy.json');
    const args = ['--target', 'target', '--method', 'greedy', '--budget', '4fits', '--out', out];
    const { stdout } = await run(table, ...args);
    expect(stdout).toMatch(/4 of 6 subsets scored \(greedy\) within the number of fits: the best so far/);
    expect(JSON.parse(await readFile(out, 'utf8'))).toMatchObject({ ended: 'fits', fits: 4 });
    const quiet = await sightline(['--quiet', 'select-features', table, ...args]);
    expect(quiet).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  it('leaves out rows with gaps, with a notice', async () => {
    const gaps = await csv('gaps.csv', 60, (cells, row) => cells.with(row % 2 ? 4 : 3, row < 6 ? '' : cells[3]));
    const { code, stdout, stderr } = await run(gaps, '--target', 'target');
    expect(code).toBe(0);
    expect(stderr).toMatch(/6 of 60 rows left out for empty or infinite cells \(.*Kurtosis in 3.*Entropy in 3/);
    expect(stdout).toMatch(/54 rows/);
  });

  it.each<[string, string[], RegExp]>([
    ['a missing target', ['--target', 'nothing'], /there is no column "nothing".*--target: id, target, age/],
    ['a missing feature', ['--target', 'target', '--features', 'x'], /there is no column "x".*Numeric columns are age/],
    ['a text feature', ['--target', 'target', '--features', 'id'], /"id" does not hold numbers/],
    ['the target as a feature', ['--target', 'age', '--features', 'age'], /is the target/],
    ['a measurement as the target', ['--target', 'age'], /different values, more than 20 classes/],
    ['a class of one row', ['--target', 'id'], /different values|one row only/],
    ['one class', ['--target', 'original_firstorder_Range'], /one class only: 7/],
    ['an unknown class', ['--target', 'target', '--positive', 'tumour'], /no class "tumour".*lesion, normal/],
    ['an odd output', ['--target', 'target', '--out', 'x.xlsx'], /"\.xlsx" are not written/],
    ['an odd budget', ['--target', 'target', '--budget', 'long'], /Expected a limit such as 5min/],
  ])('says what is wrong: %s', async (_, args, message) => {
    const { code, stderr } = await run(table, ...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });

  it('says what is wrong: too few rows, no radiomics features', async () => {
    const few = await run(await csv('few.csv', 6), '--target', 'target');
    expect(few.stderr).toMatch(/6 of 6 rows can be used, fewer than 10.*\[E_TABLE\]/);
    const plain = join(folder, 'plain.csv');
    await writeFile(plain, 'target,age\na,1\nb,2\n');
    const none = await run(plain, '--target', 'target');
    expect(none.stderr).toMatch(/no numeric column is named as a radiomics feature.*--features; numeric ones are age/);
  });
});
