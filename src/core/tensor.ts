import { SightlineError } from './errors.js';

/** Typed array of each dtype. Arrays may be backed by a SharedArrayBuffer. */
export interface ArrayOf {
  f32: Float32Array;
  f64: Float64Array;
  u8: Uint8Array;
  u32: Uint32Array;
  i32: Int32Array;
  i64: BigInt64Array;
}
export type DType = keyof ArrayOf;

/** Dense row-major tensor: `data.length` is the product of `dims`. */
export interface Tensor<T extends DType = DType> {
  readonly dtype: T;
  readonly dims: readonly number[];
  readonly data: ArrayOf[T];
}

const constructors = {
  f32: Float32Array,
  f64: Float64Array,
  u8: Uint8Array,
  u32: Uint32Array,
  i32: Int32Array,
  i64: BigInt64Array,
} as const;

/** Number of elements of a shape; 1 for a scalar (no dims). */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, d) => product * d, 1);
}

/**
 * A tensor over `data` (not copied), or a zero tensor when `data` is left out.
 * @throws SightlineError E_SHAPE when the length of `data` is not the product of `dims`.
 */
export function tensor<T extends DType>(dtype: T, dims: readonly number[], data?: ArrayOf[T]): Tensor<T> {
  const size = sizeOf(dims);
  const array = data ?? (new constructors[dtype](size) as ArrayOf[T]);
  if (array.length !== size) {
    throw new SightlineError('E_SHAPE', {
      what: `dims [${dims.join(', ')}] hold ${size} elements but the array has ${array.length}`,
    });
  }
  return { dtype, dims, data: array };
}

/**
 * A tensor whose elements are whatever memory held, for outputs that are about to be written whole: fresh zero pages
 * would cost as much as a fast kernel does.
 */
export function uninitialised<T extends DType>(dtype: T, dims: readonly number[]): Tensor<T> {
  const size = sizeOf(dims);
  const { buffer } = Buffer.allocUnsafeSlow(size * constructors[dtype].BYTES_PER_ELEMENT);
  return { dtype, dims, data: new constructors[dtype](buffer) as ArrayOf[T] };
}

/** A copy of bytes in shared memory, which every worker reads. */
export function toShared(bytes: Uint8Array): SharedArrayBuffer {
  const copy = new SharedArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return copy;
}
