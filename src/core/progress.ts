/** A point in a long piece of work. */
export interface ProgressEvent {
  /** What is being done: "scoring", "drawing overlays" … */
  stage: string;
  /** Items finished, those of an earlier, resumed run included. */
  done: number;
  total: number;
  /** What the items are. Default images. */
  unit?: string;
  /** How it stands, for people: "loss 0.412 | auc 0.87". */
  detail?: string;
  /** Items per second over the last half minute; 0 while unknown. */
  rate: number;
  /** Seconds left at that rate; NaN while unknown. */
  secondsLeft: number;
}

export type ProgressListener = (event: ProgressEvent) => void;

/** Turns "n more items are done" into events with rate and time left. */
export class ProgressMeter {
  readonly #start: number;
  #done: number;
  /** Recent (seconds, done) marks: the rate is taken over this window so that it follows the present speed. */
  #marks: { at: number; done: number }[];

  constructor(
    readonly stage: string,
    readonly total: number,
    private readonly listener: ProgressListener | undefined,
    alreadyDone = 0,
    private readonly clock: () => number = () => performance.now() / 1000,
    private readonly unit?: string,
  ) {
    this.#start = alreadyDone;
    this.#done = alreadyDone;
    this.#marks = [{ at: clock(), done: alreadyDone }];
    this.#emit(0);
  }

  /** `count` more items are finished. @param detail see ProgressEvent */
  add(count: number, detail?: string): void {
    this.#done += count;
    const now = this.clock();
    this.#marks.push({ at: now, done: this.#done });
    while (this.#marks.length > 2 && now - this.#marks[0].at > windowSeconds) this.#marks.shift();
    const first = this.#marks[0];
    this.#emit(now > first.at && this.#done > this.#start ? (this.#done - first.done) / (now - first.at) : 0, detail);
  }

  #emit(rate: number, detail?: string): void {
    const secondsLeft = rate > 0 ? (this.total - this.#done) / rate : Number.NaN;
    this.listener?.({
      stage: this.stage,
      done: this.#done,
      total: this.total,
      rate,
      secondsLeft,
      ...(this.unit && { unit: this.unit }),
      ...(detail && { detail }),
    });
  }
}

const windowSeconds = 30;
