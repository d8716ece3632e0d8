import { sizeOf } from '../../../src/core/tensor.js';
import { valuesOf, type Constant, type ElementType } from '../../../src/graph/constant.js';

/** A tensor of any element type, held in float64. `type` only tells integers and truth values from real numbers. */
export interface Value {
  type: ElementType;
  dims: readonly number[];
  data: Float64Array;
}

export function valueOf({ type, dims, ...constant }: Constant): Value {
  return { type, dims, data: Float64Array.from(valuesOf({ type, dims, ...constant })) };
}

export function real(dims: readonly number[], data: ArrayLike<number>): Value {
  return { type: 'f64', dims, data: Float64Array.from(data) };
}

export function isReal({ type }: Value): boolean {
  return type === 'f64' || type === 'f32' || type === 'f16' || type === 'bf16';
}

/** Place of `index` in row-major order. */
export function offsetOf(dims: readonly number[], index: readonly number[]): number {
  let at = 0;
  for (let axis = 0; axis < dims.length; axis++) at = at * dims[axis] + index[axis];
  return at;
}

export function read(x: Value, index: readonly number[]): number {
  return x.data[offsetOf(x.dims, index)];
}

/** As `read` for an index into the shape that `x` broadcasts to (numpy's rule: aligned at the last axis). */
export function readBroadcast(x: Value, index: readonly number[]): number {
  const lead = index.length - x.dims.length;
  let at = 0;
  for (let axis = 0; axis < x.dims.length; axis++)
    at = at * x.dims[axis] + (x.dims[axis] === 1 ? 0 : index[axis + lead]);
  return x.data[at];
}

/** Every index in row-major order. The array is reused from call to call. */
export function forEachIndex(dims: readonly number[], visit: (index: number[], at: number) => void): void {
  const index = new Array<number>(dims.length).fill(0);
  const size = sizeOf(dims);
  for (let at = 0; at < size; at++) {
    visit(index, at);
    for (let axis = dims.length - 1; axis >= 0 && ++index[axis] === dims[axis]; axis--) index[axis] = 0;
  }
}

/** The tensor whose element at each index is `element(index)`. */
export function tabulate(
  dims: readonly number[],
  element: (index: readonly number[]) => number,
  type: ElementType = 'f64',
): Value {
  const data = new Float64Array(sizeOf(dims));
  forEachIndex(dims, (index, at) => (data[at] = element(index)));
  return { type, dims, data };
}

export function map(x: Value, element: (value: number) => number, type = x.type): Value {
  return { type, dims: x.dims, data: x.data.map(element) };
}

export function broadcastDims(...shapes: (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((dims) => dims.length));
  return Array.from({ length: rank }, (_, axis) =>
    shapes.reduce((size, dims) => {
      const dim = dims[axis - (rank - dims.length)] ?? 1;
      return size === 1 ? dim : size;
    }, 1),
  );
}

/** Axis counted from the front. */
export function front(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

export function replaced(index: readonly number[], axis: number, value: number): number[] {
  return index.map((i, k) => (k === axis ? value : i));
}
