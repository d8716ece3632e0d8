import { loadAddon, type Addon, type PlanHandle } from '../../backend/native.js';
import { SightlineError } from '../../core/errors.js';
import { freeMemory } from '../../core/free_memory.js';
import { uninitialised, type Tensor } from '../../core/tensor.js';
import type { Graph } from '../../graph/ir.js';
import type { Session } from '../session.js';
import { compilePlan, type CompiledPlan, type PlanPort } from './plan.js';
import { Unplannable } from './steps.js';

/** Where the time of a plan's runs went. */
export interface PlanProfile {
  runs: number;
  /** Per op, most time first: nodes of that op, and their milliseconds per run. */
  ops: { op: string; nodes: number; milliseconds: number }[];
  /** Per node in the order in which they run: milliseconds per run. */
  nodes: { op: string; name: string; milliseconds: number }[];
}

/** A graph that the addon executes as one plan over one arena. */
export interface NativeSession extends Session {
  /** Bytes of the arena that holds all intermediate values; taken at the first run. */
  readonly bytes: number;
  /**
   * Runs the graph. Arrays are used in place, those over shared memory too. Calls wait for each other.
   * @param into tensors to write outputs to, by name; the others are new. They must share no memory with inputs or with
   *   each other, and must be left alone until the promise settles
   * @returns all outputs; booleans as u8
   * @throws SightlineError E_ARGUMENT (a missing input, overlapping memory), E_SHAPE, E_MEMORY, E_PROVIDER (a step failed;
   *   the message names its node)
   */
  run(
    inputs: Readonly<Record<string, Tensor>>,
    into?: Readonly<Record<string, Tensor>>,
  ): Promise<Record<string, Tensor>>;
  /** Means over all runs so far. */
  profile(): PlanProfile;
}

export interface NativeSessionOptions {
  /** Threads inside one run. Default: the process's (SIGHTLINE_THREADS, or the number of cores). */
  threads?: number;
}

/**
 * Why the addon cannot run a graph, for people; undefined where it can. The graph's inputs need fixed dims.
 */
export function nativeObstacle(graph: Graph): string | undefined {
  const addon = loadAddon();
  if ('available' in addon) return addon.note;
  const plan = planned(graph, addon);
  return typeof plan === 'string' ? plan : undefined;
}

/**
 * Plans a graph for the addon. Initializers are copied; the arena is taken at the first run.
 * @throws SightlineError E_OP_UNSUPPORTED (`nativeObstacle` says the same), E_BACKEND (there is no addon), E_MEMORY
 */
export async function openNativeSession(graph: Graph, options: NativeSessionOptions = {}): Promise<NativeSession> {
  const addon = loadAddon();
  if ('available' in addon) {
    throw new SightlineError('E_BACKEND', {
      where: 'native',
      what: addon.note.replace(/\.$/, ''),
      remedy: addon.remedy,
    });
  }
  const plan = planned(graph, addon);
  if (typeof plan === 'string') {
    throw new SightlineError('E_OP_UNSUPPORTED', {
      where: 'native runtime',
      what: plan,
      remedy: 'Use ONNX Runtime for this graph.',
    });
  }
  let handle: PlanHandle;
  try {
    handle = addon.createPlan(plan.description);
  } catch (error) {
    if (/memory/.test(String(error))) throw outOfMemory(plan.description.constantBytes, error);
    throw new SightlineError('E_INTERNAL', { where: 'native runtime', what: textOf(error), cause: error });
  }
  return new PlanSession(addon, plan, handle, options.threads ?? 0);
}

function planned(graph: Graph, addon: Addon): CompiledPlan | string {
  try {
    return compilePlan(graph, new Set(addon.nodeNames()));
  } catch (error) {
    if (error instanceof Unplannable) return error.message;
    throw error;
  }
}

/** Systems promise more memory than there is, and end a process that takes it: an arena beyond this share is refused. */
const mostOfFree = 0.8;

class PlanSession implements NativeSession {
  readonly runtime = 'native';
  readonly provider = 'cpu';
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly bytes: number;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;
  #begun = false;

  constructor(
    private readonly addon: Addon,
    private readonly plan: CompiledPlan,
    private readonly handle: PlanHandle,
    private readonly threads: number,
  ) {
    this.inputNames = plan.inputs.map(({ name }) => name);
    this.outputNames = plan.outputs.map(({ name }) => name);
    this.bytes = plan.description.arenaBytes;
  }

