import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { compiledFile } from '../core/files.js';
import { providers, tfjsBackends, type ProviderName, type ProviderStatus, type RuntimeName } from './session.js';

const remedies: Partial<Record<ProviderName, string>> = {
  cpu: 'Reinstall onnxruntime-node.',
  webgpu: 'Needs a GPU with a current driver: Vulkan on Linux, Metal on macOS, D3D12 on Windows.',
  cuda: 'Needs an NVIDIA GPU with CUDA 12 and cuDNN 9, and onnxruntime-node installed with its CUDA libraries (leave out onnxruntime-node-install=skip).',
  dml: 'Windows only.',
  coreml: 'macOS only.',
};

/** Longest a provider may take to start: the first use of a GPU compiles its shaders. */
const patienceMs = 60_000;

/**
 * Every provider of every runtime, and what to do for those that do not run. Each is tried on a tiny graph in a process
 * of its own: a driver that crashes, or that fills the terminal with warnings, does so there.
 */
export function providerStatus(): Promise<ProviderStatus[]> {
  return Promise.all([
    ...providers.map((provider) => tryProvider('onnxruntime', provider)),
    ...tfjsBackends.map((backend) => tryProvider('tfjs', backend)),
  ]);
}

async function tryProvider(runtime: RuntimeName, provider: ProviderName): Promise<ProviderStatus> {
  const script = compiledFile('runtime/probe_provider');
  try {
    const run = promisify(execFile)(process.execPath, [script, runtime, provider], { timeout: patienceMs });
    const found = JSON.parse((await run).stdout) as { note: string; available: boolean; remedy?: string };
    const remedy = found.available ? undefined : (found.remedy ?? remedies[provider]);
    return { runtime, provider, available: found.available, note: found.note, remedy };
  } catch (error) {
    const { signal, code } = error as { signal?: string; code?: number };
    const note = `it ended the process that tried it (${signal ?? `status ${code}`})`;
    return { runtime, provider, available: false, note, remedy: 'Update the driver.' };
  }
}
