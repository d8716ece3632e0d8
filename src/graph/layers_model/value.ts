import type { Dim } from '../ir.js';

/** A Keras tensor as it stands in the graph. */
export interface Value {
  /** Name of the ONNX value. */
  name: string;
  /** Dims in Keras's order, batch first; null where they are only known when the model runs. */
  dims: readonly Dim[];
  /** Keras's axis behind each axis of the ONNX value: [0, 3, 1, 2] for a channels-last image kept channels first. */
  axes: readonly number[];
  /** For [N, features] flattened in ONNX's order: what was flattened, so that a dense layer can reorder its rows. */
  flattened?: { dims: readonly number[]; axes: readonly number[] };
}

/** Order of axes that stores a channels-last tensor channels first: [0, 3, 1, 2] for images. */
export function channelsLast(rank: number): number[] {
  return [0, rank - 1, ...inOrder(rank - 1).slice(1)];
}

/** 0, 1, 2 … */
export function inOrder(rank: number): number[] {
  return Array.from({ length: rank }, (_, axis) => axis);
}

export function sameOrder(a: readonly number[], b: readonly number[]): boolean {
  return a.join() === b.join();
}

/** Whether the ONNX value holds the elements in Keras's order: no axis but those of length 1 stands elsewhere. */
export function inElementOrder({ axes, dims, flattened }: Value): boolean {
  const long = axes.filter((axis) => axis === 0 || dims[axis] !== 1);
  return !flattened && long.every((axis, i) => i === 0 || axis > long[i - 1]);
}

/** Dims of the ONNX value. */
export function storedDims({ dims, axes }: Pick<Value, 'dims' | 'axes'>): Dim[] {
  return axes.map((axis) => dims[axis]);
}

/** Axis of the ONNX value for Keras's `axis` (negative from the end); undefined when there is none. */
export function storedAxis({ dims, axes }: Value, axis: number): number | undefined {
  const at = axes.indexOf(axis < 0 ? axis + dims.length : axis);
  return at < 0 ? undefined : at;
}

/** Row-major data with its axes in another order: axis i of the result is axis `perm[i]` of `dims`. */
export function transposed(
  data: Float32Array,
  dims: readonly number[],
  perm: readonly number[],
): { dims: number[]; data: Float32Array } {
  const out = perm.map((axis) => dims[axis]);
  if (sameOrder(perm, inOrder(dims.length))) return { dims: out, data };
  const [last, ...outer] = strideRuns(dims, perm).reverse();
  const result = new Float32Array(data.length);
  const index = new Array<number>(outer.length).fill(0);
  let from = 0;
  for (let i = 0; i < result.length;) {
    for (let at = from, end = i + last.length; i < end; at += last.stride) result[i++] = data[at];
    for (let axis = 0; axis < outer.length; axis++) {
      from += outer[axis].stride;
      if (++index[axis] < outer[axis].length) break;
      from -= outer[axis].length * outer[axis].stride;
      index[axis] = 0;
    }
  }
  return { dims: out, data: result };
}

/** Axes of a transposed array as steps through the data; axes that stay neighbours count as one. */
function strideRuns(dims: readonly number[], perm: readonly number[]): { length: number; stride: number }[] {
  const strides = new Array<number>(dims.length).fill(1);
  for (let axis = dims.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1] * dims[axis + 1];
  const runs: { length: number; stride: number }[] = [];
  for (const axis of perm) {
    const { length, stride } = { length: dims[axis], stride: strides[axis] };
    const before = runs.at(-1);
    if (before?.stride === length * stride) Object.assign(before, { length: before.length * length, stride });
    else if (length !== 1) runs.push({ length, stride });
  }
  return runs.length > 0 ? runs : [{ length: 1, stride: 1 }];
}
