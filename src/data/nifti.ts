import { closeSync, openSync, readSync } from 'node:fs';
import { constants, gunzipSync } from 'node:zlib';
import * as nifti from 'nifti-reader-js';
import { SightlineError } from '../core/errors.js';
import { expectFinite, finiteRange, scaleToUnit, windowRange } from './intensity.js';
import type { Range } from './intensity.js';
import type { Reader, ReadOptions, SliceCount } from './reader.js';
import type { Axis, Picture } from './types.js';

/**
 * NIfTI-1 and NIfTI-2 in one file (.nii, .nii.gz), every real data type, either byte order.
 *
 * Slices are taken along one axis of the stored array and shown as stored: the column index is the
 * lower of the two remaining axes and the row index the higher, with no flip or reorientation by the
 * qform or sform, so that masks and boxes made on the array's indices fit.
 * Dimensions beyond the third are channels (four MR sequences give four channels).
 * Intensities are mapped to [0, 1] per volume, not per slice, so that slices stay comparable: by the
 * given window, else by cal_min–cal_max where the header sets them, else by the channel's minimum and maximum.
 */
export const niftiReader: Reader = {
  formats: ['nifti'],
  extensions: ['.nii', '.nii.gz'],
  recognises: (head) => isHeader(head) || (isGzip(head) && isHeader(gunzipHead(head))),
  countSlices,
  decode,
};

type Header = nifti.NIFTI1 | nifti.NIFTI2;
type Values = ArrayLike<number> | BigInt64Array | BigUint64Array;

interface Volume {
  header: Header;
  bytes: Buffer;
  /** Array dimensions 1–3; dims[3] = channels. */
  dims: [number, number, number, number];
  at: (index: number) => number;
  /** Samples per voxel inside the data type: 3 for RGB. */
  colours: number;
  bits: number;
  ranges: (Range | undefined)[];
}

const isGzip = (b: Uint8Array) => b[0] === 0x1f && b[1] === 0x8b;

function isHeader(head: Uint8Array): boolean {
  if (head.length < 348) return false;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const size = (little: boolean) => view.getInt32(0, little);
  const text = (at: number) => String.fromCharCode(...head.subarray(at, at + 3));
  if (size(true) === 348 || size(false) === 348) return text(344) === 'n+1' || text(344) === 'ni1';
  if (size(true) === 540 || size(false) === 540) return text(4) === 'n+2' || text(4) === 'ni2';
  return false;
}

/** The start of a gzip stream of which only the start is given. */
function gunzipHead(head: Uint8Array): Uint8Array {
  try {
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return new Uint8Array();
  }
}

function countSlices(path: string, axis: Axis): SliceCount {
  const head = Buffer.alloc(4096);
  const file = openSync(path, 'r');
  let length: number;
  try {
    length = readSync(file, head, 0, head.length, 0);
  } finally {
    closeSync(file);
  }
  const raw = isGzip(head) ? gunzipHead(head.subarray(0, length)) : head.subarray(0, length);
  return { slices: shape(readHeader(raw, path), path)[axis], hasPixels: true };
}

function readHeader(bytes: Uint8Array, where: string): Header {
  let header: Header | null;
  try {
    header = nifti.readHeader(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + Math.min(bytes.length, 1024)) as ArrayBuffer,
    );
  } catch (cause) {
    throw new SightlineError('E_IMAGE_CORRUPT', { where, what: 'the NIfTI header cannot be read', cause });
  }
  if (!header) {
    throw new SightlineError('E_IMAGE_FORMAT', {
      where,
      what: 'not a single-file NIfTI volume',
      remedy: 'Join a .hdr/.img pair into one .nii file.',
    });
  }
  return header;
}

function shape({ dims }: Header, where: string): Volume['dims'] {
  const rank = dims[0];
  const size = (axis: number) => (axis <= rank ? dims[axis] : 1);
  const channels = [4, 5, 6, 7].map(size).reduce((product, n) => product * Math.max(n, 1), 1);
  const all: Volume['dims'] = [size(1), size(2), size(3), channels];
  if (rank < 1 || rank > 7 || all.some((n) => !Number.isInteger(n) || n < 1)) {
    throw new SightlineError('E_IMAGE_CORRUPT', {
      where,
      what: `impossible NIfTI dimensions [${dims.slice(0, 8).join(', ')}]`,
    });
  }
  return all;
}

