import { expect, it } from 'vitest';
import { TrainingStore } from '../../src/store/training_store.js';
import type { HistorySink } from '../../src/training/history.js';
import { temporaryFolder } from '../support/files.js';

const iteration = (n: number, loss = 1 / n) => ({ iteration: n, epoch: 1, loss, alignment: null, learningRate: 0.1 });
const period = (n: number) => ({
  ...{ period: n, epoch: n, iteration: 10 * n, trainLoss: 0.5, learningRate: 0.1, imagesPerSecond: 12.5, seconds: 3 },
  validation: { loss: 0.4, accuracy: 0.9, auc: null, f1: 0.8, calibrationError: 0.1, dice: null },
  best: n === 1,
});

it('keeps history over restarts, forgets what a resumed run makes anew, and has NULL for what does not exist', async () => {
  const folder = await temporaryFolder();
  const store = await TrainingStore.open(folder);
  const sink: HistorySink = store;
  await sink.append([iteration(9), iteration(10, NaN)], [period(1)]);
  await sink.append([iteration(19), iteration(20)], [{ ...period(2), validation: null }]);
  await store.quarantine({ id: 'a', path: '/a.png', stage: 'decode', code: 'E_IMAGE_CORRUPT', message: 'cut short' });
  await store.quarantine({ id: 'a', path: '/a.png', stage: 'read', code: 'E_NOT_FOUND', message: "it's gone" });
  store.close();

  const again = await TrainingStore.open(folder);
  expect(await again.query('SELECT iteration, loss FROM iterations ORDER BY iteration')).toEqual([
    [9, 1 / 9],
    [10, null],
    [19, 1 / 19],
    [20, 1 / 20],
  ]);
  expect(await again.query('SELECT period, loss, auc, best FROM periods ORDER BY period')).toEqual([
    [1, 0.4, null, true],
    [2, null, null, false],
  ]);
  expect(await again.query('SELECT id, message FROM quarantine')).toEqual([['a', "it's gone"]]);
  await again.truncate(19, 1);
  expect(await again.query('SELECT max(iteration), (SELECT max(period) FROM periods) FROM iterations')).toEqual([
    [19, 1],
  ]);
  await again.clear();
  expect(await again.query('SELECT count(*) FROM quarantine')).toEqual([[0n]]);
  again.close();
});
