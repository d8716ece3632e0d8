import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { runGrid, type GridOptions } from '../../src/loop/grid.js';
import { verifyRun } from '../../src/loop/replay.js';
import type { RoundReport } from '../../src/loop/run.js';
import { readRunConfig } from '../../src/loop/run_config.js';
import { RunStore } from '../../src/store/run_store.js';
import { sharedFolder, temporaryFolder } from '../support/files.js';
import { strategies } from '../../src/strategies/index.js';
import { loopPhantoms, outcomeOf, writeConfig } from './loop_set.js';

let manifest: string;
beforeAll(async () => {
  manifest = await loopPhantoms(await sharedFolder());
});

async function grid(more: object, options: GridOptions = {}, folder?: string) {
  const place = folder ?? (await temporaryFolder());
  const config = readRunConfig(await writeConfig(place, manifest, more));
  const rounds: RoundReport[] = [];
  const notices: string[] = [];
  const summary = await runGrid(config, {
    onRound: (report) => rounds.push(report),
    onNotice: (text) => notices.push(text),
    ...options,
  });
  return { out: config.out, summary, rounds, notices };
}

/** Labels of a manifest by id. */
async function labelsOf(file: string): Promise<ReadonlyMap<string, string>> {
  const lines = (await readFile(file, 'utf8')).split('\n').map((line) => line.split(','));
  return new Map(lines.map(([id, , label]) => [id, label]));
}

/** Adds to what a person has written into a file of answers. */
function appendAnswers(file: string, ids: readonly string[], labels: ReadonlyMap<string, string>): void {
  mkdirSync(dirname(file), { recursive: true });
  if (!existsSync(file)) writeFileSync(file, 'id,label\n');
  appendFileSync(file, ids.map((id) => `${id},${labels.get(id)}\n`).join(''));
}

