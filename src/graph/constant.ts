import { SightlineError } from '../core/errors.js';
import { sizeOf } from '../core/tensor.js';

/** Element types of ONNX tensors. */
export type ElementType =
  | 'f32'
  | 'u8'
  | 'i8'
  | 'u16'
  | 'i16'
  | 'i32'
  | 'i64'
  | 'string'
  | 'bool'
  | 'f16'
  | 'f64'
  | 'u32'
  | 'u64'
  | 'bf16'
  | 'other';

/** ONNX TensorProto.DataType numbers. */
const codes: Record<Exclude<ElementType, 'other'>, number> = {
  f32: 1,
  u8: 2,
  i8: 3,
  u16: 4,
  i16: 5,
  i32: 6,
  i64: 7,
  string: 8,
  bool: 9,
  f16: 10,
  f64: 11,
  u32: 12,
  u64: 13,
  bf16: 16,
};
const types = new Map(Object.entries(codes).map(([type, code]) => [code, type as ElementType]));

export function elementTypeOf(code: number): ElementType {
  return types.get(code) ?? 'other';
}

export function elementTypeCode(type: ElementType): number {
  return type === 'other' ? 0 : codes[type];
}

const widths: Partial<Record<ElementType, number>> = {
  f32: 4,
  u8: 1,
  i8: 1,
  u16: 2,
  i16: 2,
  i32: 4,
  i64: 8,
  bool: 1,
  f16: 2,
  f64: 8,
  u32: 4,
  u64: 8,
  bf16: 2,
};

/** Bytes per element; 0 where elements have no fixed size (strings, packed sub-byte types). */
export function bytesPerElement(type: ElementType): number {
  return widths[type] ?? 0;
}

/**
 * A constant tensor: little-endian bytes as in TensorProto.raw_data. The bytes are usually a view of the model
 * file, so that a large model is held once.
 */
export interface Constant {
  type: ElementType;
  dims: readonly number[];
  /** Element data; empty for a type that is passed through encoded. */
  raw: Uint8Array;
  /** The encoded TensorProto fields of a type without fixed-size elements (string, int4 …), for export. */
  opaque?: unknown;
}

/** A float constant. `data` is not copied. */
export function f32(dims: readonly number[], data: Float32Array | readonly number[]): Constant {
  const array = data instanceof Float32Array ? data : Float32Array.from(data);
  return checked({ type: 'f32', dims, raw: bytesOf(array) });
}

/** An int64 constant. */
export function i64(dims: readonly number[], data: readonly number[]): Constant {
  return checked({ type: 'i64', dims, raw: bytesOf(BigInt64Array.from(data, BigInt)) });
}

/** A constant of any numeric type from plain numbers. */
export function constantOf(type: ElementType, dims: readonly number[], data: ArrayLike<number>): Constant {
  return checked({ type, dims, raw: encode(type, data) });
}

/** Elements as plain numbers (f16 and bf16 decoded; int64 exact up to 2^53). */
export function valuesOf(constant: Constant): ArrayLike<number> {
  const { type, raw } = constant;
  // A copy where the file does not align the data (Buffer.slice would be a view again).
  const aligned = (width: number) => (raw.byteOffset % width === 0 ? raw : new Uint8Array(raw));
  const over = <T>(make: { new (b: ArrayBufferLike, o: number, n: number): T }, width: number): T => {
    const bytes = aligned(width);
    return new make(bytes.buffer, bytes.byteOffset, bytes.byteLength / width);
  };
  switch (type) {
    case 'f32':
      return over(Float32Array, 4);
    case 'f64':
      return over(Float64Array, 8);
    case 'u8':
    case 'bool':
      return raw;
    case 'i8':
      return over(Int8Array, 1);
    case 'u16':
      return over(Uint16Array, 2);
    case 'i16':
      return over(Int16Array, 2);
    case 'i32':
      return over(Int32Array, 4);
    case 'u32':
      return over(Uint32Array, 4);
    case 'i64':
      return Float64Array.from(over(BigInt64Array, 8), Number);
    case 'u64':
      return Float64Array.from(over(BigUint64Array, 8), Number);
    case 'f16':
      return Float32Array.from(over(Uint16Array, 2), halfToNumber);
    case 'bf16': {
      const bits = Uint32Array.from(over(Uint16Array, 2), (half) => half << 16);
      return new Float32Array(bits.buffer);
    }
    default:
      throw new SightlineError('E_MODEL_UNSUPPORTED', {
        what: `a constant of element type '${type}' cannot be read as numbers`,
        remedy: 'Export the model with 32-bit float weights.',
      });
  }
}

function encode(type: ElementType, data: ArrayLike<number>): Uint8Array {
  switch (type) {
    case 'f32':
      return bytesOf(Float32Array.from(data));
    case 'f64':
      return bytesOf(Float64Array.from(data));
    case 'u8':
    case 'bool':
      return Uint8Array.from(data);
    case 'i8':
      return bytesOf(Int8Array.from(data));
    case 'u16':
      return bytesOf(Uint16Array.from(data));
    case 'i16':
      return bytesOf(Int16Array.from(data));
    case 'i32':
      return bytesOf(Int32Array.from(data));
    case 'u32':
      return bytesOf(Uint32Array.from(data));
    case 'i64':
      return bytesOf(BigInt64Array.from(Array.from(data), (v) => BigInt(Math.trunc(v))));
    case 'u64':
      return bytesOf(BigUint64Array.from(Array.from(data), (v) => BigInt(Math.trunc(v))));
    case 'f16':
      return bytesOf(Uint16Array.from(data, numberToHalf));
    case 'bf16': {
      const bits = new Uint32Array(Float32Array.from(data).buffer);
      // Round to nearest, ties to even, on the 16 dropped bits.
      return bytesOf(Uint16Array.from(bits, (b) => (b + 0x7fff + ((b >>> 16) & 1)) >>> 16));
    }
    default:
      throw new SightlineError('E_INTERNAL', { what: `no encoding for element type '${type}'` });
  }
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function checked(constant: Constant): Constant {
  const expected = sizeOf(constant.dims) * bytesPerElement(constant.type);
  if (constant.raw.byteLength !== expected) {
    throw new SightlineError('E_SHAPE', {
      what: `a ${constant.type} constant of dims [${constant.dims.join(', ')}] needs ${expected} bytes, received ${constant.raw.byteLength}`,
    });
  }
  return constant;
}

/** IEEE 754 binary16 bits → number. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Number → IEEE 754 binary16 bits, round to nearest, ties to even. */
export function numberToHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65520) return sign | 0x7c00;
  const exponent = Math.max(Math.floor(Math.log2(size)), -14);
  const step = 2 ** (exponent - 10);
  const scaled = size / step;
  let units = Math.floor(scaled);
  const rest = scaled - units;
  if (rest > 0.5 || (rest === 0.5 && units % 2 === 1)) units++;
  if (size === 0 || units === 0) return sign;
  // Subnormals share the lowest exponent; a carry out of the fraction moves into the exponent by itself.
  return sign | (units >= 1024 ? ((exponent + 15) << 10) + (units - 1024) : units);
}
