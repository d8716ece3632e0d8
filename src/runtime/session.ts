import type { Tensor } from '../core/tensor.js';

export type Provider = 'cpu' | 'webgpu' | 'cuda' | 'dml' | 'coreml';

export interface SessionOptions {
  /** 'auto' = cpu, or webgpu when `hardwareGpu` says that one is there. */
  provider?: Provider | 'auto';
  /** Hint for 'auto'. */
  hardwareGpu?: boolean;
  /** Threads inside one run; default 1 per session… the engine decides. */
  threads?: number;
}

/** One loaded model. `run` blocks its thread: keep sessions in worker threads. */
export interface Session {
  readonly provider: Provider;
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(inputs: Record<string, Tensor>): Promise<Record<string, Tensor>>;
  close(): Promise<void>;
}

export async function openSession(_onnx: Uint8Array, _options: SessionOptions = {}): Promise<Session> {
  throw new Error('in progress');
}

export interface ProviderStatus {
  provider: Provider;
  available: boolean;
  /** Why not, or what is known about it. */
  note: string;
  remedy?: string;
}

/** What this machine and installation can run, for `doctor`. */
export function providerStatus(): ProviderStatus[] {
  throw new Error('in progress');
}
