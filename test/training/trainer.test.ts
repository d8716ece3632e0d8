import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openBackend } from '../../src/backend/index.js';
import type { ProgressEvent } from '../../src/core/progress.js';
import { train } from '../../src/training/trainer.js';
import type { TrainerSettings } from '../../src/training/trainer_settings.js';
import type { OptimiserOptions } from '../../src/training/optimiser.js';
import { temporaryFolder } from '../support/files.js';
import { FakeSource, MemoryHistory, stepFactory, type Faults, type LogisticStep } from './trainer_fakes.js';

const backend = await openBackend({ prefer: 'reference', onNotice: () => {} });
const optimiser: Partial<OptimiserOptions> = {
  rule: 'adam',
  learningRate: { kind: 'cosine', rate: 0.05, steps: 40, warmUp: { steps: 3 } },
};

interface Given extends Partial<TrainerSettings> {
  out: string;
  faults?: Faults;
  count?: number;
  batch?: number;
  options?: Partial<OptimiserOptions>;
}

async function run({ faults = {}, count = 42, batch = 4, options = optimiser, ...given }: Given) {
  const { opened, openStep } = stepFactory(options, faults);
  const training = new FakeSource(count, batch, faults);
  const validation = new FakeSource(30, batch, {}, 2, 11);
  const history = (given.history ?? new MemoryHistory()) as MemoryHistory;
  const notices: string[] = [];
  const result = train({
    ...{ task: 'classification', loss: { kind: 'cross-entropy' }, epochs: 3, fingerprint: { seed: '1' } },
    ...{ training, validation, openStep, backend, logEvery: 1, onNotice: (text: string) => notices.push(text) },
    ...given,
    history,
  });
  try {
    const done = await result;
    return { ...done, opened, training, history, notices, weights: (done.step as LogisticStep).weights };
  } finally {
    expect([training.open, validation.open]).toEqual([0, 0]);
  }
}

const withoutTimes = <T extends object>(rows: readonly T[]) =>
  rows.map((row) => ({ ...row, seconds: 0, imagesPerSecond: 0 }));

class Killed extends Error {}

const killAt = (n: number): Faults => ({
  onBatch: (given) => {
    if (given === n) throw new Killed();
  },
});

