import { beforeAll, describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { cellsOf, readRunConfig } from '../../src/loop/run_config.js';
import { sightline, type CommandResult } from '../support/command.js';
import { sharedFolder, temporaryFolder } from '../support/files.js';
import { loopPhantoms, outcomeOf, writeConfig } from './loop_set.js';

/** Deaths of a run: some seconds each. SIGHTLINE_KILLS=20 is what a release is tried with: then the run has ten rounds. */
const wanted = Number(process.env.SIGHTLINE_KILLS ?? 0);
const kills = wanted || 6;

let manifest: string;
beforeAll(async () => {
  manifest = await loopPhantoms(await sharedFolder());
});

/** Everything that can be interrupted: scoring, representatives, fine-tunes, a forest, training, evaluation. */
const settings = {
  strategies: [
    {
      strategy: 'deep-features',
      deep_features: { clusters: 2, trials: 2, iterations: 3, autoencoder_epochs: 3, trees: 10, every: 2 },
    },
    // A release's trial has more to interrupt: U-Nets and committees.
    ...(wanted > 10
      ? [
          { strategy: 'xal', roi: 'predicted' },
          { strategy: 'committee', committee: { members: 2 } },
        ]
      : []),
  ],
  segmentation: { width: 0.05, epochs: 2, batch: 4 },
  training: { epochs: 3, batch: 8, augmentation: 'ideal', learning_rate: 0.01, checkpoint_every: 2 },
  initial: { count: 10 },
  batch: 3,
  stop: { labels: wanted > 10 ? 40 : 22 },
};

describe('a run that is killed again and again', () => {
  it('ends with the same labels, rankings and metrics as one that is not', { timeout: 1_200_000 }, async () => {
    const run = (config: string, during?: Parameters<typeof sightline>[1]): Promise<CommandResult> =>
      sightline(['run', config, '--resume'], during);
    const straight = await writeConfig(await temporaryFolder(), manifest, settings);
    const started = performance.now();
    const { code, stderr } = await run(straight);
    expect(`${code} ${stderr.slice(-2000)}`).toMatch(/^0 /);
    const wholeRun = performance.now() - started;

    const broken = await writeConfig(await temporaryFolder(), manifest, settings);
    const rng = new Rng(11, 'kills');
    let killed = 0;
    for (let at = 0; at < kills; at++) {
      // Long enough to come some way, short enough not to come to the end; where exactly is left to chance.
      const delay = 700 + rng.uniform() * Math.min(wholeRun / 3, (1.8 * wholeRun) / kills);
      const result = await run(broken, { during: (child) => void setTimeout(() => child.kill('SIGKILL'), delay) });
      if (result.signal !== 'SIGKILL') break;
      killed++;
    }
    // A quick machine may come to the end before its last death; a release's trial must not.
    expect(killed).toBeGreaterThanOrEqual(wanted || 3);
    const last = await run(broken);
    expect(`${last.code} ${last.stderr.slice(-2000)}`).toMatch(/^0 /);

    const foldersOf = (config: string) => cellsOf(readRunConfig(config)).map(({ folder }) => folder);
    const straightOnes = foldersOf(straight);
    for (const [i, folder] of foldersOf(broken).entries()) {
      expect(await outcomeOf(folder)).toEqual(await outcomeOf(straightOnes[i]));
    }
  });
});
