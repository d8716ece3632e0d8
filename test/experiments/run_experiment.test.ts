import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { readExperiment, type Experiment } from '../../src/experiments/library.js';
import { runExperiment, type FinishedExperiment } from '../../src/experiments/run_experiment.js';
import { writeResults } from '../../src/experiments/write_results.js';
import { sharedFolder, temporaryFolder } from '../support/files.js';

/** The tiniest that has everything: two grids over the same data, every kind of result. */
function writeTiny(folder: string): string {
  mkdirSync(join(folder, 'grids'), { recursive: true });
  const grid = {
    data: { phantoms: { count: 60, size: 32, seed: 3 } },
    run: {
      split: { by: 'patient', shares: [0.6, 0.2, 0.2] },
      model: { arch: 'small-cnn', size: 16, channels: 1 },
      training: { epochs: 2, batch: 8, augmentation: 'none', learning_rate: 0.01, threads: 1 },
      strategies: { random: {}, xal: {}, 'fully-supervised': {} },
      ...{ seeds: [0, 1], initial: { count: 8 }, batch: 4, stop: { rounds: 1 } },
    },
  };
  writeFileSync(join(folder, 'grids', 'tiny.yaml'), stringify(grid));
  const experiment = {
    ...{
      title: 'Tiny',
      paper: 'None',
      shows: 'nothing',
      about: 'Only a test.',
      metric: 'test auc',
      reference: 'random',
    },
    grids: [
      { grid: 'tiny' },
      { grid: 'tiny', name: 'turned', only: ['xal'], run: { seeds: [0], strategies: { xal: { reverse: true } } } },
    ],
    results: ['learning-curves', 'final-values', 'share-of-data', 'ndcg', 'overlap', 'panels'],
    published: { tiny: { xal: { value: 0.7722, p: 0.01 } } },
    publishedShares: { tiny: { xal: 0.44 } },
  };
  const file = join(folder, 'tiny.yaml');
  writeFileSync(file, stringify(experiment));
  return file;
}

let out: string;
let experiment: Experiment;
let finished: FinishedExperiment;
beforeAll(async () => {
  out = await sharedFolder();
  experiment = readExperiment(writeTiny(join(out, 'files')));
  finished = await runExperiment(experiment, { out });
});

it('runs every strategy and seed of every grid, and writes configurations that `sightline run` takes', () => {
  expect(finished.grids.map(({ plan, summary }) => [plan.name, summary.runs.length])).toEqual([
    ['tiny', 6],
    ['tiny-turned', 1],
  ]);
  expect(existsSync(join(out, 'runs', 'tiny.yaml'))).toBe(true);
  expect(finished.failures).toEqual([]);
  // Another order of the same criterion chooses others.
  const chosen = finished.grids.map(
    ({ summary }) => summary.runs.find(({ strategy }) => strategy === 'xal')!.chosen[0],
  );
  expect(chosen[0]).not.toEqual(chosen[1]);
});

it('goes on where it was, and shares what is there', async () => {
  const rounds: string[] = [];
  const seed = join(out, 'runs', 'tiny', 'random', 'seed-1');
  rmSync(seed, { recursive: true });
  const again = await runExperiment(experiment, {
    out,
    onRound: ({ strategy, seed }) => rounds.push(`${strategy} ${seed}`),
  });
  expect(rounds).toEqual(['random 1', 'random 1']);
  expect(again.grids.map(({ summary }) => summary.comparison)).toEqual(
    finished.grids.map(({ summary }) => summary.comparison),
  );
});

it('writes the numbers of its runs beside the published ones, with figures as files and a report', async () => {
  const { file, report, lines } = await writeResults(finished);
  const text = readFileSync(file, 'utf8');
  const xal = finished.grids[0].summary.runs.filter(({ strategy }) => strategy === 'xal');
  const last = xal.map(({ rounds }) => rounds.at(-1)!.metrics.get('test auc')!);
  const mean = ((last[0] + last[1]) / 2).toFixed(3);
  expect(text).toMatch(new RegExp(`\\| xal \\| 0\\.7722 \\| ${mean} ± `));
  expect(text).toMatch(/\| xal \| 44 % \|/);
  expect(lines.join('\n')).toContain('0.7722');
  const pictures = [...text.matchAll(/!\[[^\]]*\]\(([^)]+)\)/g)].map(([, path]) => path);
  expect(pictures.length).toBeGreaterThanOrEqual(9);
  for (const path of pictures) {
    expect(readFileSync(join(finished.folder, path)).subarray(1, 4).toString()).toBe('PNG');
    if (!path.includes('panels')) expect(existsSync(join(finished.folder, path.replace(/png$/, 'csv')))).toBe(true);
  }
  expect(readFileSync(report!, 'utf8')).toContain('<title>Tiny');
});

it('says what is missing: names, folders, data sets', async () => {
  expect(() => readExperiment('ideal-efusion')).toThrow(/did you mean ideal-effusion/);
  const folder = await temporaryFolder();
  await expect(runExperiment(readExperiment('ideal-effusion'), { out: folder })).rejects.toThrow(
    /needs NIH ChestX-ray14\. Give the folder of each \(--root FOLDER\).*NIH Clinical Center.*--scale small/s,
  );
  const two = runExperiment(readExperiment('ideal-dataset-switch'), { out: folder, roots: new Map([['', folder]]) });
  await expect(two).rejects.toThrow(/--root nih-chestxray14=FOLDER --root chexpert=FOLDER/);
  const unknown = runExperiment(readExperiment('xal-accuracy'), { out: folder, roots: new Map([['brat', folder]]) });
  await expect(unknown).rejects.toThrow(/no data set of this name/);
  const empty = runExperiment(readExperiment('xal-accuracy'), { out: folder, roots: new Map([['brats', folder]]) });
  await expect(empty).rejects.toMatchObject({ code: 'E_DATASET' });
  writeFileSync(join(folder, 'odd.yaml'), 'title: odd\ngrid: []\n');
  expect(() => readExperiment(join(folder, 'odd.yaml'))).toThrow(/odd\.yaml: .*grids/);
});
