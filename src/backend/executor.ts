import type { DType, Tensor } from '../core/tensor.js';
import type { Bound } from './binding.js';
import type { Op, Params } from './op.js';

export type BackendName = 'webgpu' | 'native' | 'reference';

/** A tensor that stays on the GPU between two kernels. Only the backend that made it can read it. */
export interface DeviceTensor<T extends DType = DType> {
  readonly dtype: T;
  readonly dims: readonly number[];
  /** Opaque to callers. */
  readonly onDevice: object;
  /** Gives its memory back now rather than when it is collected: the collector does not see how large it is. */
  readonly release: () => void;
}

export type AnyTensor = Tensor | DeviceTensor;

export function isOnDevice(t: AnyTensor): t is DeviceTensor {
  return 'onDevice' in t;
}

/** One way to run ops. */
export interface Executor {
  readonly name: BackendName;
  /** Device, CPU target … for people. */
  readonly description: string;
  /** True, or the reason why not. @param call sizes and params of one call; without it: whether the op can run at all */
  supports(op: Op, call?: Pick<Bound, 'dims' | 'params'>): true | string;
  /**
   * @param keep outputs that may stay on the device
   * @param into arrays for outputs, checked (binding.ts); an executor that cannot write there returns others
   */
  run(
    op: Op,
    inputs: Readonly<Record<string, AnyTensor>>,
    params: Partial<Params>,
    keep: readonly string[],
    into?: Readonly<Record<string, Tensor>>,
  ): Promise<Record<string, AnyTensor>>;
  close(): void;
}

/** What is known of a backend on this machine, for `doctor`. */
export interface BackendStatus {
  name: BackendName;
  available: boolean;
  note: string;
  remedy?: string;
}