  async run(
    inputs: Readonly<Record<string, Tensor>>,
    into: Readonly<Record<string, Tensor>> = {},
  ): Promise<Record<string, Tensor>> {
    if (this.#closed)
      throw new SightlineError('E_ARGUMENT', { where: 'native runtime', what: 'the session is closed' });
    const unknown = Object.keys(into).find((name) => !this.outputNames.includes(name));
    if (unknown !== undefined) {
      throw new SightlineError('E_ARGUMENT', {
        where: unknown,
        what: `no such output; there are ${this.outputNames.join(', ')}`,
      });
    }
    if (!this.#begun && this.bytes > mostOfFree * freeMemory()) throw outOfMemory(this.bytes);
    this.#begun = true;
    const reads = this.plan.inputs.map((port) => fitting(port, inputs[port.name]));
    const writes = this.plan.outputs.map((port) =>
      into[port.name] ? fitting(port, into[port.name]) : uninitialised(port.dtype, port.dims),
    );
    checkApart(this.plan, reads, writes);
    const before = this.#last;
    const run = before.then(() =>
      this.addon.runPlan(
        this.handle,
        reads.map(({ data }) => data),
        writes.map(({ data }) => data),
        this.threads,
      ),
    );
    this.#last = run.catch(() => undefined);
    try {
      await run;
    } catch (error) {
      throw (error as { code?: string }).code === 'ARENA'
        ? outOfMemory(this.bytes, error)
        : new SightlineError('E_PROVIDER', { where: 'native runtime', what: textOf(error), cause: error });
    }
    return Object.fromEntries(writes.map((tensor, i) => [this.outputNames[i], tensor]));
  }

  profile(): PlanProfile {
    const { runs, milliseconds } = this.addon.profilePlan(this.handle);
    const nodes = this.plan.description.steps.map(({ op, name }, i) => ({
      op,
      name,
      milliseconds: milliseconds[i] / Math.max(runs, 1),
    }));
    const ops = new Map<string, PlanProfile['ops'][number]>();
    for (const { op, milliseconds: time } of nodes) {
      const entry = ops.get(op) ?? { op, nodes: 0, milliseconds: 0 };
      ops.set(op, { op, nodes: entry.nodes + 1, milliseconds: entry.milliseconds + time });
    }
    return { runs, ops: [...ops.values()].sort((a, b) => b.milliseconds - a.milliseconds), nodes };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    this.addon.closePlan(this.handle);
  }
}

/** @throws SightlineError E_ARGUMENT (not given), E_SHAPE */
function fitting({ name, dtype, dims }: PlanPort, tensor: Tensor | undefined): Tensor {
  if (!tensor) throw new SightlineError('E_ARGUMENT', { where: name, what: 'the graph needs this input' });
  if (tensor.dtype !== dtype || tensor.dims.join() !== dims.join()) {
    throw new SightlineError('E_SHAPE', {
      where: name,
      what: `expected ${dtype}[${dims.join(',')}], received ${tensor.dtype}[${tensor.dims.join(',')}]`,
    });
  }
  return tensor;
}

/** @throws SightlineError E_ARGUMENT: an output would be written over an input or another output */
function checkApart({ inputs, outputs }: CompiledPlan, reads: readonly Tensor[], writes: readonly Tensor[]): void {
  // By buffer, in order of addresses: plans have hundreds of arrays.
  const spans = new Map<ArrayBufferLike, { start: number; end: number; name: string; written: boolean }[]>();
  const add = ({ data }: Tensor, { name }: PlanPort, written: boolean) => {
    if (data.byteLength === 0) return;
    const list = spans.get(data.buffer) ?? [];
    list.push({ start: data.byteOffset, end: data.byteOffset + data.byteLength, name, written });
    spans.set(data.buffer, list);
  };
  reads.forEach((tensor, i) => add(tensor, inputs[i], false));
  writes.forEach((tensor, i) => add(tensor, outputs[i], true));
  for (const list of spans.values()) {
    list.sort((a, b) => a.start - b.start);
    let reached = list[0];
    let written: (typeof list)[number] | undefined;
    list.forEach((span, i) => {
      const over =
        i === 0
          ? undefined
          : span.written && reached.end > span.start
            ? reached
            : written && written.end > span.start
              ? written
              : undefined;
      if (over) {
        throw new SightlineError('E_ARGUMENT', { where: span.name, what: `its memory overlaps that of ${over.name}` });
      }
      if (span.end > reached.end) reached = span;
      if (span.written && span.end > (written?.end ?? 0)) written = span;
    });
  }
}

function outOfMemory(bytes: number, cause?: unknown): SightlineError {
  return new SightlineError('E_MEMORY', {
    where: 'native runtime',
    what: `${Math.ceil(bytes / 2 ** 20)} MiB for intermediate values cannot be had`,
    remedy: 'Use a smaller batch (gradients can be accumulated over more of them) or a smaller image size.',
    cause,
  });
}

function textOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\.+$/, '');
}
