import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import type { KernelBackend } from '@tensorflow/tfjs-core';
import { openDevice } from '../../backend/webgpu_device.js';
import { SightlineError } from '../../core/errors.js';
import { tfjsBackends, type ProviderName, type TfjsBackend } from '../session.js';
import type { Tf } from './value.js';

/** TensorFlow.js with one of its backends started. */
export interface Library {
  tf: Tf;
  backend: TfjsBackend;
  /** What went wrong on the device since the last call, if anything did: a GPU reports later, and runs on. */
  problem(): string | undefined;
  /** Makes the backend the one that runs what follows: TensorFlow.js has a single one at a time, for all sessions. */
  select(): void;
}

const core = '@tensorflow/tfjs-core';
/** The native library comes as one of two packages, each with the whole of TensorFlow.js in it. */
const native = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];
const packagesOf: Record<TfjsBackend, readonly string[]> = {
  tensorflow: ['@tensorflow/tfjs-node'],
  webgpu: [core, '@tensorflow/tfjs-backend-webgpu', '@tensorflow/tfjs-backend-cpu'],
  wasm: [core, '@tensorflow/tfjs-backend-wasm'],
  cpu: [core, '@tensorflow/tfjs-backend-cpu'],
};

/** How to get what a backend needs. */
export function installCommand(backend: TfjsBackend): string {
  return `npm install ${packagesOf[backend].map((name) => `${name}@^4.22.0`).join(' ')}`;
}

const require = createRequire(import.meta.url);

function isInstalled(name: string): boolean {
  try {
    require.resolve(name);
    return true;
  } catch {
    return false;
  }
}

function missing(backend: TfjsBackend): boolean {
  return backend === 'tensorflow' ? !native.some(isInstalled) : !packagesOf[backend].every(isInstalled);
}

/**
 * The backend that `provider` names, or the best one installed: the native library, else wasm, else plain JavaScript.
 * WebGPU only when asked for, as with ONNX Runtime. Nothing is loaded.
 * @throws SightlineError E_ARGUMENT (no backend of TensorFlow.js), E_PROVIDER (not installed)
 */
export function chooseBackend(provider: ProviderName | 'auto' = 'auto'): TfjsBackend {
  if (provider === 'auto') {
    const best = (['tensorflow', 'wasm', 'cpu'] as const).find((backend) => !missing(backend));
    if (best) return best;
    throw notInstalled('wasm');
  }
  const backend = tfjsBackends.find((name) => name === provider);
  if (!backend) {
    throw new SightlineError('E_ARGUMENT', {
      where: 'provider',
      what: `TensorFlow.js has no "${provider}" backend`,
      remedy: `Choose ${tfjsBackends.join(', ')} or auto.`,
    });
  }
  if (missing(backend)) throw notInstalled(backend);
  return backend;
}

function notInstalled(backend: TfjsBackend): SightlineError {
  return new SightlineError('E_PROVIDER', {
    where: `TensorFlow.js, ${backend} backend`,
    what: 'it is not installed',
    remedy: `Run: ${installCommand(backend)}`,
  });
}

const open = new Map<TfjsBackend, Promise<Library>>();

/**
 * Loads TensorFlow.js and starts a backend, once per thread.
 * @throws SightlineError E_PROVIDER when it is not installed or cannot run here
 */
export async function openLibrary(provider?: ProviderName | 'auto'): Promise<Library> {
  const backend = chooseBackend(provider);
  const started = open.get(backend) ?? start(backend);
  open.set(backend, started);
  try {
    return await started;
  } catch (error) {
    open.delete(backend);
    throw SightlineError.from(error, 'E_PROVIDER', {
      where: `TensorFlow.js, ${backend} backend`,
      remedy: 'Use --runtime onnxruntime; "sightline doctor" lists what is available.',
    });
  }
}

async function start(backend: TfjsBackend): Promise<Library> {
  const tf = await starters[backend]();
  if (!(await tf.setBackend(backend))) throw new Error('it does not start');
  await tf.ready();
  return {
    tf,
    backend,
    select: () => void (tf.getBackend() === backend || tf.setBackend(backend)),
    problem: () => (backend === 'webgpu' ? deviceErrors.splice(0)[0] : undefined),
  };
}

const starters: Record<TfjsBackend, () => Promise<Tf>> = {
  tensorflow: async () => {
    const name = native.find(isInstalled) as string;
    return unwrapped((await import(name)) as { default?: Tf } & Tf);
  },
  webgpu: async () => {
    const tf = await importCore();
    // Kernels that the GPU lacks are forwarded to plain JavaScript.
    await import('@tensorflow/tfjs-backend-cpu');
    await registerWebgpu(tf);
    return tf;
  },
  wasm: async () => {
    const tf = await importCore();
    const wasm = await import('@tensorflow/tfjs-backend-wasm');
    wasm.setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + sep);
    return tf;
  },
  cpu: async () => {
    const tf = await importCore();
    await import('@tensorflow/tfjs-backend-cpu');
    return tf;
  },
};

async function importCore(): Promise<Tf> {
  const tf = unwrapped((await import('@tensorflow/tfjs-core')) as { default?: Tf } & Tf);
  // Else it advertises its native package on the terminal.
  tf.env().set('PROD', true);
  return tf;
}

/** CommonJS packages come with their exports under `default` as well. */
function unwrapped(module: { default?: Tf } & Tf): Tf {
  return module.default ?? module;
}

/** The WebGPU backend on Dawn's device: it wants a browser's navigator, though only while it is made. */
async function registerWebgpu(tf: Tf): Promise<void> {
  const module = (await import('@tensorflow/tfjs-backend-webgpu')) as unknown as WebgpuModule;
  const { WebGPUBackend } = module.default ?? module;
  const opened = await openDevice();
  if (!('device' in opened)) throw new SightlineError('E_PROVIDER', { what: opened.note, remedy: opened.remedy });
  const { gpu, device } = opened;
  const info = (await gpu.requestAdapter())?.info;
  const restore = defined('navigator', { gpu, userAgent: 'node', hardwareConcurrency: 1 });
  try {
    const backend = new WebGPUBackend(device, info);
    held.add(gpu);
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      deviceErrors.push(event.error.message.split('\n', 1)[0]);
    });
    void device.lost.then(({ message, reason }) => deviceErrors.push(`the device was lost (${message || reason})`));
    tf.registerBackend('webgpu', () => backend, 0);
  } finally {
    restore();
  }
}

/** What the WebGPU device complained about. */
const deviceErrors: string[] = [];

/** Dawn frees its instance, and with it the device, when this is collected. */
const held = new Set<GPU>();

interface WebgpuModule {
  WebGPUBackend: new (device: GPUDevice, info?: GPUAdapterInfo) => KernelBackend;
  default?: WebgpuModule;
}

/** Defines a global for a while. @returns what puts things back */
function defined(name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  return () => {
    if (before) Object.defineProperty(globalThis, name, before);
    else Reflect.deleteProperty(globalThis, name);
  };
}
