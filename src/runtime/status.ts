import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { compiledFile } from '../core/files.js';
import { providers, type ProviderName, type ProviderStatus } from './session.js';

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
 * Every provider, and what to do for those that do not run. Each is tried on a tiny graph in a process of its own:
 * a driver that crashes, or that fills the terminal with warnings, does so there.
 */
export function providerStatus(): Promise<ProviderStatus[]> {
  return Promise.all(providers.map(tryProvider));
}

async function tryProvider(provider: ProviderName): Promise<ProviderStatus> {
  const script = compiledFile('runtime/probe_provider');
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [script, provider], { timeout: patienceMs });
    const { note, available } = JSON.parse(stdout) as { note: string; available: boolean };
    return { provider, available, note, remedy: available ? undefined : remedies[provider] };
  } catch (error) {
    const { signal, code } = error as { signal?: string; code?: number };
    const note = `it ended the process that tried it (${signal ?? `status ${code}`})`;
    return { provider, available: false, note, remedy: 'Update the driver.' };
  }
}
