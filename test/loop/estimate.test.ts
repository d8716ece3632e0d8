import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { estimateGrid } from '../../src/loop/estimate.js';
import { readRunConfig } from '../../src/loop/run_config.js';
import { sightline } from '../support/command.js';
import { temporaryFolder } from '../support/files.js';
import { loopPhantoms, writeConfig } from './loop_set.js';

it('a plan has every round and run, and leaves nothing behind', async () => {
  const folder = await temporaryFolder();
  const manifest = await loopPhantoms(folder);
  const settings = { strategies: ['random', 'entropy', 'fully-supervised'], seeds: [0, 1], stop: { labels: 18 } };
  const file = await writeConfig(folder, manifest, settings);
  const config = readRunConfig(file);
  const plan = await estimateGrid(config);
  expect(plan.rounds.map(({ labelled }) => labelled)).toEqual([8, 12, 16, 18]);
  expect(plan.cells).toBe(6);
  expect(plan.data.pool + plan.data.validation + plan.data.test).toBe(60);
  const seconds = Object.fromEntries(plan.strategies.map((row) => [row.name, row.seconds]));
  for (const value of [...Object.values(seconds), plan.perImage.training, plan.perImage.scoring]) {
    expect(value).toBeGreaterThan(0);
  }
  // A strategy that looks at the pool takes longer than one that does not.
  expect(seconds.entropy).toBeGreaterThan(seconds.random);
  expect(plan.total).toBeCloseTo(2 * (seconds.random + seconds.entropy + seconds['fully-supervised']), 9);
  expect(existsSync(config.out)).toBe(false);

  const { code, stdout } = await sightline(['run', file, '--dry-run']);
  expect(code).toBe(0);
  expect(stdout).toContain('8 → 12 → 16 → 18');
  expect(stdout).toMatch(/All runs: about \d+/);
  expect(existsSync(config.out)).toBe(false);
});
