import type { DataSet } from 'dicom-parser';
import dicomParser from 'dicom-parser';
import { SightlineError } from '../core/errors.js';
import { transferSyntaxes } from './dicom_codecs.js';

/**
 * The pixel-related attributes of a DICOM image, and nothing else: names, identifiers, dates and
 * UIDs (the transfer syntax apart) are never decoded, so they cannot reach a log, a store or an error.
 */
export interface DicomHeader {
  transferSyntax: string;
  rows: number;
  columns: number;
  frames: number;
  samples: number;
  photometric: string;
  bitsAllocated: number;
  bitsStored: number;
  highBit: number;
  signed: boolean;
  /** Colour-by-plane (1) or colour-by-pixel (0). */
  planar: boolean;
  /** Stored values that mark pixels outside the picture, inclusive. */
  padding?: { low: number; high: number };
  pixelSpacing?: [number, number];
}

const explicitLittle = '1.2.840.10008.1.2.1';
const implicitLittle = '1.2.840.10008.1.2';
export const explicitBig = '1.2.840.10008.1.2.2';

/** Whether the file's first bytes are DICOM: with the 128-byte preamble, or without it from group 2 or 8. */
export function isDicom(head: Uint8Array): boolean {
  return hasPreamble(head) || bareSyntax(head) !== undefined;
}

function hasPreamble(head: Uint8Array): boolean {
  return head.length >= 132 && head[128] === 0x44 && head[129] === 0x49 && head[130] === 0x43 && head[131] === 0x4d;
}

/** For a file without preamble: 'meta' when it starts with file meta information, else the transfer syntax to assume. */
function bareSyntax(head: Uint8Array): string | undefined {
  if (head.length < 16) return undefined;
  const group = head[0] | (head[1] << 8);
  const element = head[2] | (head[3] << 8);
  const upper = (byte: number) => byte >= 0x41 && byte <= 0x5a;
  const explicit = upper(head[4]) && upper(head[5]);
  if (group === 0x0002 && explicit && element <= 0x0102) return 'meta';
  // A data set starts with group length, character set, image type or a class UID.
  if (group !== 0x0008 || ![0, 1, 5, 8, 0x16, 0x18].includes(element)) return undefined;
  if (explicit) return explicitLittle;
  const length = new DataView(head.buffer, head.byteOffset).getUint32(4, true);
  return length <= 256 ? implicitLittle : undefined;
}

/**
 * Parses elements up to `untilTag` (all of them when left out).
 * @throws SightlineError E_IMAGE_CORRUPT when the file ends inside an element. `partial` accepts what came before.
 */
export function parseDataSet(bytes: Buffer, where: string, untilTag?: string, partial = false): DataSet {
  const bare = hasPreamble(bytes) ? undefined : bareSyntax(bytes);
  const options = { untilTag, TransferSyntaxUID: bare === 'meta' ? undefined : bare };
  const input = bare === 'meta' ? Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), bytes]) : bytes;
  try {
    return dicomParser.parseDicom(input, options);
  } catch (error) {
    // dicom-parser throws strings, Errors, or {exception, dataSet} with the elements read so far.
    const { dataSet, exception = error } = Object(error) as { dataSet?: DataSet; exception?: unknown };
    if (partial && dataSet) return dataSet;
    throw new SightlineError('E_IMAGE_CORRUPT', {
      where,
      what: 'truncated or damaged DICOM file: its elements cannot be read to the end',
      remedy: 'Transfer the file again from its source.',
      cause: exception,
    });
  }
}

