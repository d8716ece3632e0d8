import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { datasets } from '../../src/data/datasets/index.js';
import { experimentNames, readExperiment } from '../../src/experiments/library.js';
import { laidOver } from '../../src/experiments/merge.js';
import { planGrids } from '../../src/experiments/plan.js';
import { readRunConfig } from '../../src/loop/run_config.js';
import { temporaryFolder } from '../support/files.js';

describe('laying settings over each other', () => {
  it('merges sections, replaces the rest, and null takes a key away', () => {
    const base = { a: { b: 1, c: [1, 2] }, d: 'x' };
    expect(laidOver(base, { a: { c: [3] } }, { d: null, e: { f: 2 } }, undefined)).toEqual({
      a: { b: 1, c: [3] },
      e: { f: 2 },
    });
    expect(base).toEqual({ a: { b: 1, c: [1, 2] }, d: 'x' });
    // Over nothing, a null inside a section leaves nothing behind either.
    expect(laidOver({}, { a: { b: null, c: 1 } })).toEqual({ a: { c: 1 } });
  });
});

describe('the papers’ experiments', () => {
  const names = experimentNames();

  it('there is one per table and figure', () => {
    const shown = names.map((name) => readExperiment(name).shows).join('; ');
    for (const figure of [6, 7, 8, 9, 10, 11, 12, 14, 15, 16]) expect(shown).toMatch(new RegExp(`Fig\\. ${figure}\\b`));
    for (const section of 'ABCDEFGHI') expect(shown).toContain(`§V-${section}`);
    expect(names.filter((name) => name.startsWith('xal'))).toEqual(['xal-accuracy', 'xal-panels']);
  });

  it.each(names)('%s: its grids are configurations that a run takes, at both scales', async (name) => {
    const experiment = readExperiment(name);
    const folder = await temporaryFolder();
    for (const scale of ['paper', 'small']) {
      const plans = planGrids(experiment, { scale });
      expect(new Set(plans.map((plan) => plan.name)).size).toBe(plans.length);
      for (const plan of plans) {
        const file = join(folder, `${scale}-${plan.name}.yaml`);
        const other = plan.second && { switch: { ...(plan.run.switch as object), data: 'second.csv' } };
        writeFileSync(file, stringify({ data: 'manifest.csv', ...plan.run, ...other }));
        const config = readRunConfig(file);
        const strategies = config.strategies.map((entry) => entry.name);
        // The others are tested against it, and published numbers belong to strategies that take part.
        expect(strategies).toContain(experiment.reference);
        for (const own of Object.keys(experiment.published[plan.name] ?? {})) expect(strategies).toContain(own);
        if (scale === 'small') expect(plan.data).toMatchObject({ phantoms: { size: config.model.size } });
        else if (plan.data) expect(datasets.has(plan.data.set!)).toBe(true);
      }
    }
    const published = [...Object.keys(experiment.published), ...Object.keys(experiment.publishedShares)];
    const planned = planGrids(experiment).map((plan) => plan.name);
    for (const grid of published) expect(planned).toContain(grid);
  });

  it('takes the settings of the papers', () => {
    const [effusion] = planGrids(readExperiment('ideal-final-auc'));
    expect(effusion.data).toMatchObject({ set: 'nih-chestxray14', patients: 1036 });
    expect(effusion.run).toMatchObject({
      ...{ finding: 'Effusion', model: { arch: 'densenet121', size: 320 }, seeds: 10, batch: 16 },
      training: { learning_rate: 0.0001, beta1: 0.93, beta2: 0.999, loss: 'bce', batch: 16, augmentation: 'ideal' },
      split: { by: 'patient', shares: [0.7, 0.1, 0.2] },
    });
    for (const { run } of planGrids(readExperiment('xal-accuracy'))) expect(run.stop).toEqual({ labels: 570 });
    const noisy = planGrids(readExperiment('ideal-noise'));
    expect(noisy.map(({ run }) => (run.noise as { sigma: number } | undefined)?.sigma)).toEqual([
      undefined,
      0.005,
      0.01,
      0.05,
      0.1,
    ]);
  });

  it('lays what the user sets over everything', () => {
    const [plan] = planGrids(readExperiment('ideal-effusion'), {
      scale: 'small',
      run: { seeds: [7], model: { size: 32 } },
    });
    expect(plan.run).toMatchObject({ seeds: [7], model: { arch: 'small-cnn', size: 32 } });
  });
});
