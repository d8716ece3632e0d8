import { gzipSync } from 'node:zlib';

export interface NiftiParts {
  dims: number[];
  type: number;
  bits: number;
  /** Voxels as stored, x fastest. */
  data: Uint8Array;
  slope?: number;
  inter?: number;
  calMin?: number;
  calMax?: number;
  spacing?: number[];
  version?: 1 | 2;
  bigEndian?: boolean;
  gzip?: boolean;
}

/** A single-file NIfTI-1 or NIfTI-2 volume. */
export function writeNifti(parts: NiftiParts): Buffer {
  const {
    dims,
    type,
    bits,
    data,
    slope = 0,
    inter = 0,
    calMin = 0,
    calMax = 0,
    spacing = [],
    version = 1,
    bigEndian = false,
  } = parts;
  const little = !bigEndian;
  const size = version === 1 ? 348 : 540;
  const offset = size + 4;
  const view = new DataView(new ArrayBuffer(offset));
  const shape = [dims.length, ...dims, ...Array<number>(7 - dims.length).fill(1)];
  const pixels = [1, ...spacing, ...Array<number>(7 - spacing.length).fill(1)];
  view.setInt32(0, size, little);
  const text = (at: number, s: string) => [...s].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  if (version === 1) {
    shape.forEach((n, i) => view.setInt16(40 + 2 * i, n, little));
    view.setInt16(70, type, little);
    view.setInt16(72, bits, little);
    pixels.forEach((p, i) => view.setFloat32(76 + 4 * i, p, little));
    [offset, slope, inter].forEach((v, i) => view.setFloat32(108 + 4 * i, v, little));
    view.setFloat32(124, calMax, little);
    view.setFloat32(128, calMin, little);
    text(344, 'n+1\0');
  } else {
    text(4, 'n+2\0\r\n\x1a\n');
    view.setInt16(12, type, little);
    view.setInt16(14, bits, little);
    shape.forEach((n, i) => view.setBigInt64(16 + 8 * i, BigInt(n), little));
    pixels.forEach((p, i) => view.setFloat64(104 + 8 * i, p, little));
    view.setBigInt64(168, BigInt(offset), little);
    [slope, inter, calMax, calMin].forEach((v, i) => view.setFloat64(176 + 8 * i, v, little));
  }
  const file = Buffer.concat([Buffer.from(view.buffer), data]);
  return parts.gzip ? gzipSync(file) : file;
}

/** The bytes of a typed array in the other byte order. */
export function swapped(array: ArrayBufferView, width: number): Uint8Array {
  const out = Uint8Array.from(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
  for (let i = 0; i + width <= out.length; i += width) out.subarray(i, i + width).reverse();
  return out;
}

export const asBytes = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
