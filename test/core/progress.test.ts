import { expect, it } from 'vitest';
import { ProgressMeter, type ProgressEvent } from '../../src/core/progress.js';

it('reports rate and time left over the recent past, not counting resumed work', () => {
  const events: ProgressEvent[] = [];
  let now = 0;
  const meter = new ProgressMeter(
    'scoring',
    100,
    (e) => events.push(e),
    40,
    () => now,
  );
  now = 10;
  meter.add(20);
  expect(events.at(-1)).toMatchObject({ done: 60, total: 100, rate: 2, secondsLeft: 20 });
  now = 100; // a long pause falls out of the window with the marks before it
  meter.add(10);
  now = 105;
  meter.add(10);
  expect(events.at(-1)).toMatchObject({ done: 80, rate: 2, secondsLeft: 10 });
});

it('knows no rate before anything is done', () => {
  const events: ProgressEvent[] = [];
  new ProgressMeter('scoring', 10, (e) => events.push(e));
  expect(events).toEqual([{ stage: 'scoring', done: 0, total: 10, rate: 0, secondsLeft: NaN }]);
});
