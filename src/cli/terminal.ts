import { SingleBar } from 'cli-progress';
import { SightlineError } from '../core/errors.js';
import type { ProgressEvent, ProgressListener } from '../core/progress.js';

/** Of a run that waits for a person: sysexits' EX_TEMPFAIL, "try again later". */
const pausedStatus = 75;

/** Prints an error the way users can act on, and ends the process with status 1; with 75 where a run waits for answers. */
export function fail(error: unknown, debug: boolean): never {
  if (error instanceof SightlineError) {
    process.stderr.write(`\nsightline: ${error.message} [${error.code}]\n`);
  } else {
    process.stderr.write(
      `\nsightline: unexpected failure: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    if (!debug) process.stderr.write('Run again with --debug for the stack; please report it.\n');
  }
  if (debug) process.stderr.write(`${inspectStack(error)}\n`);
  process.exit(error instanceof SightlineError && error.code === 'E_PAUSED' ? pausedStatus : 1);
}

function inspectStack(error: unknown): string {
  if (!(error instanceof Error)) return '';
  return `${error.stack ?? ''}${error.cause ? `\ncaused by: ${inspectStack(error.cause) || JSON.stringify(error.cause)}` : ''}`;
}

/** Output for people: progress on a terminal as a bar, elsewhere as a line every few seconds. */
export class Terminal {
  #bar: SingleBar | undefined;
  #stage = '';
  #lastLine = 0;

  constructor(private readonly quiet = false) {}

  readonly progress: ProgressListener = (event) => {
    if (this.quiet) return;
    if (process.stderr.isTTY) this.#drawBar(event);
    else this.#printLine(event);
  };

  readonly notice = (message: string): void => {
    if (!this.quiet) process.stderr.write(`note: ${message}\n`);
  };

  print(text = ''): void {
    this.endProgress();
    if (!this.quiet) process.stdout.write(`${text}\n`);
  }

  endProgress(): void {
    this.#bar?.stop();
    this.#bar = undefined;
    this.#stage = '';
  }

  #drawBar(event: ProgressEvent): void {
    const values = { rate: formatRate(event), left: formatDuration(event.secondsLeft), detail: formatDetail(event) };
    if (this.#stage !== event.stage) {
      this.endProgress();
      this.#stage = event.stage;
      this.#bar = new SingleBar({
        format: `${event.stage} {bar} {percentage}% | {value}/{total} | {rate} | {left} left{detail}`,
        barCompleteChar: '█',
        barIncompleteChar: '░',
        hideCursor: true,
      });
      this.#bar.start(event.total, event.done, values);
    }
    this.#bar?.update(event.done, values);
  }

  #printLine(event: ProgressEvent): void {
    const now = performance.now();
    const ended = event.done === event.total;
    if (event.stage === this.#stage && !ended && now - this.#lastLine < 5000) return;
    if (ended && event.stage === this.#stage && this.#lastLine === Infinity) return;
    this.#stage = event.stage;
    this.#lastLine = ended ? Infinity : now;
    const rest = event.rate > 0 ? ` | ${formatRate(event)} | ${formatDuration(event.secondsLeft)} left` : '';
    process.stderr.write(`${event.stage}: ${event.done}/${event.total}${rest}${formatDetail(event)}\n`);
  }
}

const formatDetail = ({ detail }: ProgressEvent): string => (detail ? ` | ${detail}` : '');

function formatRate({ rate, unit = 'images' }: ProgressEvent): string {
  return rate > 0 ? `${rate < 10 ? rate.toFixed(1) : Math.round(rate)} ${unit}/s` : '…';
}

/** 3725 → "1 h 02 min". */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '…';
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, '0')} s`;
  return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, '0')} min`;
}