describe('train', () => {
  it('learns, tells how it stands, and ends with the best weights', async () => {
    const out = await temporaryFolder();
    const events: ProgressEvent[] = [];
    const result = await run({ out, onProgress: (event) => events.push(event) });
    expect(result).toMatchObject({ ended: 'epochs', epochs: 3, iterations: 30, iterationsNow: 30, skipped: 0 });
    const [first, , last] = result.periods;
    expect(last.validation!.loss).toBeLessThan(first.validation!.loss!);
    expect(last.validation!.auc).toBeGreaterThan(0.8);
    expect(last.validation).toMatchObject({ dice: null });
    expect(result.best!.value).toBe(Math.max(...result.periods.map((row) => row.validation!.auc!)));
    expect(events.at(-1)).toMatchObject({ stage: 'training', done: 120, total: 120 });
    expect(events.at(-1)!.detail).toMatch(/^epoch 3 \| loss 0\.\d+ \| auc 0\.\d+ \(best 0\.\d+\)$/);
    const csv = (await readFile(join(out, 'history.csv'), 'utf8')).trim().split('\n');
    expect(csv).toHaveLength(4);
    expect(csv[0]).toMatch(/^epoch,iteration,train_loss,.*validation_calibration_error,validation_dice,best$/);
    expect((await readdir(out)).sort()).toEqual([
      'anchor.checkpoint',
      'best.checkpoint',
      'history.csv',
      'training.json',
    ]);
  });

  it('killed at any batch and resumed ends with the same weights and history, bit for bit', async () => {
    const plan = { accumulate: 3, validateEvery: 7, checkpointEvery: 5 };
    for (const checkpointSeconds of [0, 300]) {
      const whole = await run({ ...plan, checkpointSeconds, out: await temporaryFolder() });
      const killedAndResumed = async (at: number) => {
        const out = await temporaryFolder();
        const history = new MemoryHistory();
        await expect(run({ ...plan, checkpointSeconds, out, history, faults: killAt(at) })).rejects.toThrow(Killed);
        const resumed = await run({ ...plan, checkpointSeconds, out, history, resume: true });
        expect(resumed.weights).toEqual(whole.weights);
        expect(withoutTimes(resumed.periods)).toEqual(withoutTimes(whole.periods));
        expect(resumed.history.iterations).toEqual(whole.history.iterations);
        expect(withoutTimes(resumed.history.periods)).toEqual(withoutTimes(whole.history.periods));
      };
      // Side by side: most of a run's time is waiting for the disk.
      await Promise.all(Array.from({ length: 30 }, (_, at) => killedAndResumed(at)));
    }
  }, 60_000);

  it('killed while a file is written: what was written before counts', async () => {
    const whole = await run({ out: await temporaryFolder() });
    // The history fails at the n-th call, before the checkpoint that it belongs to.
    for (let at = 0; at < 3; at++) {
      const out = await temporaryFolder();
      const history = new MemoryHistory();
      const append = history.append.bind(history);
      let calls = 0;
      history.append = async (...rows) => {
        await append(...rows);
        if (calls++ === at) throw new Killed();
      };
      await expect(run({ out, history, checkpointSeconds: 300 })).rejects.toThrow(Killed);
      history.append = append;
      const resumed = await run({ out, history, resume: true });
      expect(resumed.weights).toEqual(whole.weights);
      expect(resumed.history.iterations).toEqual(whole.history.iterations);
      expect(resumed.history.periods.map((row) => row.period)).toEqual([1, 2, 3]);
    }
  });

  it('a finished run goes on with more epochs, and does nothing without', async () => {
    const out = await temporaryFolder();
    await run({ out, epochs: 1 });
    const again = await run({ out, epochs: 1, resume: true });
    expect(again).toMatchObject({ iterations: 10, iterationsNow: 0 });
    const longer = await run({ out, epochs: 3, resume: true });
    expect(longer.weights).toEqual((await run({ out: await temporaryFolder() })).weights);
  });

  it('refuses a folder that holds a run, and another run than the one resumed, by what differs', async () => {
    const out = await temporaryFolder();
    await run({ out, epochs: 1 });
    await expect(run({ out })).rejects.toMatchObject({ code: 'E_OUTPUT', remedy: expect.stringMatching(/--resume/) });
    const other = { seed: '2', samples: 'x' };
    await expect(run({ out, resume: true, fingerprint: other })).rejects.toMatchObject({
      code: 'E_RESUME_MISMATCH',
      what: expect.stringMatching(/another seed, samples$/),
    });
    expect(await run({ out, overwrite: true, fingerprint: other })).toMatchObject({ iterationsNow: 30 });
  });

  it('accumulates: k batches make the update of one k times as large', async () => {
    const options: Partial<OptimiserOptions> = { rule: 'sgd', learningRate: 0.5 };
    const settings = { options, count: 32, epochs: 1, faults: { dropout: 0 } };
    const twice = await run({ ...settings, out: await temporaryFolder(), batch: 4, accumulate: 2 });
    expect(twice.step.step).toBe(4);
    const large = await run({ ...settings, out: await temporaryFolder(), batch: 8 });
    twice.weights.forEach((weight, i) => expect(weight).toBeCloseTo(large.weights[i], 5));
    // 10 batches: three updates of three, and one of the batch that is left over.
    const rest = await run({ ...settings, count: 42, out: await temporaryFolder(), accumulate: 3 });
    expect(rest.step.step).toBe(4);
    const iterations = await run({ ...settings, out: await temporaryFolder(), epochs: undefined, iterations: 13 });
    expect(iterations).toMatchObject({ ended: 'iterations', epochs: 1, iterations: 13 });
    expect(iterations.periods.map(({ epoch, iteration }) => [epoch, iteration])).toEqual([
      [1, 8],
      [2, 13],
    ]);
  });

  it('stops early when nothing gets better, and keeps the best', async () => {
    const options: Partial<OptimiserOptions> = { rule: 'sgd', learningRate: 1e-12 };
    const earlyStopping = { patience: 2, minimumImprovement: 0.01 };
    const out = await temporaryFolder();
    const stopped = await run({ out, options, epochs: 50, watch: 'loss', earlyStopping });
    expect(stopped).toMatchObject({ ended: 'early-stopping', epochs: 3, best: { epoch: 1 } });
    expect(stopped.periods.map((row) => row.best)).toEqual([true, false, false]);
    expect(await run({ out, options, epochs: 50, watch: 'loss', earlyStopping, resume: true })).toMatchObject({
      ended: 'early-stopping',
      iterationsNow: 0,
    });
    const none = run({ out: await temporaryFolder(), validation: undefined, earlyStopping });
    await expect(none).rejects.toMatchObject({ code: 'E_ARGUMENT', where: 'earlyStopping' });
  });

  it('trains without validation: the last weights are the result', async () => {
    const result = await run({ out: await temporaryFolder(), validation: undefined });
    expect(result.best).toBeNull();
    expect(result.periods.every((row) => row.validation === null && !row.best)).toBe(true);
  });

  it('says so when the validation samples do not define the metric, once, and keeps the last weights', async () => {
    const validation = new FakeSource(1, 1, {}, 2, 11);
    const result = await run({ out: await temporaryFolder(), validation });
    expect(result.best).toBeNull();
    expect(result.notices).toEqual([expect.stringMatching(/do not define auc.*--watch loss/)]);
  });

  it('a run that failed before it began leaves nothing to resume or to overwrite', async () => {
    const out = await temporaryFolder();
    const openStep = () => Promise.reject(new Error('no such operator'));
    await expect(run({ out, openStep })).rejects.toThrow(/no such operator/);
    expect(await run({ out })).toMatchObject({ iterationsNow: 30 });
  });

  it('says what is wrong with its settings', async () => {
    const out = join(await temporaryFolder(), 'out');
    const refused = async (given: Partial<Given>, message: RegExp) =>
      expect(run({ out, ...given })).rejects.toThrow(message);
    await refused({ epochs: undefined }, /epochs: expected epochs or iterations/);
    await refused({ accumulate: 0 }, /accumulate: expected a whole number from 1/);
    await refused({ watch: 'dice' }, /watch: expected auc, accuracy, loss for classification/);
    await refused({ leastBatch: 2, batch: 1 }, /batch norm in training mode.*batch of 2 or more.*--batch-norm eval/);
    await refused({ count: 3 }, /there is not one full batch/);
  });
});

