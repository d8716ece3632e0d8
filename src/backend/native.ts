import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { bind } from './binding.js';
import type { BackendStatus, Executor } from './executor.js';
import { arraysOf } from './reference.js';
import { uninitialised, type DType } from '../core/tensor.js';

/** The addon's calling convention, the same for every op: arrays by name, numbers by name; outputs are the caller's. */
type Kernel = (inputs: object, outputs: object, numbers: object) => Promise<void>;

/** A dense row-major value of a plan. */
export interface NodeValue {
  data: Float32Array | Int32Array | BigInt64Array | Uint8Array;
  dims: readonly number[];
}

/** A compiled graph as plain data: what a plan is made from. Values are named by their index. */
export interface PlanDescription {
  steps: readonly {
    op: string;
    /** Of the node, for messages. */
    name: string;
    /** Values; -1 = an optional one that is not given. */
    inputs: readonly number[];
    outputs: readonly number[];
    attributes: Readonly<Record<string, number | readonly number[]>>;
  }[];
  values: readonly {
    dims: readonly number[];
    /** Index into f32, i32, i64, u8. */
    kind: number;
    /** Index into: input array, output array, constants, arena. */
    place: number;
    /** Index of the array, or offset in bytes. */
    at: number;
  }[];
  /** Copied in. */
  constants: readonly { at: number; bytes: Uint8Array }[];
  constantBytes: number;
  arenaBytes: number;
}

/** A plan in the addon's memory; gone with its last reference. */
export type PlanHandle = object & { readonly __plan: never };

export interface Addon {
  kernels: Record<string, Kernel>;
  /** The instruction set in use: "avx512", "avx2" or "baseline". */
  cpuTarget(): string;
  /** Forces a lower one (tests). @throws when the CPU lacks it */
  setCpuTarget(name: string): void;
  /** Threads a kernel may use; returns the setting in force. */
  setThreads(count: number): number;
  /** Runs one op of a plan (native/plan.h) on the calling thread. Inputs that are not given are null. @throws Error */
  runNode(
    op: string,
    inputs: readonly (NodeValue | null)[],
    outputs: readonly NodeValue[],
    attributes: Readonly<Record<string, number | readonly number[]>>,
  ): void;
  /** @throws Error (an op without a kernel) */
  createPlan(description: PlanDescription): PlanHandle;
  /**
   * One run on a worker thread; arrays are used in place, those over shared memory too. The arena is taken at the first
   * run. Runs must not overlap.
   * @param threads at most; 0: the process's
   * @throws Error (arrays that do not fit); rejects with what failed, `code` "ARENA" where the arena could not be had
   */
  runPlan(
    plan: PlanHandle,
    inputs: readonly ArrayBufferView[],
    outputs: readonly ArrayBufferView[],
    threads: number,
  ): Promise<void>;
  /** Gives the arena back, at the end of a run that is under way. */
  closePlan(plan: PlanHandle): void;
  /** Milliseconds of each step, added up over all runs. */
  profilePlan(plan: PlanHandle): { runs: number; milliseconds: Float64Array };
  /** Ops that plans can hold, sorted. */
  nodeNames(): string[];
  /** Whether the system's loader finds a shared library (Linux; true elsewhere). */
  findsLibrary(name: string): boolean;
}

const root = new URL('../../', import.meta.url);
/** A local build first, then the one shipped with the package. */
const candidates = ['build/Release/sightline.node', `prebuilds/${process.platform}-${process.arch}/sightline.node`];

/** Loads the addon, or says why there is none and what to do. */
export function loadAddon(): Addon | BackendStatus {
  const failures: string[] = [];
  for (const candidate of candidates) {
    const file = fileURLToPath(new URL(candidate, root));
    if (!existsSync(file)) {
      failures.push(`${candidate} is not there`);
      continue;
    }
    try {
      return createRequire(import.meta.url)(file) as Addon;
    } catch (error) {
      failures.push(
        `${candidate} does not load: ${error instanceof Error ? error.message.split('\n', 1)[0] : String(error)}`,
      );
    }
  }
  return {
    name: 'native',
    available: false,
    note: `the C++ addon is missing (${failures.join('; ')}).`,
    remedy: 'Install a C++17 compiler, make and Python 3, then run "npm run build:native" in the package folder.',
  };
}

/** The C++ kernels, or why they cannot run here. @param threads that a kernel may use at most; default: the process's */
export function openNative(threads = 0): Executor | BackendStatus {
  const addon = loadAddon();
  if ('available' in addon) return addon;
  return {
    name: 'native',
    description: `C++, ${addon.cpuTarget()}, ${threads || addon.setThreads(0)} threads`,
    supports: (op) => (op.native && op.name in addon.kernels ? true : `the addon has no kernel "${op.name}"`),
    async run(op, inputs, given, _keep, into = {}) {
      const { dims, params, shapes } = bind(op, inputs, given);
      const outputs = Object.fromEntries(
        Object.entries(op.outputs).map(([name, { dtype }]) => [
          name,
          into[name] ?? uninitialised<DType>(dtype, shapes[name]),
        ]),
      );
      await addon.kernels[op.name](arraysOf(op, inputs), arraysOf(op, outputs), { ...dims, ...params, threads });
      return outputs;
    },
    close() {},
  };
}
