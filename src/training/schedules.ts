import { expectArgument, SightlineError } from '../core/errors.js';

/**
 * A learning rate as a function of the step: plain data, so that it is stored with what it trained. `rate` is the base
 * rate (one-cycle: the peak), above 0. Steps count from 0, in whatever unit the caller counts them (updates, epochs).
 * `warmUp`: the rate climbs linearly from `from`·rate (default 0) over so many steps, then the schedule begins at its 0.
 */
export type Schedule = {
  rate: number;
  warmUp?: { steps: number; from?: number };
} & (
  | { kind: 'constant' }
  /** Half a cosine down to `final` (default 0) over `steps`, and `final` from there on. */
  | { kind: 'cosine'; steps: number; final?: number }
  /** Times `factor` every `every` steps. */
  | { kind: 'step'; every: number; factor: number }
  /** Times `factor` every step. */
  | { kind: 'exponential'; factor: number }
  /**
   * Up from rate/`startDivisor` (default 25) to rate over the share `rising` (default 0.3) of `steps`, down to
   * 1/`endDivisor` (default 10⁴) of where it began, along half cosines; stays there.
   */
  | { kind: 'one-cycle'; steps: number; rising?: number; startDivisor?: number; endDivisor?: number }
);

const fields = {
  constant: [],
  cosine: ['steps', 'final'],
  step: ['every', 'factor'],
  exponential: ['factor'],
  'one-cycle': ['steps', 'rising', 'startDivisor', 'endDivisor'],
} as const;

const whole = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 1;
const above = (value: unknown): boolean => Number.isFinite(value) && (value as number) > 0;
const share = (value: unknown): boolean => Number.isFinite(value) && (value as number) >= 0 && (value as number) <= 1;

/** @throws SightlineError E_ARGUMENT naming the field */
export function checkSchedule(schedule: Schedule): void {
  const kinds = Object.keys(fields);
  expectArgument(kinds.includes(schedule.kind), 'schedule.kind', kinds.join(', '), schedule.kind);
  const known: readonly string[] = ['kind', 'rate', 'warmUp', ...fields[schedule.kind]];
  for (const name of Object.keys(schedule)) {
    expectArgument(known.includes(name), `schedule "${schedule.kind}"`, known.join(', '), name);
  }
  const expects = (valid: boolean, name: string, expected: string, value: unknown) =>
    expectArgument(valid, `schedule.${name}`, expected, value);
  expects(above(schedule.rate), 'rate', 'a finite number above 0', schedule.rate);
  if (schedule.warmUp) {
    const { steps, from = 0 } = schedule.warmUp;
    expects(whole(steps), 'warmUp.steps', 'a whole number from 1', steps);
    expects(share(from), 'warmUp.from', 'a number from 0 to 1', from);
  }
  if ('steps' in schedule) {
    const least = schedule.kind === 'one-cycle' ? 2 : 1;
    const valid = whole(schedule.steps) && schedule.steps >= least;
    expects(valid, 'steps', `a whole number from ${least}`, schedule.steps);
  }
  if (schedule.kind === 'cosine') {
    const { final = 0, rate } = schedule;
    expects(final >= 0 && final <= rate, 'final', 'a number from 0 to the rate', final);
  }
  if (schedule.kind === 'step') expects(whole(schedule.every), 'every', 'a whole number from 1', schedule.every);
  if (schedule.kind === 'step' || schedule.kind === 'exponential') {
    expects(above(schedule.factor), 'factor', 'a finite number above 0', schedule.factor);
  }
  if (schedule.kind === 'one-cycle') {
    const { rising = 0.3, startDivisor = 25, endDivisor = 1e4 } = schedule;
    expects(share(rising), 'rising', 'a number from 0 to 1', rising);
    expects(above(startDivisor), 'startDivisor', 'a finite number above 0', startDivisor);
    expects(above(endDivisor), 'endDivisor', 'a finite number above 0', endDivisor);
  }
}

/**
 * The learning rate at a step, a pure function.
 * @param step a whole number from 0
 * @throws SightlineError E_ARGUMENT
 */
export function learningRateAt(schedule: Schedule, step: number): number {
  checkSchedule(schedule);
  expectArgument(Number.isSafeInteger(step) && step >= 0, 'step', 'a whole number from 0', step);
  const { warmUp, rate } = schedule;
  if (!warmUp) return scheduled(schedule, step);
  const { steps, from = 0 } = warmUp;
  return step < steps ? rate * (from + ((1 - from) * step) / steps) : scheduled(schedule, step - steps);
}

function scheduled(schedule: Schedule, step: number): number {
  const { rate } = schedule;
  switch (schedule.kind) {
    case 'constant':
      return rate;
    case 'cosine':
      return cosine(rate, schedule.final ?? 0, step / schedule.steps);
    case 'step':
      return rate * schedule.factor ** Math.floor(step / schedule.every);
    case 'exponential':
      return rate * schedule.factor ** step;
    case 'one-cycle': {
      const { steps, rising = 0.3, startDivisor = 25, endDivisor = 1e4 } = schedule;
      const start = rate / startDivisor;
      // As torch.optim.lr_scheduler.OneCycleLR: the peak may lie between two steps.
      const peak = rising * steps - 1;
      const last = steps - 1;
      if (peak > 0 && step <= peak) return cosine(start, rate, step / peak);
      return peak < last ? cosine(rate, start / endDivisor, (step - peak) / (last - peak)) : start / endDivisor;
    }
    default:
      throw new SightlineError('E_INTERNAL', { what: `unknown schedule ${JSON.stringify(schedule)}` });
  }
}

/** From one value to another along half a cosine; `progress` from 0 to 1, beyond: the other. */
function cosine(from: number, to: number, progress: number): number {
  return progress >= 1 ? to : to + ((from - to) * (1 + Math.cos(Math.PI * Math.max(progress, 0)))) / 2;
}
