import type { Tensor } from '../core/tensor.js';

/** What executes a compiled graph. */
export const runtimes = ['onnxruntime', 'tfjs'] as const;
export type RuntimeName = (typeof runtimes)[number];

/** Execution providers, by ONNX Runtime's names. */
export const providers = ['cpu', 'webgpu', 'cuda', 'dml', 'coreml'] as const;

/** Where TensorFlow.js runs, by its own names; `tensorflow` is the native library behind tfjs-node and tfjs-node-gpu. */
export const tfjsBackends = ['tensorflow', 'webgpu', 'wasm', 'cpu'] as const;
export type TfjsBackend = (typeof tfjsBackends)[number];

export type ProviderName = (typeof providers)[number] | TfjsBackend;

export interface SessionOptions {
  /** Default onnxruntime. */
  runtime?: RuntimeName;
  /**
   * Default auto. ONNX Runtime: the CPU, which is there on every machine and gives the same numbers on all of them.
   * TensorFlow.js: the native library where it is installed, else wasm, else plain JavaScript.
   */
  provider?: ProviderName | 'auto';
  /** Threads inside one run; default 1 (the engine runs one session per core). TensorFlow.js chooses its own. */
  threads?: number;
}

/** One loaded model. `run` blocks its thread: keep sessions in worker threads. */
export interface Session {
  /** `native`: the addon, for graphs that only training compiles (`native/`). */
  readonly runtime: RuntimeName | 'native';
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
  runtime: RuntimeName;
  provider: ProviderName;
  available: boolean;
  note: string;
  remedy?: string;
}