/** @throws SightlineError E_IMAGE_FORMAT when the file has no image or an impossible description of one. */
export function readHeader(dataSet: DataSet, where: string): DicomHeader {
  const required = (tag: string, name: string): number => {
    const value = dataSet.uint16(tag);
    if (value === undefined) {
      throw new SightlineError('E_IMAGE_FORMAT', {
        where,
        what: `the DICOM file has no ${name}: it holds no image`,
        remedy: 'Leave reports, plans and directories out of the pool.',
      });
    }
    return value;
  };
  const rows = required('x00280010', 'Rows');
  const columns = required('x00280011', 'Columns');
  const bitsAllocated = dataSet.uint16('x00280100') ?? 16;
  const bitsStored = dataSet.uint16('x00280101') ?? bitsAllocated;
  const highBit = dataSet.uint16('x00280102') ?? bitsStored - 1;
  const signed = dataSet.uint16('x00280103') === 1;
  const transferSyntax = (dataSet.string('x00020010') ?? bareUid(dataSet) ?? implicitLittle).replace(/\0+$/, '');
  const header: DicomHeader = {
    transferSyntax,
    rows,
    columns,
    frames: frameCount(dataSet),
    samples: dataSet.uint16('x00280002') ?? 1,
    photometric: dataSet.string('x00280004')?.trim() ?? 'MONOCHROME2',
    bitsAllocated,
    bitsStored,
    highBit,
    signed,
    planar: dataSet.uint16('x00280006') === 1,
    padding: paddingRange(dataSet, signed),
    pixelSpacing: spacing(dataSet),
  };
  const valid =
    rows > 0 &&
    columns > 0 &&
    [1, 8, 16, 32].includes(bitsAllocated) &&
    bitsStored >= 1 &&
    bitsStored <= bitsAllocated &&
    highBit < bitsAllocated &&
    highBit >= bitsStored - 1 &&
    [1, 3].includes(header.samples);
  if (!valid) {
    throw new SightlineError('E_IMAGE_FORMAT', {
      where,
      what: `cannot read ${columns}×${rows} pixels of ${header.samples} samples with ${bitsStored} bits stored of ${bitsAllocated} and high bit ${highBit}`,
      remedy: 'Convert the file with a DICOM toolkit (for example to Explicit VR Little Endian).',
    });
  }
  if (!(transferSyntax in transferSyntaxes)) {
    throw new SightlineError('E_IMAGE_FORMAT', {
      where,
      what: `DICOM transfer syntax ${transferSyntax} is not read`,
      remedy: 'Decompress the file with a DICOM toolkit (dcmtk: dcmdjpeg or dcmconv; GDCM: gdcmconv --raw).',
    });
  }
  return header;
}

/** dicom-parser keeps the syntax that it was told for a bare data set under `Value`. */
function bareUid(dataSet: DataSet): string | undefined {
  return (dataSet.elements.x00020010 as { Value?: string } | undefined)?.Value;
}

/** Number of Frames, 1 when absent or unusable. */
export function frameCount(dataSet: DataSet): number {
  const frames = dataSet.intString('x00280008');
  return frames !== undefined && Number.isInteger(frames) && frames > 0 ? frames : 1;
}

function paddingRange(dataSet: DataSet, signed: boolean): DicomHeader['padding'] {
  const read = (tag: string) => (signed ? dataSet.int16(tag) : dataSet.uint16(tag));
  const value = read('x00280120');
  if (value === undefined) return undefined;
  const limit = read('x00280121') ?? value;
  return { low: Math.min(value, limit), high: Math.max(value, limit) };
}

function spacing(dataSet: DataSet): [number, number] | undefined {
  const measures = frameItem(dataSet, 'x00289110', 0) ?? dataSet;
  for (const tag of ['x00280030', 'x00181164']) {
    const row = measures.floatString(tag, 0);
    const column = measures.floatString(tag, 1);
    if (row !== undefined && column !== undefined && row > 0 && column > 0) return [row, column];
  }
  return undefined;
}

/**
 * The first item of a functional-group sequence for one frame of an enhanced multi-frame file:
 * per-frame groups first, then the shared ones (PS3.3 C.7.6.16).
 */
export function frameItem(dataSet: DataSet, sequence: string, frame: number): DataSet | undefined {
  const perFrame = dataSet.elements.x52009230?.items?.[frame]?.dataSet;
  const shared = dataSet.elements.x52009229?.items?.[0]?.dataSet;
  return perFrame?.elements[sequence]?.items?.[0]?.dataSet ?? shared?.elements[sequence]?.items?.[0]?.dataSet;
}
