import type { DataSet, Element } from 'dicom-parser';
import { SightlineError } from '../core/errors.js';
import type { RawFrame } from './dicom_codecs.js';
import { transferSyntaxes } from './dicom_codecs.js';
import type { DicomHeader } from './dicom_header.js';
import { explicitBig } from './dicom_header.js';

const littleEndianMachine = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/**
 * Samples of one frame as the file stores them, decompressed.
 * @throws SightlineError E_IMAGE_CORRUPT when pixel data is missing or too short, E_ARGUMENT for a frame out of range.
 */
export async function readFrame(
  dataSet: DataSet,
  header: DicomHeader,
  frame: number,
  where: string,
): Promise<RawFrame> {
  if (frame >= header.frames) {
    throw new SightlineError('E_ARGUMENT', {
      where,
      what: `there is no frame ${frame}: the file has ${header.frames} (counted from 0)`,
    });
  }
  const element = dataSet.elements.x7fe00010;
  if (!element) {
    const float = dataSet.elements.x7fe00008 ?? dataSet.elements.x7fe00009;
    throw new SightlineError(float ? 'E_IMAGE_FORMAT' : 'E_IMAGE_CORRUPT', {
      where,
      what: float ? 'floating-point DICOM pixel data is not read' : 'the DICOM file has no pixel data',
      remedy: float ? 'Convert the file to NIfTI.' : 'Transfer the file again from its source.',
    });
  }
  const { codec } = transferSyntaxes[header.transferSyntax];
  const bytes = dataSet.byteArray as Uint8Array;
  if (!codec) return uncompressed(bytes, element, header, frame, where);
  return codec(frameBytes(bytes, dataSet, element, header.frames, frame, where), header, where);
}

function uncompressed(
  bytes: Uint8Array,
  element: Element,
  header: DicomHeader,
  frame: number,
  where: string,
): RawFrame {
  const { rows, columns, samples, bitsAllocated, planar } = header;
  const subsampled = header.photometric === 'YBR_FULL_422';
  const perFrame = rows * columns * (subsampled ? 2 : samples);
  const bitOffset = frame * perFrame * bitsAllocated;
  const available = Math.min(element.length, bytes.length - element.dataOffset);
  const end = Math.ceil((bitOffset + perFrame * bitsAllocated) / 8);
  if (available < end) {
    throw new SightlineError('E_IMAGE_CORRUPT', {
      where,
      what: `truncated pixel data: frame ${frame} needs ${end} bytes and ${available} are there`,
      remedy: 'Transfer the file again from its source.',
    });
  }
  const start = element.dataOffset + Math.floor(bitOffset / 8);
  // A real copy (a Buffer's slice() is a view): aligned, and free to be byte-swapped in place.
  const raw = new Uint8Array(bytes.subarray(start, element.dataOffset + end));
  if (bitsAllocated === 1) return { data: unpackBits(raw, bitOffset % 8, perFrame), planar };
  if (subsampled) return { data: expand422(raw, rows * columns), planar: false };
  if (bitsAllocated === 8) {
    // Big-endian files with OW pixel data hold swapped byte pairs even for 8-bit samples.
    const swapped = header.transferSyntax === explicitBig && element.vr === 'OW';
    return {
      data: swapped ? raw.map((_, i) => bytes[element.dataOffset + ((start - element.dataOffset + i) ^ 1)]) : raw,
      planar,
    };
  }
  const width = bitsAllocated / 8;
  const bigEndian = header.transferSyntax === explicitBig;
  if (bigEndian === littleEndianMachine) swapBytes(raw, width);
  const samplesOf = width === 2 ? Uint16Array : Uint32Array;
  return { data: new samplesOf(raw.buffer, raw.byteOffset, perFrame), planar };
}

/** In place. */
function swapBytes(bytes: Uint8Array, width: number): void {
  for (let i = 0; i + width <= bytes.length; i += width) bytes.subarray(i, i + width).reverse();
}

/** One bit per pixel, the first pixel in the least significant bit, frames not padded to bytes (PS3.5 8.1.1). */
function unpackBits(bytes: Uint8Array, first: number, count: number): Uint8Array {
  const out = new Uint8Array(count);
  for (let i = 0; i < count; i++) out[i] = (bytes[(first + i) >> 3] >> ((first + i) & 7)) & 1;
  return out;
}

/** Y Y Cb Cr for every two pixels → Y Cb Cr for each. */
function expand422(bytes: Uint8Array, pixels: number): Uint8Array {
  const out = new Uint8Array(pixels * 3);
  for (let i = 0; i < pixels; i++) {
    const group = (i >> 1) * 4;
    out[3 * i] = bytes[group + (i & 1)];
    out[3 * i + 1] = bytes[group + 2];
    out[3 * i + 2] = bytes[group + 3];
  }
  return out;
}

/** The compressed bytes of one frame, its fragments joined. */
function frameBytes(
  bytes: Uint8Array,
  dataSet: DataSet,
  element: Element,
  frames: number,
  frame: number,
  where: string,
): Uint8Array {
  const fragments = element.fragments ?? [];
  const corrupt = (what: string) =>
    new SightlineError('E_IMAGE_CORRUPT', { where, what, remedy: 'Transfer the file again from its source.' });
  if (fragments.length === 0) throw corrupt('the compressed pixel data holds no fragments');
  const starts = frameStarts(bytes, dataSet, element, frames);
  if (starts.length < frames) throw corrupt(`the pixel data holds ${starts.length} of ${frames} frames`);
  const parts = fragments.slice(starts[frame], starts[frame + 1] ?? fragments.length).map(({ position, length }) => {
    if (position + length > bytes.length)
      throw corrupt('truncated: a fragment of the pixel data runs past the end of the file');
    return bytes.subarray(position, position + length);
  });
  if (parts.length === 0) throw corrupt(`frame ${frame} has no fragments`);
  return parts.length === 1 ? parts[0] : new Uint8Array(Buffer.concat(parts));
}

/**
 * Index of each frame's first fragment: from the basic or the extended offset table where the file
 * has one, else one fragment per frame, else by the end-of-image marker that closes every JPEG-family frame.
 */
function frameStarts(bytes: Uint8Array, dataSet: DataSet, element: Element, frames: number): number[] {
  const fragments = element.fragments ?? [];
  if (frames === 1) return [0];
  const offsets = element.basicOffsetTable?.length
    ? element.basicOffsetTable
    : extendedOffsets(bytes, dataSet.elements.x7fe00001);
  if (offsets.length === frames) {
    const starts = offsets.map((offset) => fragments.findIndex((f) => f.offset === offset));
    if (starts.every((s, i) => s >= 0 && (i === 0 || s > starts[i - 1]))) return starts;
  }
  if (fragments.length === frames) return fragments.map((_, i) => i);
  const starts = [0];
  fragments.forEach(({ position, length }, i) => {
    const tail = bytes.subarray(Math.max(position, position + length - 4), position + length);
    const ended = tail.some((b, k) => b === 0xff && tail[k + 1] === 0xd9);
    if (ended && i + 1 < fragments.length) starts.push(i + 1);
  });
  return starts;
}

/** Extended Offset Table: 64-bit little-endian offsets, counted like the basic ones. */
function extendedOffsets(bytes: Uint8Array, element: Element | undefined): number[] {
  if (!element || element.dataOffset + element.length > bytes.length) return [];
  const view = new DataView(bytes.buffer, bytes.byteOffset + element.dataOffset, element.length);
  return Array.from({ length: Math.floor(element.length / 8) }, (_, i) => Number(view.getBigUint64(8 * i, true)));
}
