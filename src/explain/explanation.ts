import type { Backend, DeviceTensor } from '../backend/index.js';
import type { Tensor } from '../core/tensor.js';

export interface SaliencySize {
  height: number;
  width: number;
  /** The maps may stay on the GPU, for kernels that follow. */
  keep: boolean;
}

/** Saliency maps of a batch. */
export interface SaliencyMaps {
  /** f32[B,H,W], scaled to [0, 1] per image. */
  maps: Tensor<'f32'> | DeviceTensor<'f32'>;
  /** u32[B]: 1 where the map was constant and became all zeros. */
  flat: Tensor<'u32'>;
}

/** One way to ask a model where it looks: what its compiled graph must give, and how that becomes maps. */
export interface Explanation {
  readonly name: string;
  /** One line for --help. */
  readonly summary: string;
  /** Outputs of the compiled graph that `reduce` reads. */
  readonly outputs: readonly string[];
  reduce(outputs: Readonly<Record<string, Tensor>>, backend: Backend, size: SaliencySize): Promise<SaliencyMaps>;
}
