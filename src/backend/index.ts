import { SightlineError } from '../core/errors.js';
import type { DType, Tensor } from '../core/tensor.js';
import { isOnDevice, type BackendName, type BackendStatus, type DeviceTensor, type Executor } from './executor.js';
import { bind, checkTargets, type Bound } from './binding.js';
import { openNative } from './native.js';
import type { Op, Params, Specs } from './op.js';
import { referenceExecutor } from './reference.js';
import { openWebgpu } from './webgpu.js';

export type { BackendName, BackendStatus, DeviceTensor } from './executor.js';
export { isOnDevice } from './executor.js';
export { defineOp, spec, type Op, type TensorSpec } from './op.js';

type InputsOf<I extends Specs> = { readonly [K in keyof I]: Tensor<I[K]['dtype']> | DeviceTensor<I[K]['dtype']> };
type OutputsOf<O extends Specs, Keep extends keyof O> = {
  readonly [K in keyof O]: K extends Keep ? Tensor<O[K]['dtype']> | DeviceTensor<O[K]['dtype']> : Tensor<O[K]['dtype']>;
};

/** Which backend runs, and why: part of every result's metadata. */
export interface BackendInfo {
  name: BackendName;
  /** Adapter, CPU target … */
  description: string;
  reason: string;
}

/** Below this many bytes a hop to the GPU costs more than the work: measured on PCIe adapters. */
const worthTransferBytes = 1 << 20;

/**
 * Where kernels run. `auto` may hold two executors: the GPU for batches worth the transfer and C++ for
 * the rest; a forced backend holds one, and an op that it cannot run is an error.
 */
export class Backend {
  constructor(
    readonly info: BackendInfo,
    /** In order of preference. */
    private readonly executors: readonly Executor[],
    private readonly forced: boolean,
  ) {}

  /** True, or why this backend cannot run `op`. */
  supports(op: Op): true | string {
    const reasons = this.executors.map((executor) => executor.supports(op));
    return reasons.includes(true) ? true : reasons.join('; ');
  }

  /**
   * Runs a kernel.
   * @param options.keep outputs that may stay on the device, as inputs of a next kernel
   * @param options.into tensors that outputs are written to rather than to new ones; an input's own where the op allows
   * @throws SightlineError E_SHAPE, E_ARGUMENT (bad call), E_BACKEND (cannot run, or the device failed)
   */
  async run<I extends Specs, P extends Params, O extends Specs, const Keep extends keyof O & string = never>(
    op: Op<I, P, O>,
    inputs: InputsOf<I>,
    params: Partial<P> = {},
    options: { keep?: readonly Keep[]; into?: { readonly [K in keyof O]?: Tensor<O[K]['dtype']> } } = {},
  ): Promise<OutputsOf<O, Keep>> {
    const anyOp = op as unknown as Op;
    const bound = bind(anyOp, inputs, params);
    const into = (options.into ?? {}) as Record<string, Tensor>;
    checkTargets(anyOp, inputs, into, bound.shapes);
    const executor = this.#choose(anyOp, inputs, bound);
    const outputs = await executor.run(anyOp, inputs, params, options.keep ?? [], into);
    for (const [name, target] of Object.entries(into)) {
      const made = outputs[name];
      if (made === target || isOnDevice(made)) continue;
      (target.data as Float32Array).set(made.data as Float32Array);
      outputs[name] = target;
    }
    return outputs as OutputsOf<O, Keep>;
  }

  close(): void {
    for (const executor of this.executors) executor.close();
  }

  #choose(op: Op, inputs: Readonly<Record<string, Tensor | DeviceTensor>>, call: Bound): Executor {
    const answers = this.executors.map((executor) => [executor, executor.supports(op, call)] as const);
    const able = answers.filter(([, answer]) => answer === true).map(([executor]) => executor);
    if (!able.length) {
      throw new SightlineError('E_BACKEND', {
        where: op.name,
        what: `the ${this.info.name} backend cannot run it: ${answers.map(([, reason]) => reason).join('; ')}`,
        remedy: 'Choose --backend auto or native.',
      });
    }
    const gpu = able.find(({ name }) => name === 'webgpu');
    const tensors = Object.values(inputs);
    if (!gpu || this.forced || tensors.some(isOnDevice)) return gpu ?? able[0];
    const bytes = tensors.reduce((sum, t) => sum + (isOnDevice(t) ? 0 : t.data.byteLength), 0);
    return bytes >= worthTransferBytes ? gpu : (able.find(({ name }) => name !== 'webgpu') ?? gpu);
  }
}

