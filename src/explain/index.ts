import type { Tensor } from '../core/tensor.js';

/** The part of a compute backend that explanations use. */
export interface KernelRunner {
  run(op: string, inputs: Record<string, unknown>, params: Record<string, number>): Promise<Record<string, unknown>>;
}

/** Saliency maps of a batch. */
export interface SaliencyMaps {
  /** f32 [B,H,W]. */
  maps: Float32Array;
  /** u32 [B]: 1 where the map was constant and became all zeros. */
  flat: Uint32Array;
}

export interface Explanation {
  name: string;
  title: string;
  docs: string;
  /** Outputs of the compiled graph that `maps` reads. */
  outputs: readonly string[];
  maps(
    outputs: Record<string, Tensor>,
    backend: KernelRunner,
    size: { height: number; width: number; normalise: boolean },
  ): Promise<SaliencyMaps>;
}

/** The explanation called `name`. @throws SightlineError E_ARGUMENT listing the known ones. */
export function explanation(_name: string): Explanation {
  throw new Error('in progress');
}