describe('a run', () => {
  it('labels, trains and evaluates round by round until the label budget is spent, and asks about nobody twice', async () => {
    const { out, rounds, summary } = await grid({ strategies: ['entropy'], stop: { labels: 18 } });
    expect(rounds.map(({ labelled, added }) => [labelled, added])).toEqual([
      [8, 8],
      [12, 4],
      [16, 4],
      [18, 2],
    ]);
    expect(rounds.map(({ stop }) => stop?.kind)).toEqual([undefined, undefined, undefined, 'labels']);
    for (const { metrics } of rounds) {
      expect(metrics.get('test auc')).toBeGreaterThanOrEqual(0);
      expect(metrics.get('test attention dice')).toBeGreaterThanOrEqual(0);
      expect(metrics.has('validation auc') || metrics.has('validation loss')).toBe(true);
    }
    const { answers, rankings } = await outcomeOf(join(out, 'entropy', 'seed-0'));
    const ids = answers.map(([, , id]) => id);
    expect(new Set(ids).size).toBe(18);
    // What is ranked in a round is what is not labelled by then, and its first ones are asked.
    const second = rankings.filter(([round]) => round === 2).map(([, , id]) => id);
    expect(second.slice(0, 4)).toEqual(ids.slice(12, 16));
    expect(second.some((id) => ids.slice(0, 12).includes(id))).toBe(false);
    expect(summary.runs[0].rounds).toHaveLength(4);
    expect(existsSync(join(out, 'entropy', 'seed-0', 'rounds', '03', 'model', 'model.onnx'))).toBe(true);
  });

  it('all strategies of a seed begin with the same labels and the same model, trained once', async () => {
    const { out, rounds } = await grid({ strategies: ['random', 'entropy'], stop: { rounds: 1 } });
    const [random, entropy] = await Promise.all(
      ['random', 'entropy'].map((name) => outcomeOf(join(out, name, 'seed-0'))),
    );
    expect(random.answers.slice(0, 8)).toEqual(entropy.answers.slice(0, 8));
    expect(random.answers.slice(8)).not.toEqual(entropy.answers.slice(8));
    const first = (rows: unknown[][]) => rows.filter(([round]) => round === 0);
    expect(first(random.metrics)).toEqual(first(entropy.metrics));
    expect(existsSync(join(out, 'initial', 'seed-0', 'model', 'model.onnx'))).toBe(true);
    expect(rounds.map(({ round }) => round)).toEqual([0, 1, 0, 1]);
  });

  it('does not depend on the number of workers, and differs by seed', async () => {
    const settings = { strategies: ['xal'], seeds: [0, 1], stop: { rounds: 1 } };
    const one = await grid({ ...settings, compute: { workers: 1 } });
    const three = await grid({ ...settings, compute: { workers: 3 } });
    const of = (run: { out: string }, seed: number) => outcomeOf(join(run.out, 'xal', `seed-${seed}`));
    expect(await of(one, 0)).toEqual(await of(three, 0));
    expect(await of(one, 1)).toEqual(await of(three, 1));
    expect((await of(one, 0)).answers).not.toEqual((await of(one, 1)).answers);
  });

  it('does not depend on how many seeds are worked on at a time', { timeout: 180_000 }, async () => {
    const settings = { strategies: ['entropy'], seeds: [0, 1], stop: { rounds: 1 } };
    const one = await grid(settings);
    const two = await grid(settings, { jobs: 2 });
    for (const name of settings.strategies) {
      for (const seed of settings.seeds) {
        const [a, b] = await Promise.all([one, two].map(({ out }) => outcomeOf(join(out, name, `seed-${seed}`))));
        expect(b).toEqual(a);
      }
    }
    expect(two.rounds).toHaveLength(4);
    expect(two.summary.comparison).toEqual(one.summary.comparison);
  });

  it(
    'says which runs could not go on, whether seeds are worked on one by one or together',
    { timeout: 180_000 },
    async () => {
      // Without regions nobody looks at maps but kurtosis, and the layer that it is told to look at is not there.
      const folder = await temporaryFolder();
      const lines = (await readFile(manifest, 'utf8')).trim().split('\n').slice(1);
      const plain = lines
        .map((line) => line.split(','))
        .map(([id, path, label, , , patient]) => [id, join(dirname(manifest), path), label, patient]);
      const data = join(folder, 'plain.csv');
      writeFileSync(data, [['id', 'path', 'label', 'patient'], ...plain].map((row) => row.join()).join('\n'));
      const settings = {
        strategies: ['kurtosis', 'random'],
        seeds: [0, 1],
        scoring: { layer: 'nowhere' },
        stop: { rounds: 1 },
      };
      for (const jobs of [1, 2]) {
        const config = readRunConfig(await writeConfig(join(folder, `${jobs}`), data, settings));
        const { failures, runs } = await runGrid(config, { jobs });
        expect(failures.map(({ cell, error }) => [cell.entry.name, cell.seed, error.name])).toEqual([
          ['kurtosis', 0, 'SightlineError'],
          ['kurtosis', 1, 'SightlineError'],
        ]);
        expect(failures[0].error.message).toMatch(/nowhere/);
        expect(runs.filter(({ rounds }) => rounds.length === 2).map(({ strategy }) => strategy)).toEqual([
          'random',
          'random',
        ]);
      }
    },
  );

  it('reads an image from its file once, and needs the file no more', async () => {
    const own = await loopPhantoms(await temporaryFolder());
    const settings = { data: own, strategies: ['entropy', 'margin'], stop: { rounds: 2 } };
    const whole = await grid({ ...settings, compute: { cache_mb: 0 } });
    let rounds = 0;
    const remove = () => {
      // Round 1 was the first to look at the pool.
      if (rounds++ === 1) rmSync(dirname(own), { recursive: true });
    };
    const once = await grid({ ...settings, compute: { workers: 3 } }, { onRound: remove });
    expect(rounds).toBe(6);
    for (const name of settings.strategies) {
      const [a, b] = await Promise.all([whole, once].map(({ out }) => outcomeOf(join(out, name, 'seed-0'))));
      expect(b).toEqual(a);
    }
  });

  it('trains on its last labels when it was left between asking for them and training', async () => {
    const folder = await temporaryFolder();
    const settings = { strategies: ['entropy'], stop: { labels: 16 } };
    const { out } = await grid(settings, {}, folder);
    const own = join(out, 'entropy', 'seed-0');
    const whole = await outcomeOf(own);
    const store = await RunStore.open(own);
    await store.query("DELETE FROM stages WHERE round = 2 AND stage IN ('train', 'evaluate', 'end')");
    await store.query('DELETE FROM metrics WHERE round = 2');
    store.close();
    rmSync(join(own, 'rounds', '02', 'model'), { recursive: true });
    rmSync(join(own, 'rounds', '02', 'test'), { recursive: true });
    const { rounds } = await grid(settings, { resume: true }, folder);
    expect(rounds.map(({ round, labelled }) => [round, labelled])).toEqual([[2, 16]]);
    expect(await outcomeOf(own)).toEqual(whole);
  });

  it('stops at an AUC, and when the pool is spent', async () => {
    const reached = await grid({ stop: { auc: 0, part: 'test' } });
    expect(reached.rounds.map(({ stop }) => stop?.kind)).toEqual(['auc']);
    const spent = await grid({ stop: {}, batch: 100 });
    expect(spent.rounds.at(-1)!.stop?.kind).toBe('pool');
    expect(spent.rounds.at(-1)!.labelled).toBe(spent.summary.runs[0].poolSize + 8);
  });

  it('refuses a folder that holds runs, goes on with --resume when asked for more, and refuses other settings', async () => {
    const folder = await temporaryFolder();
    await grid({ stop: { rounds: 1 } }, {}, folder);
    await expect(grid({ stop: { rounds: 1 } }, {}, folder)).rejects.toMatchObject({ code: 'E_OUTPUT' });
    const more = await grid({ stop: { rounds: 2 } }, { resume: true }, folder);
    expect(more.rounds.map(({ round }) => round)).toEqual([2]);
    const other = grid({ stop: { rounds: 2 }, batch: 5 }, { resume: true }, folder);
    await expect(other).rejects.toMatchObject({
      code: 'E_RESUME_MISMATCH',
      what: expect.stringContaining('batch of labels') as string,
    });
    const anew = await grid({ stop: { rounds: 1 }, batch: 5 }, { overwrite: true }, folder);
    expect(anew.rounds.map(({ labelled }) => labelled)).toEqual([8, 13]);
  });
});

