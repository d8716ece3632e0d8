import type { Tensor } from '../core/tensor.js';

/** Execution providers, by ONNX Runtime's names. */
export const providers = ['cpu', 'webgpu', 'cuda', 'dml', 'coreml'] as const;
export type ProviderName = (typeof providers)[number];

export interface SessionOptions {
  /** Default auto: the CPU, which is there on every machine and gives the same numbers on all of them. */
  provider?: ProviderName | 'auto';
  /** Threads inside one run; default 1 (the engine runs one session per core). */
  threads?: number;
}

/** One loaded model. `run` blocks its thread: keep sessions in worker threads. */
export interface Session {
  readonly provider: ProviderName;
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * Runs the graph. Inputs may be views of shared memory: they are copied once.
   * @throws SightlineError E_SHAPE when inputs do not fit, E_PROVIDER when the device fails
   */
  run(inputs: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
  close(): Promise<void>;
}

/** What this machine and installation can run, for `doctor`. */
export interface ProviderStatus {
  provider: ProviderName;
  available: boolean;
  note: string;
  remedy?: string;
}
