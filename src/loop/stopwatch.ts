/**
 * Where the time goes: each moment belongs to the innermost activity that is under way. `take` hands over what has passed since
 * the last call, by activity.
 */
export class Stopwatch {
  readonly #open: string[] = [];
  #times = new Map<string, number>();
  #since: number;

  constructor(private readonly clock: () => number = () => performance.now() / 1000) {
    this.#since = clock();
  }

  /** Times `body` as `activity`; what it times itself does not count for it. One after another, or one inside another. */
  async during<T>(activity: string, body: () => Promise<T>): Promise<T> {
    this.#book();
    this.#open.push(activity);
    try {
      return await body();
    } finally {
      this.#book();
      this.#open.pop();
    }
  }

  /** Seconds since the last call, by activity; what is under way goes on. */
  take(): Map<string, number> {
    this.#book();
    const times = this.#times;
    this.#times = new Map();
    return times;
  }

  #book(): void {
    const now = this.clock();
    const activity = this.#open.at(-1);
    if (activity !== undefined) this.#times.set(activity, (this.#times.get(activity) ?? 0) + now - this.#since);
    this.#since = now;
  }
}

/** Activities that are the round's work; everything else is what the loop itself costs. Waiting for an oracle is neither. */
export const working: ReadonlySet<string> = new Set(['training', 'scoring', 'preparing', 'evaluating']);
export const waiting = 'asking';

/** Part of a round's time, without waiting, that is not its work, in [0, 1]; NaN of no time. */
export function overheadShare(times: ReadonlyMap<string, number>): number {
  let [work, rest] = [0, 0];
  for (const [activity, seconds] of times) {
    if (working.has(activity)) work += seconds;
    else if (activity !== waiting) rest += seconds;
  }
  return rest / (work + rest);
}
