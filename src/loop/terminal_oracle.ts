import { createInterface, type Interface } from 'node:readline/promises';
import { paused, readLabel, type AnswerListener, type Oracle, type OracleContext, type Query } from './oracle.js';

export interface TerminalOracleSettings {
  classes: readonly string[];
  /** Several labels a sample, separated by commas. Default false. */
  several?: boolean;
  /** Default stdin; a pipe will do. */
  input?: NodeJS.ReadableStream & { isTTY?: boolean };
  /** Default stderr, so that results on stdout stay clean. */
  output?: NodeJS.WritableStream & { isTTY?: boolean };
}

/** What a line that was typed means. */
type Command =
  | { kind: 'labels'; labels: string[] }
  | { kind: 'skip' | 'undo' | 'leave' | 'keep' }
  | { kind: 'unclear'; why: string };

/**
 * A person at the terminal, query by query: a class by number or name, `s` skips, `u` goes back to the last one (whose answer
 * stands until another is given), `q` leaves; so do the end of the input and Ctrl-C.
 */
export class TerminalOracle implements Oracle {
  readonly #classes: readonly string[];
  readonly #several: boolean;
  readonly #input: NonNullable<TerminalOracleSettings['input']>;
  readonly #output: NonNullable<TerminalOracleSettings['output']>;
  #lines: { reader: Interface; next: () => Promise<IteratorResult<string>> } | undefined;

  constructor({ classes, several = false, input = process.stdin, output = process.stderr }: TerminalOracleSettings) {
    this.#classes = classes;
    this.#several = several;
    this.#input = input;
    this.#output = output;
  }

  async ask(queries: readonly Query[], { round, signal }: OracleContext, onAnswers: AnswerListener): Promise<void> {
    const answers = new Map<string, string>();
    const stop = () => this.close();
    signal?.addEventListener('abort', stop);
    try {
      for (let i = 0; i < queries.length;) {
        const { id } = queries[i];
        this.#show(queries[i], `${i + 1}/${queries.length} · round ${round}`, answers.get(id));
        const command = await this.#read(answers.has(id), signal);
        if (command.kind === 'leave') {
          throw paused(
            `round ${round}`,
            queries.map((query) => query.id).filter((one) => !answers.has(one)),
            queries.length,
          );
        }
        if (command.kind === 'undo') i = Math.max(0, i - 1);
        else if (command.kind === 'keep') i++;
        else {
          const labels = command.kind === 'labels' ? command.labels : undefined;
          const label = labels?.join('|');
          await onAnswers([labels ? { id, label, labels, cost: 1 } : { id, cost: 1, skipped: true }]);
          answers.set(id, label ?? 'skipped');
          i++;
        }
      }
    } finally {
      signal?.removeEventListener('abort', stop);
      // Between rounds the terminal belongs to nobody, so that Ctrl-C ends training. A pipe is kept: lines read ahead would be lost.
      if (this.#input.isTTY) this.close();
    }
  }

  close(): void {
    this.#lines?.reader.close();
    this.#lines = undefined;
  }

  #show({ id, path, slice, rank, score, predicted, confidence, reason }: Query, place: string, earlier?: string): void {
    const facts = [
      predicted !== null && `predicted ${predicted}${confidence === null ? '' : ` (${confidence.toFixed(2)})`}`,
      `rank ${rank}${score === null ? '' : `, score ${score.toFixed(4)}`}`,
      reason,
      earlier !== undefined && `answered before: ${earlier} (Enter keeps it)`,
    ];
    const menu = this.#classes.map((name, k) => `${k + 1} ${name}`).join('   ');
    this.#output.write(
      `\n[${place}] ${id}\n  ${path}${slice === undefined ? '' : ` (slice ${slice})`}\n  ${facts.filter(Boolean).join(' · ')}\n` +
        `  ${menu}${this.#several ? '   (several: 1,2)' : ''}   s skip   u undo   q leave\n`,
    );
  }

  /** The next line that means something; an empty one keeps an answer that there is. */
  async #read(answered: boolean, signal: AbortSignal | undefined): Promise<Command> {
    for (;;) {
      if (signal?.aborted) return { kind: 'leave' };
      this.#lines ??= this.#open();
      const { reader, next } = this.#lines;
      reader.setPrompt('label> ');
      reader.prompt();
      const line = await next();
      if (line.done) return { kind: 'leave' };
      if (answered && line.value.trim() === '') return { kind: 'keep' };
      const command = this.#understand(line.value.trim());
      if (command.kind !== 'unclear') return command;
      this.#output.write(`  ${command.why}\n`);
    }
  }

  #open() {
    const reader = createInterface({
      input: this.#input,
      output: this.#output,
      terminal: Boolean(this.#input.isTTY && this.#output.isTTY),
    });
    // The iterator holds lines that come before they are asked for: a pipe's.
    const lines = reader[Symbol.asyncIterator]();
    reader.once('SIGINT', () => reader.close());
    return { reader, next: () => lines.next() as Promise<IteratorResult<string>> };
  }

  /** A class's name goes before a command of one letter. */
  #understand(line: string): Command {
    const classes = this.#classes;
    const parts = this.#several ? line.split(',') : [line];
    const names = parts.map((part) => (/^\d+$/.test(part.trim()) ? (classes[Number(part) - 1] ?? part) : part).trim());
    // A class that is a number itself is meant by it.
    const spelt = parts.map((part, i) => (classes.includes(part.trim()) ? part.trim() : names[i]));
    const read = readLabel(spelt.join('|'), classes, this.#several);
    if (line !== '' && 'labels' in read && read.labels.length) return { kind: 'labels', labels: read.labels };
    const command = ({ s: 'skip', u: 'undo', q: 'leave' } as const)[line.toLowerCase()];
    if (command) return { kind: command };
    const why = line === '' ? '' : 'problem' in read ? `${read.problem}. ` : '';
    return { kind: 'unclear', why: `${why}Type a number from 1 to ${classes.length}, a class, s, u or q.` };
  }
}
