import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseHTML } from 'linkedom';
import { beforeAll, describe, expect, it } from 'vitest';
import { cellsOf, readRunConfig } from '../../src/loop/run_config.js';
import { writeReport } from '../../src/report/run_report.js';
import { RunStore } from '../../src/store/run_store.js';
import { writeConfig } from '../loop/loop_set.js';
import { sightline } from '../support/command.js';
import { sharedFolder } from '../support/files.js';

const patient = 'patient-4711';
const strategies = ['random', 'entropy', 'xal', 'fully-supervised'];
/** Entropy is 0.1 above random under every seed, xal 0.1 below it under seed 1 and 0.02 above it else. */
const lead: Record<string, (seed: number) => number> = {
  random: () => 0,
  entropy: (seed) => 0.1 + seed / 1000,
  xal: (seed) => (seed === 1 ? -0.1 : 0.02),
};

/** Runs as they leave their stores, with numbers that are known. */
async function writeRuns(folder: string, seeds: number[]): Promise<string> {
  const file = await writeConfig(folder, 'none/manifest.csv', { name: basename(folder), strategies, seeds });
  for (const { entry, seed, folder: run } of cellsOf(readRunConfig(file))) {
    await mkdir(run, { recursive: true });
    const store = await RunStore.open(run);
    const full = entry.name === 'fully-supervised';
    await store.begin([{ id: 'a', path: `/data/${patient}/a.png`, part: 'pool' }], {
      ...{ strategy: entry.name, seed, poolSize: 40 },
    });
    const ids = Array.from({ length: 40 }, (_, i) => `image ${i}`);
    const rounds = full ? 1 : 3;
    for (let round = 0; round < rounds; round++) {
      const labelled = full ? 40 : 10 + 5 * round;
      const chosen = full
        ? ids
        : round === 0
          ? ids.slice(0, 10)
          : ids.slice(10 + (entry.name.length % 3) + 5 * round).slice(0, 5);
      await store.addAnswers(
        round,
        chosen.map((id, position) => ({ position, id, label: 'x', mask: null, boxes: null, cost: 1, skipped: false })),
      );
      const times = new Map([
        ['training', 10 + seed],
        ['scoring', 5],
        ['bookkeeping', 0.5],
      ]);
      if (round === 1)
        await store.endStage(
          round,
          'select',
          { ranking: { ids: ids.slice(10), scores: ids.slice(10).map((_, i) => -i) } },
          times,
        );
      const auc = full ? 0.9 : 0.6 + 0.05 * round + lead[entry.name](seed);
      const values = [
        { part: 'test', metric: 'auc', value: auc },
        { part: 'test', metric: 'attention dice', value: round === 1 ? NaN : 0.3 + 0.1 * round },
      ];
      await store.endStage(round, 'evaluate', { metrics: { labelled, cost: labelled, values } }, times);
      await store.endStage(round, 'end', {}, new Map());
    }
    if (seed === 0)
      await store.quarantine(1, [
        { id: 'broken & torn', stage: 'decode', code: 'E_IMAGE_CORRUPT', message: 'the file ends early' },
      ]);
    store.close();
  }
  return file;
}

let folder: string;
let config: string;
let single: string;
beforeAll(async () => {
  folder = await sharedFolder();
  config = await writeRuns(join(folder, 'Three seeds'), [0, 1, 2]);
  single = await writeRuns(join(folder, 'one'), [0]);
}, 120_000);

const read = async (file: string) => parseHTML(await readFile(file, 'utf8')).document;
const textOf = (element: Element | null) => element?.textContent?.replaceAll('\u00a0', ' ') ?? '';

