import { SightlineError } from '../core/errors.js';
import { coreCount } from '../core/worker_pool.js';
import type { ComputeOptions } from './options.js';
import type { PipelineWidth } from './pipeline.js';

const MiB = 2 ** 20;

/** What the process takes before any model: Node, DuckDB, codecs, per decode thread. Measured; see docs/performance.md. */
const baseMb = 320;
const perWorkerMb = 60;
/** ONNX Runtime keeps packed weights beside the originals, and its arena overshoots the live tensors. */
const weightCopies = 2;
const arenaFactor = 1.6;

export interface WorkSize {
  modelBytes: number;
  /** Largest set of activations alive at once, for a whole batch. */
  activationBytes: number;
  slotBytes: number;
  /** GPU providers: one session feeds the device. */
  singleSession: boolean;
}

/**
 * One model session per core with one thread each: nothing is shared, so throughput scales and a
 * sample's numbers cannot depend on the thread count. Fewer sessions, then fewer batches in flight,
 * when a memory ceiling is set; the cores left over become threads inside the sessions.
 * @throws SightlineError E_MEMORY when not even one session fits
 */
export function planWidth(
  work: WorkSize,
  options: Pick<ComputeOptions, 'workers' | 'limitMemory'>,
): PipelineWidth & { threads: number } {
  const cores = coreCount();
  let workers = options.workers ?? cores;
  let sessions = work.singleSession ? 1 : Math.min(cores, maxSessions);
  let slots = 2 * sessions + 1;
  const needMb = () =>
    baseMb +
    workers * perWorkerMb +
    (sessions * (weightCopies * work.modelBytes + arenaFactor * work.activationBytes) + slots * work.slotBytes) / MiB;
  const limit = options.limitMemory ?? Infinity;
  while (needMb() > limit) {
    if (sessions > 1) {
      sessions--;
      slots = 2 * sessions + 1;
    } else if (slots > 1) slots--;
    else if (workers > 1 && options.workers === undefined) workers--;
    else {
      throw new SightlineError('E_MEMORY', {
        where: 'limit-memory',
        what: `this model needs about ${Math.ceil(needMb())} MiB, the limit is ${limit}`,
        remedy: 'Raise --limit-memory, or lower --batch or --size.',
      });
    }
  }
  return { workers, sessions, slots, threads: Math.max(1, Math.floor(cores / sessions)) };
}

/** Beyond this many, sessions cost more memory than they bring speed; cores go into threads instead. */
const maxSessions = 16;