export interface BackendOptions {
  /** Default: the environment variable SIGHTLINE_BACKEND, else auto. */
  prefer?: BackendName | 'auto';
  /** Threads that a C++ kernel may use: 1 where as many workers as cores compute side by side. Default: all cores. */
  threads?: number;
  onNotice?: (message: string) => void;
}

/**
 * Opens the backend for this thread. auto: WebGPU when a hardware adapter is there, with C++ beside it
 * for small batches; C++ otherwise; the reference only when no addon loads, with one warning.
 * @throws SightlineError E_BACKEND when a forced backend cannot run here, E_ARGUMENT for an unknown name
 */
export async function openBackend(options: BackendOptions = {}): Promise<Backend> {
  const choice =
    options.prefer && options.prefer !== 'auto' ? options.prefer : (process.env.SIGHTLINE_BACKEND ?? 'auto');
  switch (choice) {
    case 'reference':
      return alone(referenceExecutor, 'asked for');
    case 'native':
      return alone(required(openNative(options.threads), 'native'), 'asked for');
    case 'webgpu':
      return alone(required(await openWebgpu(), 'webgpu'), 'asked for');
    case 'auto':
      return automatic(options);
    default:
      throw new SightlineError('E_ARGUMENT', {
        where: options.prefer === choice ? 'backend' : 'SIGHTLINE_BACKEND',
        what: `unknown backend "${choice}"`,
        remedy: 'Choose auto, webgpu, native or reference.',
      });
  }
}

/**
 * The processor alone, for work that a GPU cannot do or should not wait for (decoding, forests): C++, or the reference where
 * no addon loads, with one warning, or where SIGHTLINE_BACKEND asks for it.
 */
export function openCpuBackend({ threads, onNotice }: Omit<BackendOptions, 'prefer'> = {}): Backend {
  if (process.env.SIGHTLINE_BACKEND === 'reference') return alone(referenceExecutor, 'asked for');
  const native = openNative(threads);
  return isStatus(native) ? slowReference(native, onNotice) : alone(native, 'addon loaded');
}

function slowReference({ note, remedy }: BackendStatus, onNotice: BackendOptions['onNotice']): Backend {
  const why = `${note} ${remedy ?? ''}`.trim();
  warnOnce(`kernels run on the slow reference backend: ${why}`, onNotice);
  return alone(referenceExecutor, why);
}

async function automatic({ onNotice, threads }: BackendOptions): Promise<Backend> {
  const native = openNative(threads);
  const gpu = await openWebgpu({ hardwareOnly: true });
  const usable = [gpu, native].filter((e): e is Executor => !isStatus(e));
  if (usable.length) {
    const [first] = usable;
    const reason =
      first.name === 'webgpu' ? 'hardware adapter found' : isStatus(gpu) ? `no GPU: ${gpu.note}` : 'addon loaded';
    return new Backend({ name: first.name, description: first.description, reason }, usable, false);
  }
  return slowReference(native as BackendStatus, onNotice);
}

/** Every backend with what is known of it on this machine. */
export async function backendStatus(): Promise<BackendStatus[]> {
  const opened = [await openWebgpu(), openNative()] as const;
  const names = ['webgpu', 'native'] as const;
  const found = opened.map((e, i): BackendStatus => {
    if (isStatus(e)) return e;
    const status = { name: names[i], available: true, note: e.description };
    e.close();
    return status;
  });
  return [...found, { name: 'reference', available: true, note: referenceExecutor.description }];
}

function alone(executor: Executor, reason: string): Backend {
  return new Backend({ name: executor.name, description: executor.description, reason }, [executor], true);
}

function required(opened: Executor | BackendStatus, name: BackendName): Executor {
  if (!isStatus(opened)) return opened;
  throw new SightlineError('E_BACKEND', {
    where: `backend ${name}`,
    what: opened.note.replace(/\.$/, ''),
    remedy: opened.remedy,
  });
}

function isStatus(opened: Executor | BackendStatus): opened is BackendStatus {
  return 'available' in opened;
}

let warned = false;
function warnOnce(message: string, onNotice: BackendOptions['onNotice']): void {
  if (warned) return;
  warned = true;
  if (onNotice) onNotice(message);
  else process.emitWarning(message, 'SightlineWarning');
}

export type { DType };
