import { tensor, type Tensor } from '../../src/core/tensor.js';
import { readArrays } from './golden_arrays.mjs';

export { agreement } from './golden_arrays.mjs';

export interface GradCamGolden {
  model: string;
  versions: Record<string, string>;
  layers: { module: string; classes: number[] }[];
  /** ONNX file → PyTorch module → name of the same value in the file. */
  onnx: Record<string, Record<string, string>>;
  arrays: Map<string, Tensor<'f32'>>;
}

/** What gradients.py writes. */
export interface GradientGolden {
  model: string;
  /** The class of each sample. */
  classes: number[];
  /** PyTorch module whose output is compared. */
  layer: string;
  /** ONNX file → name of that value in the file. */
  onnx: Record<string, string>;
  arrays: Map<string, Tensor<'f32'>>;
}

/** What explanations.py writes. */
export interface ExplanationGolden {
  model: string;
  /** ONNX file (in gradients/) → PyTorch module → name of the same value in the file. */
  onnx: Record<string, Record<string, string>>;
  /** `array` is f32[B,H,W] in [0, 1]; `layer` the PyTorch module, null for methods without one. */
  maps: { method: string; layer: string | null; classes: number[]; array: string }[];
  arrays: Map<string, Tensor<'f32'>>;
}

/** Reads a file written by write_golden in golden_file.py. */
export function readGolden(path: string): GradCamGolden {
  return read<GradCamGolden>(path);
}

export function readExplanations(path: string): ExplanationGolden {
  return read<ExplanationGolden>(path);
}

export function readGradients(path: string): GradientGolden {
  return read<GradientGolden>(path);
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Number.isNaN(a[i] - b[i]) ? Number.POSITIVE_INFINITY : Math.abs(a[i] - b[i]));
  return largest;
}

function read<T extends { arrays: Map<string, Tensor<'f32'>> }>(path: string): T {
  const { header, arrays } = readArrays(path);
  const tensors = [...arrays].map(([name, { dims, data }]) => [name, tensor('f32', dims, data)] as const);
  return { ...header, arrays: new Map(tensors) } as unknown as T;
}