/** A whole volume's stored values. */
export interface NiftiVoxels {
  /** Array dimensions [x, y, z] and channels (all dimensions beyond the third). */
  dims: readonly [number, number, number, number];
  /** Dimensions that the header declares: 2 for a picture. */
  rank: number;
  /** Samples per voxel inside the data type: 3 for RGB. */
  colours: number;
  /** Millimetres [z, y, x], where the header gives them. */
  spacing?: [number, number, number];
  /** Array index [x, y, z, 1] → millimetres, rows of 4, where the header has a qform or sform. */
  affine?: readonly (readonly number[])[];
  /** Value after the header's slope and intercept; index x + y·dims[0] + z·dims[0]·dims[1] + … */
  at: (index: number) => number;
}

/** Opens a volume for reading voxel by voxel: no value is checked. @throws SightlineError E_IMAGE_FORMAT, E_IMAGE_CORRUPT */
export function niftiVoxels(file: Buffer, where: string): NiftiVoxels {
  const { dims, colours, at, header } = openVolume(file, where);
  const spacing = [3, 2, 1].map((axis) => header.pixDims[axis]) as [number, number, number];
  return {
    dims,
    rank: header.dims[0],
    colours,
    at,
    spacing: spacing.every((s) => s > 0 && Number.isFinite(s)) ? spacing : undefined,
    affine: header.qform_code > 0 || header.sform_code > 0 ? header.affine : undefined,
  };
}

const volumes = new WeakMap<Buffer, Volume>();

function openVolume(file: Buffer, where: string): Volume {
  let volume = volumes.get(file);
  if (!volume) {
    volume = readVolume(file, where);
    volumes.set(file, volume);
  }
  return volume;
}

function readVolume(file: Buffer, where: string): Volume {
  let bytes = file;
  if (isGzip(file)) {
    try {
      bytes = gunzipSync(file);
    } catch (cause) {
      throw new SightlineError('E_IMAGE_CORRUPT', {
        where,
        what: 'truncated or damaged gzip data',
        remedy: 'Copy the file again from its source.',
        cause,
      });
    }
  }
  const header = readHeader(bytes, where);
  const dims = shape(header, where);
  const type = dataTypes[header.datatypeCode];
  if (!type) {
    throw new SightlineError('E_IMAGE_FORMAT', {
      where,
      what: `NIfTI data type ${header.datatypeCode} (complex or 128-bit) is not read`,
      remedy: 'Convert the volume to a real type of at most 64 bits.',
    });
  }
  const count = dims[0] * dims[1] * dims[2] * dims[3] * (type.colours ?? 1);
  const needed = header.vox_offset + (type.bits === 1 ? Math.ceil(count / 8) : (count * type.bits) / 8);
  if (bytes.length < needed) {
    throw new SightlineError('E_IMAGE_CORRUPT', {
      where,
      what: `truncated: ${bytes.length} bytes of ${needed}`,
      remedy: 'Copy the file again from its source.',
    });
  }
  // The header's slope of 0 (or NaN) means "not scaled" (nifti1.h); colours are never scaled.
  const scaled =
    header.scl_slope !== 0 && Number.isFinite(header.scl_slope) && Number.isFinite(header.scl_inter) && !type.colours;
  const [slope, inter] = scaled ? [header.scl_slope, header.scl_inter] : [1, 0];
  const at = elementReader(bytes, header, type, count);
  return {
    header,
    bytes,
    dims,
    at: (i) => at(i) * slope + inter,
    colours: type.colours ?? 1,
    bits: type.bits,
    ranges: [],
  };
}

interface DataType {
  bits: number;
  array?: new (buffer: ArrayBufferLike, offset: number, length: number) => Values;
  /** Interleaved colour samples per voxel in the file. */
  colours?: number;
}

const dataTypes: Record<number, DataType | undefined> = {
  1: { bits: 1 },
  2: { bits: 8, array: Uint8Array },
  4: { bits: 16, array: Int16Array },
  8: { bits: 32, array: Int32Array },
  16: { bits: 32, array: Float32Array },
  64: { bits: 64, array: Float64Array },
  128: { bits: 8, array: Uint8Array, colours: 3 },
  256: { bits: 8, array: Int8Array },
  512: { bits: 16, array: Uint16Array },
  768: { bits: 32, array: Uint32Array },
  1024: { bits: 64, array: BigInt64Array },
  1280: { bits: 64, array: BigUint64Array },
  2304: { bits: 8, array: Uint8Array, colours: 4 },
};