describe('every strategy', () => {
  const needy: Record<string, object> = {
    borda: { borda: ['firstorder_Kurtosis+', 'glcm_SumEntropy-'] },
    committee: { committee: { members: 2 } },
    'deep-features': { deep_features: { clusters: 3, trials: 2, iterations: 3, autoencoder_epochs: 2, trees: 10 } },
  };

  /** All of them in one grid: they begin with the same model, and share decoded images. */
  let all: Awaited<ReturnType<typeof grid>>;
  beforeAll(async () => {
    const settings = {
      strategies: [...strategies.keys()].map((strategy) => ({ strategy, ...needy[strategy] })),
      stop: { rounds: 1 },
      training: { epochs: 1, batch: 8, augmentation: 'none' },
    };
    all = await grid(settings, {}, await sharedFolder());
  }, 240_000);

  it.each([...strategies.keys()])(
    '%s selects a batch, and its ranking comes out of the store again',
    async (strategy) => {
      const own = all.rounds.filter((report) => report.strategy === strategy);
      expect(own.map(({ labelled }) => labelled)).toEqual([8, 12]);
      const folder = join(all.out, strategy, 'seed-0');
      expect(await verifyRun(folder)).toBe(1);
      const { queries } = await outcomeOf(folder);
      for (const [, , , , , , reason] of queries.slice(8)) expect(reason).toMatch(/^(rank \d+ of|stands for cluster)/);
    },
  );
});