describe('setbacks', () => {
  it('leaves out batches whose loss is not finite', async () => {
    const nan = (draw: number) => draw === 4 || draw === 5;
    const result = await run({ out: await temporaryFolder(), faults: { nan } });
    expect(result).toMatchObject({ skipped: 2, recoveries: [] });
    expect(result.opened[0].step).toBeLessThanOrEqual(28);
    expect(result.history.iterations.filter((row) => Number.isNaN(row.loss)).map((row) => row.iteration)).toEqual([
      5, 6,
    ]);
  });

  it('goes back with half the learning rate, and on from there bit for bit when killed', async () => {
    // Diverges from batch 15 on, as long as nothing has brought it back to the end of the first epoch.
    const faults = () => {
      let seen = 0;
      return { nan: (draw: number) => draw >= 15 && draw < 18 && ++seen <= 3 };
    };
    const plan = { toleratedDivergence: 3, checkpointSeconds: 300 };
    const whole = await run({ ...plan, out: await temporaryFolder(), faults: faults() });
    expect(whole.recoveries).toEqual([{ iteration: 18, to: 10, rateFactor: 0.5 }]);
    expect(whole.notices.join()).toMatch(/going on from batch 10 with 0.5 × the learning rate/);
    expect(whole.history.iterations.map((row) => row.iteration)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect(whole.history.iterations[12].learningRate).toBeLessThan(0.025);
    for (const at of [16, 19, 25, 30]) {
      const out = await temporaryFolder();
      const bad = faults();
      await expect(run({ ...plan, out, faults: { ...bad, ...killAt(at) } })).rejects.toThrow(Killed);
      // Killed before it had gone back, it meets the same divergence again.
      const resumed = await run({ ...plan, out, resume: true, faults: at < 18 ? faults() : {} });
      expect(resumed.weights).toEqual(whole.weights);
      expect(resumed.recoveries).toEqual(whole.recoveries);
    }
  });

  it('gives up after its recoveries, and says where, with which losses, and what to try', async () => {
    const nan = (draw: number) => draw >= 12;
    const out = await temporaryFolder();
    const run_ = run({ out, faults: { nan }, toleratedDivergence: 3, recoveries: 1 });
    await expect(run_).rejects.toMatchObject({
      code: 'E_TRAINING',
      where: 'batch 15',
      what: expect.stringMatching(/3 updates in a row after 1 recovery, the last with 0.5 .* 0\.\d+, .*not finite$/),
      remedy: expect.stringMatching(/learning rate.*--clip-norm.*--mean and --std/),
    });
    expect(await readdir(out)).toContain('best.checkpoint');
  });

  it.each(['open', 'run'] as const)('cuts batches where memory runs short (%s), and says so', async (at) => {
    const out = await temporaryFolder();
    const small = await run({ out, batch: 8, count: 40, faults: { memory: { most: 2, at } } });
    expect(small.microBatch).toBe(2);
    expect(small.notices.join()).toMatch(/Memory ran short.*in 4 parts of 2.*batch norm/);
    expect(small.step.step).toBe(15);
    expect(small.opened.filter((step) => !step.closed)).toEqual([small.step]);
    const killed = await temporaryFolder();
    const faults: Faults = { memory: { most: 2, at }, ...killAt(9) };
    await expect(run({ out: killed, batch: 8, count: 40, faults })).rejects.toThrow(Killed);
    const resumed = await run({ out: killed, batch: 8, count: 40, resume: true, faults: { memory: { most: 2, at } } });
    expect(resumed.weights).toEqual(small.weights);
    expect(resumed.notices).toEqual([]);
    await expect(
      run({ out: await temporaryFolder(), batch: 8, leastBatch: 2, faults: { memory: { most: 1, at } } }),
    ).rejects.toMatchObject({ code: 'E_MEMORY', remedy: expect.stringMatching(/batch-norm eval/) });
  });
});
