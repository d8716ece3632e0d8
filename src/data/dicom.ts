import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { DataSet } from 'dicom-parser';
import { SightlineError } from '../core/errors.js';
import { colourPicture } from './dicom_colour.js';
import { transferSyntaxes } from './dicom_codecs.js';
import { readFrame } from './dicom_frame.js';
import type { DicomHeader } from './dicom_header.js';
import { frameCount, isDicom, parseDataSet, readHeader } from './dicom_header.js';
import { greyToUnit, modalityTransform, storedValues } from './dicom_values.js';
import type { Reader, ReadOptions, SliceCount } from './reader.js';
import type { Picture } from './types.js';

/**
 * DICOM images (PS3.10 files, with or without preamble): uncompressed little and big endian, deflated,
 * RLE, JPEG baseline and lossless, JPEG-LS, JPEG 2000, HTJ2K. Frames are slices. Grey values pass the
 * modality and VOI transforms of the file; colour comes out as RGB.
 */
export const dicom: Reader = {
  formats: ['dicom'],
  extensions: ['.dcm', '.dicom', '.ima'],
  recognises: isDicom,
  countSlices,
  decode,
};

/** Parsed elements of files whose bytes are still held (the registry keeps the last multi-frame file). */
const parsed = new WeakMap<Buffer, { dataSet: DataSet; header: DicomHeader }>();

function parse(bytes: Buffer, where: string): { dataSet: DataSet; header: DicomHeader } {
  let file = parsed.get(bytes);
  if (!file) {
    const dataSet = parseDataSet(bytes, where);
    file = { dataSet, header: readHeader(dataSet, where) };
    parsed.set(bytes, file);
  }
  return file;
}

async function decode(bytes: Buffer, where: string, options: ReadOptions): Promise<Picture> {
  const { dataSet, header } = parse(bytes, where);
  const frame = options.slice ?? 0;
  const raw = await readFrame(dataSet, header, frame, where);
  const shape = {
    width: header.columns,
    height: header.rows,
    pixelSpacing: header.pixelSpacing,
    source: {
      format: 'dicom' as const,
      encoding: transferSyntaxes[header.transferSyntax].name,
      bits: header.bitsStored,
      slices: header.frames,
    },
  };
  const expected = header.rows * header.columns * header.samples;
  if (raw.data.length < expected) {
    throw new SightlineError('E_IMAGE_CORRUPT', {
      where,
      what: `${raw.data.length} of ${expected} pixel values decoded`,
    });
  }
  if (header.samples === 3 || header.photometric === 'PALETTE COLOR') {
    return { ...shape, ...colourPicture(raw, dataSet, header, where) };
  }
  const values = storedValues(raw.data.subarray(0, expected), header);
  const data = options.stored
    ? values.map(modalityTransform(dataSet, header, frame, where))
    : greyToUnit(values, dataSet, header, frame, where, options.window);
  return { ...shape, channels: 1, data, scale: 1 };
}

/** Reads growing prefixes of the file until the image description has been seen; pixel data stays on disk. */
function countSlices(path: string): SliceCount {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    for (let length = 16 * 1024; ; length *= 16) {
      const head = Buffer.alloc(Math.min(length, size));
      readSync(file, head, 0, head.length, 0);
      const dataSet = tryParse(head, path);
      // Elements are in ascending order: with Bits Stored read, Number of Frames has been passed.
      if (dataSet?.elements.x00280101) return { slices: frameCount(dataSet), hasPixels: true };
      // Read whole and well formed, it holds no image; damaged, it stays a candidate, so that decoding reports it.
      if (head.length === size) return { slices: 1, hasPixels: !wellFormed(head, path) };
    }
  } finally {
    closeSync(file);
  }
}

function wellFormed(bytes: Buffer, path: string): boolean {
  try {
    parseDataSet(bytes, path);
    return true;
  } catch {
    return false;
  }
}

function tryParse(head: Buffer, path: string): DataSet | undefined {
  try {
    return parseDataSet(head, path, 'x7fe00010', true);
  } catch {
    return undefined; // cut inside the meta information or the deflated stream: a longer prefix is tried
  }
}