describe('settings of a run', () => {
  it('deep features learn again from what came since, and ask for the representatives they need', async () => {
    const deep = { clusters: 2, trials: 1, iterations: 2, autoencoder_epochs: 1, trees: 5, every: 2 };
    const { out } = await grid({
      strategies: [{ strategy: 'deep-features', deep_features: deep }],
      stop: { rounds: 3 },
    });
    const { clusters, gains, queries } = await outcomeOf(join(out, 'deep-features', 'seed-0'));
    expect([...new Set(clusters.map(([round]) => round))]).toEqual([1, 3]);
    // Two representatives and the fine-tune without any, in each of the two learning rounds.
    expect(gains).toHaveLength(6);
    const representatives = queries.filter(([, , , , , , reason]) => /^stands for/.test(reason as string));
    expect(representatives.map(([round]) => round)).toEqual([1, 1, 3, 3]);
  });

  it('answers that come by file, a few at a time, end as those that come at once', async () => {
    const deep = { clusters: 2, trials: 1, iterations: 2, autoencoder_epochs: 1, trees: 5, every: 1 };
    const settings = {
      strategies: [{ strategy: 'deep-features', deep_features: deep }],
      labels: ['lesion', 'normal'],
      initial: { count: 8, stratified: false },
      stop: { rounds: 2 },
    };
    const straight = await grid(settings);
    const folder = await temporaryFolder();
    const asking = { ...settings, oracle: { kind: 'files', wait: false } };
    const own = join(readRunConfig(await writeConfig(folder, manifest, asking)).out, 'deep-features', 'seed-0');
    const label = await labelsOf(manifest);
    const known = new Set<string>();
    let pauses = 0;
    for (let paused = true; paused;) {
      paused = await grid(asking, { resume: true }, folder).then(
        () => false,
        (error: { code: string; where: string }) => {
          if (error.code !== 'E_PAUSED') throw error;
          const queries = readFileSync(error.where.replace('answers', 'queries'), 'utf8').trim().split('\n').slice(1);
          const ids = queries.map((line) => line.split(',')[0]).filter((id) => !known.has(id));
          for (const id of ids.slice(0, 3)) known.add(id);
          appendAnswers(error.where, ids.slice(0, 3), label);
          return true;
        },
      );
      if (paused) pauses++;
      expect(pauses).toBeLessThan(20);
    }
    // 8, then 2 representatives and 2 more in each round.
    expect(pauses).toBe(3 + 2 * 2);
    const [expected, found] = await Promise.all([join(straight.out, 'deep-features', 'seed-0'), own].map(outcomeOf));
    const { answers: _, ...decided } = expected;
    expect(found).toMatchObject(decided);
  });

  it('fully supervised labels the pool at once and gives the level that others are measured by', async () => {
    const { rounds, summary } = await grid({ strategies: ['random', 'fully-supervised'], stop: { rounds: 1 } });
    const full = rounds.find(({ strategy }) => strategy === 'fully-supervised')!;
    expect(full.stop?.kind).toBe('pool');
    expect(full.labelled).toBe(full.added);
    const level = full.metrics.get('test auc')!;
    expect(summary.comparison.metrics['test auc'].fullySupervised).toBeCloseTo(level, 12);
    expect(summary.comparison.strategies).toEqual(['random']);
  });

  it('segmentation: the classifier selects, a U-Net learns the masks', async () => {
    const { rounds } = await grid({
      task: 'segmentation',
      strategies: ['entropy'],
      segmentation: { width: 0.05, epochs: 1, batch: 4 },
      stop: { rounds: 1 },
    });
    for (const { metrics } of rounds) expect(metrics.get('test segmentation dice')).toBeGreaterThanOrEqual(0);
  });

  it('regions predicted by a U-Net take the place of the experts in the criterion', async () => {
    const settings = { stop: { rounds: 1 }, segmentation: { width: 0.05, epochs: 1, batch: 4 } };
    const entries = ['manifest', 'predicted', 'none'].map((roi) => ({ strategy: 'xal', name: roi, roi, alpha: 0 }));
    const { out } = await grid({ ...settings, strategies: entries });
    const rankings = await Promise.all(
      entries.map(async ({ name }) => (await outcomeOf(join(out, name, 'seed-0'))).rankings),
    );
    const order = rankings.map((rows) => rows.map(([, , id]) => id));
    expect(order[0]).not.toEqual(order[1]);
    expect(order[1]).not.toEqual(order[2]);
    expect(existsSync(join(out, 'predicted', 'seed-0', 'rounds', '01', 'regions', 'model.onnx'))).toBe(true);
  });

  it('switches the data set in mid-run', async () => {
    const other = await loopPhantoms(join(await temporaryFolder(), 'other'), 40);
    for (const labelled of ['keep', 'drop']) {
      const { out, rounds } = await grid({
        switch: { round: 2, data: other, labelled },
        stop: { rounds: 3 },
        allow_shared_patients: true,
      });
      expect(rounds.map((report) => report.labelled)).toEqual([8, 12, 16, 20]);
      const { answers } = await outcomeOf(join(out, 'random', 'seed-0'));
      const ids = answers.map(([, , id]) => id as string);
      expect(ids.slice(0, 12).some((id) => id.startsWith('second:'))).toBe(false);
      expect(ids.slice(12).every((id) => id.startsWith('second:'))).toBe(true);
    }
  });

  it('warm starts, noise, reversed selection and a growing batch are taken', async () => {
    const { rounds, out } = await grid({
      strategies: [
        { strategy: 'entropy', reverse: true },
        { strategy: 'entropy', name: 'diverse', diversity: { factor: 3 } },
      ],
      training: { epochs: 1, batch: 8, augmentation: 'none', start: 'warm' },
      batch: { first: 2, factor: 2, every: 1 },
      noise: { sigma: 0.05 },
      oracle: { kind: 'simulated', noise: 0.2, cost: 3 },
      stop: { rounds: 2 },
    });
    expect(rounds.map(({ added }) => added)).toEqual([8, 2, 4, 8, 2, 4]);
    expect(rounds.at(-1)!.cost).toBe(14 * 3);
    const { rankings } = await outcomeOf(join(out, 'entropy', 'seed-0'));
    const scores = rankings.filter(([round]) => round === 1).map(([, , , score]) => score as number);
    expect(scores).toEqual([...scores].sort((a, b) => a - b));
    const truth = await labelsOf(manifest);
    const { answers } = await outcomeOf(join(out, 'diverse', 'seed-0'));
    expect(answers.some(([, , id, label]) => truth.get(id as string) !== label)).toBe(true);
  });
});