describe('writeReport', () => {
  it('says who leads by how much, and has every section and figure of a grid', async () => {
    const { file, bytes, figures } = await writeReport({ runs: [config] });
    expect(file).toBe(join(folder, 'Three seeds', 'out', 'report.html'));
    expect((await stat(file)).size).toBe(bytes);
    const page = await read(file);
    const lead = textOf(page.querySelector('.lead'));
    expect(lead).toMatch(/test AUC, 10 to 20 labels\), entropy leads: \+0\.101 against random/);
    expect(lead).toMatch(/paired t-test over 3 seeds, p < 0\.001/);
    expect(lead).toMatch(
      /Significantly different from random at 5 %, corrected for 2 comparisons \(Holm\): entropy \(\+0\.101\)/,
    );
    expect(lead).toMatch(/all 40 labels reaches 0\.900/);
    const rows = [...page.querySelectorAll('#three-seeds-summary tbody tr')].map((row) =>
      [...row.children].map(textOf),
    );
    expect(rows.map(([name]) => name)).toEqual(['random', 'entropy', 'xal']);
    expect(rows[0].slice(1, 4)).toEqual(['3', '0.650 ± 0.000', '0.700']);
    expect(rows[2][4]).toMatch(/^−0\.020 \[−0\.\d+, \+0\.\d+\]$/);
    expect(rows.map((row) => row.at(-1))).toEqual(['', '3 of 3', '2 of 3']);
    expect([...page.querySelectorAll('h3')].map(textOf)).toEqual([
      ...[
        'Summary',
        'Learning curves',
        'Labels needed',
        'What is chosen',
        'Who beats whom',
        'Time',
        'Settings',
        'Quarantine',
      ],
    ]);
    const quarantine = page.querySelector('#three-seeds-quarantine tbody tr')!;
    expect([...quarantine.children].map(textOf)).toEqual([
      'broken & torn',
      'decode',
      'E_IMAGE_CORRUPT',
      'the file ends early',
      '4',
    ]);
    expect(await readFile(file, 'utf8')).not.toContain(patient);
    const stems = figures.map(({ png }) => basename(png, '.png'));
    expect(stems).toEqual([
      ...['difference', 'curves-auc', 'curves-attention-dice', 'labels-needed', 'ndcg', 'overlap', 'overlap-rounds'],
      ...['penalties', 'times'],
    ]);
    expect((await readdir(join(folder, 'Three seeds', 'out', 'figures'))).length).toBe(3 * stems.length);
    expect(page.querySelectorAll('figure').length).toBe(stems.length);
    const curves = await readFile(figures[1].csv, 'utf8');
    expect(curves).toContain('random,10,0.6,0.6,0.6\n');
    expect(curves).toContain('fully supervised,,0.9,,\n');
  });

  it('has a chapter per grid with ids and files of its own, and is the same from the command line', async () => {
    const title = 'Two <grids>';
    const { file, figures } = await writeReport({ runs: [single, single], out: join(folder, 'both'), title });
    const page = await read(file);
    expect(textOf(page.querySelector('h1'))).toBe(title);
    expect([...page.querySelectorAll('h2')].map(textOf)).toEqual(['one', 'one']);
    const ids = [...page.querySelectorAll('[id]')].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(figures.map(({ svg }) => svg)).size).toBe(figures.length);
    expect(textOf(page.querySelectorAll('.lead')[1])).toMatch(/there is no test: a single run says little/);

    const out = join(folder, 'cli');
    const { code, stdout } = await sightline(['report', single, single, '--out', out, '--title', title]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/report +\S+report\.html \(\d+ kB\)/);
    for (const name of ['report.html', `figures/${basename(figures[0].png)}`])
      expect((await readFile(join(out, name))).equals(await readFile(join(folder, 'both', name)))).toBe(true);
  });

  it('goes without runs that are at work, and tells when there are none', async () => {
    const { out } = readRunConfig(config);
    await writeFile(join(out, 'xal', 'seed-1', 'run.duckdb'), 'damaged');
    const notices: string[] = [];
    const { file } = await writeReport({ runs: [config], onNotice: (notice) => notices.push(notice) });
    // Beside it: that there are no images to show in this test.
    const leftOut = notices.filter((notice) => notice.includes('is left out'));
    expect(leftOut).toEqual([expect.stringMatching(/^xal, seed 1 is left out: /)]);
    expect(textOf((await read(file)).querySelector('#three-seeds'))).toMatch(/11 of 12 runs/);
    const empty = await writeConfig(join(folder, 'empty'), 'none.csv');
    await expect(writeReport({ runs: [empty] })).rejects.toMatchObject({ code: 'E_NOT_FOUND' });
    await expect(writeReport({ runs: [] })).rejects.toMatchObject({ code: 'E_ARGUMENT' });
  });
});
