import { Rng } from '../core/rng.js';
import { sizeOf } from '../core/tensor.js';
import { f32, type Constant } from '../graph/constant.js';

/** The distribution that a parameter starts from. */
export type Initialisation =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'normal'; readonly deviation: number }
  | { readonly kind: 'uniform'; readonly bound: number };

export const ones: Initialisation = { kind: 'constant', value: 1 };
export const zeros: Initialisation = { kind: 'constant', value: 0 };

/**
 * Inputs and outputs per unit of a weight [a, b, …kernel] as PyTorch counts them: b·kernel in, a·kernel out (for a
 * transposed convolution, whose weight is [in, out, …kernel], too).
 */
export function fans(dims: readonly number[]): { in: number; out: number } {
  const kernel = sizeOf(dims.slice(2));
  return { in: dims[1] * kernel, out: dims[0] * kernel };
}

/** torch.nn.init.kaiming_normal_ for ReLU: N(0, 2/fan). He et al., "Delving deep into rectifiers", ICCV 2015. */
export function kaimingNormal(dims: readonly number[], mode: 'in' | 'out'): Initialisation {
  return { kind: 'normal', deviation: Math.sqrt(2 / fans(dims)[mode]) };
}

/** What PyTorch's layers start from unless told otherwise, weight and bias alike: U(−1/√fan_in, 1/√fan_in). */
export function layerDefault(weightDims: readonly number[]): Initialisation {
  return { kind: 'uniform', bound: 1 / Math.sqrt(fans(weightDims).in) };
}

/** Draws a parameter f32[dims]. The stream is keyed by seed and name: it does not depend on the other layers. */
export function drawn(seed: number, name: string, dims: readonly number[], from: Initialisation): Constant {
  const data = new Float32Array(sizeOf(dims));
  if (from.kind === 'constant') data.fill(from.value);
  else if (from.kind === 'uniform') fillUniform(data, new Rng(seed, 'parameter', name), from.bound);
  else fillNormal(data, new Rng(seed, 'parameter', name), from.deviation);
  return f32(dims, data);
}

// 32 random bits per value: float32 holds 24, and VGG16 has 138 million values.
function fillUniform(data: Float32Array, rng: Rng, bound: number): void {
  for (let i = 0; i < data.length; i++) data[i] = ((rng.uint32() + 0.5) / 2 ** 31 - 1) * bound;
}

/** Box–Muller, both branches. */
function fillNormal(data: Float32Array, rng: Rng, deviation: number): void {
  for (let i = 0; i < data.length; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log((rng.uint32() + 0.5) / 2 ** 32));
    const angle = (2 * Math.PI * rng.uint32()) / 2 ** 32;
    data[i] = radius * Math.cos(angle);
    if (i + 1 < data.length) data[i + 1] = radius * Math.sin(angle);
  }
}
