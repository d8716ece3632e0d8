import './privacy.js';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Transferable } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { SightlineError, type ErrorData } from './errors.js';
import { compiledFile } from './files.js';

/** What a worker sends back: a value, or an error in plain data (classes do not survive the thread boundary). */
type Envelope<R> = { value: R } | { error: ErrorData };

/** What a thread is opened with. */
interface ThreadData {
  /** Counts threads that have loaded their file. */
  loaded: Int32Array<SharedArrayBuffer>;
  data: unknown;
}

/** Wraps a worker's task function so that its SightlineErrors arrive whole in the calling thread. */
export function workerTask<T, R>(task: (input: T) => Promise<R> | R): (input: T) => Promise<Envelope<R>> {
  // The file is loaded, with everything that it imports, when the call stack that loads it has come to its end.
  if (Piscina.isWorkerThread) setImmediate(() => Atomics.add((Piscina.workerData as ThreadData).loaded, 0, 1));
  return async (input) => {
    try {
      return { value: await task(input) };
    } catch (error) {
      return { error: SightlineError.from(error, 'E_INTERNAL').toData() };
    }
  };
}

/** The `workerData` that the pool was opened with, as seen inside a worker. */
export function workerData<D>(): D {
  return (Piscina.workerData as ThreadData).data as D;
}

/**
 * A piscina pool over one worker file.
 * @param entry path below src/ without extension, e.g. "data/decode_worker"; its default export is `workerTask(...)`
 */
export class WorkerPool<T, R> {
  readonly #piscina: Piscina<T, Envelope<R>>;
  readonly #running = new Set<Promise<unknown>>();
  readonly #loaded = new Int32Array(new SharedArrayBuffer(4));
  #closed = false;
  readonly threads: number;

  constructor(entry: string, options: { threads: number; data?: unknown }) {
    this.threads = options.threads;
    this.#piscina = new Piscina<T, Envelope<R>>({
      filename: compiledFile(entry),
      minThreads: options.threads,
      maxThreads: options.threads,
      workerData: { loaded: this.#loaded, data: options.data } satisfies ThreadData,
      // Workers hold native runtimes with callbacks of their own: their event loop must stay free.
      atomics: 'disabled',
    });
  }

  /**
   * Runs one task on the next free worker.
   * @param transfer what the worker takes over: message ports
   * @throws SightlineError as the worker threw it.
   */
  async run(task: T, transfer: readonly Transferable[] = []): Promise<R> {
    let envelope: Envelope<R>;
    if (this.#closed) throw new SightlineError('E_INTERNAL', { what: 'the worker pool is closed' });
    const running = this.#piscina.run(task, transfer.length ? { transferList: [...transfer] } : undefined);
    this.#running.add(running);
    try {
      envelope = await running;
    } catch (error) {
      throw new SightlineError('E_INTERNAL', {
        what: `a worker thread died: ${error instanceof Error ? error.message : String(error)}`,
        remedy: 'Run again with --resume.',
        cause: error,
      });
    } finally {
      this.#running.delete(running);
    }
    if ('error' in envelope) throw SightlineError.fromData(envelope.error);
    return envelope.value;
  }

  /**
   * Ends the threads once they have loaded their file and the tasks under way have ended: a thread torn down while it loads,
   * or while a native runtime works in it, would take the whole process along.
   */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#running);
    // A thread that cannot load its file never counts: its task has failed by then, or nobody has asked it for one.
    for (let waited = 0; Atomics.load(this.#loaded, 0) < this.threads && waited < longestLoad; waited += loadPoll) {
      await sleep(loadPoll);
    }
    await this.#piscina.destroy();
  }
}

/** Milliseconds. */
const [loadPoll, longestLoad] = [5, 20_000];

/** Number of CPU cores this process may use. */
export function coreCount(): number {
  return availableParallelism();
}