/** Reads element i: a typed array over the file where byte order and alignment allow it, over a copy elsewhere. */
function elementReader(bytes: Buffer, header: Header, type: DataType, count: number): (i: number) => number {
  const start = header.vox_offset;
  if (!type.array) return (i) => (bytes[start + (i >> 3)] >> (7 - (i & 7))) & 1;
  const width = type.bits / 8;
  let data = bytes.subarray(start, start + count * width);
  const swap = width > 1 && !header.littleEndian;
  if (swap || data.byteOffset % width !== 0) data = Buffer.from(Uint8Array.from(data).buffer);
  if (swap) ({ 2: () => data.swap16(), 4: () => data.swap32(), 8: () => data.swap64() })[width as 2 | 4 | 8]();
  const values = new type.array(data.buffer, data.byteOffset, count);
  return (i) => Number(values[i]);
}

async function decode(file: Buffer, where: string, options: ReadOptions): Promise<Picture> {
  const volume = openVolume(file, where);
  const { dims, header, colours } = volume;
  const axis = options.axis ?? 2;
  const slice = options.slice ?? 0;
  if (slice >= dims[axis]) {
    throw new SightlineError('E_ARGUMENT', {
      where,
      what: `there is no slice ${slice}: the volume has ${dims[axis]} along axis ${axis} (counted from 0)`,
    });
  }
  const strides = [1, dims[0], dims[0] * dims[1]];
  const [columnAxis, rowAxis] = [0, 1, 2].filter((a) => a !== axis);
  const [width, height] = [dims[columnAxis], dims[rowAxis]];
  const kept = colours === 4 ? 3 : colours; // RGBA: alpha is dropped, as everywhere
  const channels = dims[3] * kept;
  const voxels = dims[0] * dims[1] * dims[2];
  const values = new Float32Array(width * height * channels);
  for (let t = 0; t < dims[3]; t++) {
    for (let y = 0; y < height; y++) {
      let voxel = t * voxels + slice * strides[axis] + y * strides[rowAxis];
      for (let x = 0; x < width; x++, voxel += strides[columnAxis]) {
        const out = (y * width + x) * channels + t * kept;
        for (let c = 0; c < kept; c++) values[out + c] = volume.at(voxel * colours + c);
      }
    }
  }
  expectFinite(values, `${where} slice ${slice}`);
  const spacing: [number, number] = [header.pixDims[rowAxis + 1], header.pixDims[columnAxis + 1]];
  return {
    width,
    height,
    channels,
    data: options.stored ? values : toUnit(values, volume, channels, options),
    scale: 1,
    pixelSpacing: spacing.every((s) => s > 0 && Number.isFinite(s)) ? spacing : undefined,
    source: { format: 'nifti', encoding: isGzip(file) ? 'gzip' : 'none', bits: volume.bits, slices: dims[axis] },
  };
}

function toUnit(values: Float32Array, volume: Volume, channels: number, { window }: ReadOptions): Float32Array {
  if (volume.colours > 1) return values.map((v) => v / 255);
  const { cal_min: low, cal_max: high } = volume.header;
  if (window) return scaleToUnit(values, windowRange(window));
  if (high > low && Number.isFinite(low) && Number.isFinite(high)) return scaleToUnit(values, { low, high });
  for (let c = 0; c < channels; c++) {
    const range = (volume.ranges[c] ??= channelRange(volume, c));
    const plane = new Float32Array(values.length / channels);
    for (let i = 0; i < plane.length; i++) plane[i] = values[i * channels + c];
    scaleToUnit(plane, range).forEach((v, i) => (values[i * channels + c] = v));
  }
  return values;
}

/** Range over the whole volume of one channel, NaN and infinite voxels (background) left out. */
function channelRange({ at, dims }: Volume, channel: number): Range {
  const voxels = dims[0] * dims[1] * dims[2];
  const block = new Float64Array(Math.min(voxels, 65536));
  let range: Range = { low: Infinity, high: -Infinity };
  for (let first = 0; first < voxels; first += block.length) {
    const n = Math.min(block.length, voxels - first);
    for (let i = 0; i < n; i++) block[i] = at(channel * voxels + first + i);
    const part = finiteRange(block.subarray(0, n));
    range = { low: Math.min(range.low, part.low), high: Math.max(range.high, part.high) };
  }
  return range;
}
