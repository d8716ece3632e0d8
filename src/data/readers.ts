import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { SightlineError } from '../core/errors.js';
import { bmp } from './bmp.js';
import { dicom } from './dicom.js';
import { niftiReader } from './nifti.js';
import { raster } from './raster.js';
import type { Reader, ReadOptions, SliceCount } from './reader.js';
import type { Axis, Picture } from './types.js';

/** Tried in this order; DICOM first, because its preamble may hold another format's signature (dual TIFF and DICOM files do). */
export const readers: readonly Reader[] = [dicom, raster, bmp, niftiReader];

const headLength = 1024;

/** The reader whose format the content has. */
export function readerOf(head: Uint8Array): Reader | undefined {
  return readers.find((reader) => reader.recognises(head));
}

/** The reader that a file name promises: the longest matching extension. */
export function readerByName(path: string): Reader | undefined {
  const name = path.toLowerCase();
  return readers.find((reader) => reader.extensions.some((extension) => name.endsWith(extension)));
}

/** The first KiB of a file. @throws SightlineError E_NOT_FOUND when it cannot be opened. */
export function readHead(path: string): Uint8Array {
  const head = Buffer.alloc(headLength);
  try {
    const file = openSync(path, 'r');
    try {
      return head.subarray(0, readSync(file, head, 0, headLength, 0));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw accessError(error, path);
  }
}

function accessError(error: unknown, path: string): SightlineError {
  const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  return new SightlineError('E_NOT_FOUND', {
    where: path,
    what: missing
      ? 'no such file'
      : `the file cannot be opened (${(error as NodeJS.ErrnoException).code ?? String(error)})`,
    remedy: missing ? 'Check the path: manifest paths are relative to the manifest.' : 'Check its permissions.',
    cause: error,
  });
}

/**
 * The last two files of which one slice was read (a volume and its mask), newest first: neighbouring
 * slices then cost no second read, and a reader's own per-file state lives as long as the bytes do.
 */
const held: { path: string; modified: number; size: number; bytes: Buffer }[] = [];
const heldFiles = 2;

/**
 * The content of a file; with `hold` it is kept until another file is held.
 * @throws SightlineError E_NOT_FOUND, E_IMAGE_CORRUPT (empty file).
 */
export function readBytes(path: string, hold = false): Buffer {
  let bytes: Buffer;
  try {
    if (!hold) bytes = readFileSync(path);
    else {
      const { mtimeMs: modified, size } = statSync(path);
      const known = held.findIndex((f) => f.path === path && f.modified === modified && f.size === size);
      let [file] = known < 0 ? [] : held.splice(known, 1);
      held.splice(heldFiles - 1); // let go of an old volume before a new one is read
      file ??= { path, modified, size, bytes: readFileSync(path) };
      held.unshift(file);
      bytes = file.bytes;
    }
  } catch (error) {
    throw accessError(error, path);
  }
  if (bytes.length === 0) throw new SightlineError('E_IMAGE_CORRUPT', { where: path, what: 'the file is empty' });
  return bytes;
}

/**
 * Decodes the picture in `bytes`: by content first; a name that promises a format which the content
 * does not have is a damaged file.
 * @throws SightlineError E_IMAGE_FORMAT, E_IMAGE_CORRUPT, E_IMAGE_VALUES, E_ARGUMENT.
 */
export async function decodePicture(bytes: Buffer, path: string, options: ReadOptions = {}): Promise<Picture> {
  const reader = readerOf(bytes.subarray(0, headLength));
  if (reader) return reader.decode(bytes, path, options);
  const promised = readerByName(path);
  throw new SightlineError(promised ? 'E_IMAGE_CORRUPT' : 'E_IMAGE_FORMAT', {
    where: path,
    what: promised
      ? `the content is not ${promised.formats.join(', ')} in spite of the file's name`
      : 'not an image format that is read',
    remedy: promised
      ? 'Copy the file again from its source.'
      : `Formats: ${readers.flatMap((r) => r.formats).join(', ')}.`,
  });
}

/**
 * Slices of a file by its header; 1 for formats that are one picture.
 * @throws SightlineError E_NOT_FOUND; E_IMAGE_FORMAT, E_IMAGE_CORRUPT from the header.
 */
export function sliceCount(path: string, axis: Axis): SliceCount {
  return readerOf(readHead(path))?.countSlices?.(path, axis) ?? { slices: 1, hasPixels: true };
}

/** Reads and decodes one picture from disk. */
export async function openPicture(path: string, options: ReadOptions = {}): Promise<Picture> {
  return decodePicture(readBytes(path, options.slice !== undefined), path, options);
}
