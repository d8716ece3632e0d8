import type { Metadata } from 'sharp';
import sharp from 'sharp';
import { SightlineError } from '../core/errors.js';
import { unitRange } from './intensity.js';
import { decodePng } from './png.js';
import type { Reader, ReadOptions } from './reader.js';
import type { Picture, PictureFormat } from './types.js';

// One decode per worker at a time: the worker pool is the parallelism, and a cache of inputs that
// are read once would only hold memory.
sharp.concurrency(1);
sharp.cache(false);

const signatures: [PictureFormat, (head: Uint8Array) => boolean][] = [
  ['png', (h) => starts(h, [0x89, 0x50, 0x4e, 0x47])],
  ['jpeg', (h) => starts(h, [0xff, 0xd8, 0xff])],
  ['tiff', (h) => starts(h, [0x49, 0x49, 0x2a, 0]) || starts(h, [0x4d, 0x4d, 0, 0x2a])],
  ['tiff', (h) => starts(h, [0x49, 0x49, 0x2b, 0]) || starts(h, [0x4d, 0x4d, 0, 0x2b])], // BigTIFF
  ['webp', (h) => starts(h, [0x52, 0x49, 0x46, 0x46]) && starts(h.subarray(8), [0x57, 0x45, 0x42, 0x50])],
  ['gif', (h) => starts(h, [0x47, 0x49, 0x46, 0x38])],
];

function starts(head: Uint8Array, bytes: number[]): boolean {
  return bytes.every((b, i) => head[i] === b);
}

/**
 * PNG (1–16 bit, palette), JPEG, TIFF (8–16 bit, 32-bit float and integer), WebP and GIF through
 * libvips. Values are the stored ones: an embedded colour profile is not applied, 16 bit stays
 * 16 bit, alpha is dropped (not blended), one channel stays one channel. EXIF orientation is not
 * applied either: masks and boxes are drawn on the stored pixel grid, and annotation tools disagree
 * on whether they rotate, so rotating here would silently misplace them.
 */
export const raster: Reader = {
  formats: ['png', 'jpeg', 'tiff', 'webp', 'gif'],
  extensions: ['.png', '.jpg', '.jpeg', '.tif', '.tiff', '.webp', '.gif'],
  recognises: (head) => signatures.some(([, test]) => test(head)),
  decode,
};

async function decode(bytes: Buffer, where: string, options: ReadOptions): Promise<Picture> {
  const format = signatures.find(([, test]) => test(bytes))?.[0] ?? 'png';
  const page = options.slice ?? 0;
  if (format === 'png' && page === 0) {
    const picture = decodePng(bytes, where);
    if (picture) return picture;
  }
  // 'truncated' would do, but lets a TIFF with missing strips pass as black (sharp 0.35). limitInputPixels guards
  // against a forged header that asks for gigabytes; 1 Gpixel covers slides' overviews.
  const input = { failOn: 'error', ignoreIcc: true, page, limitInputPixels: 2 ** 30 } as const;
  let metadata: Metadata;
  let decoded: { data: Buffer; info: { width: number; height: number; channels: number } };
  try {
    metadata = await sharp(bytes, input).metadata();
    checkDepth(metadata, where);
    let image = sharp(bytes, input);
    if (metadata.hasAlpha) image = image.removeAlpha();
    // Without this sharp converts everything to 8-bit sRGB, whatever depth raw() is asked for.
    image = image.toColourspace(outputSpace(metadata));
    decoded = await image.raw({ depth: outputDepth(metadata) }).toBuffer({ resolveWithObject: true });
  } catch (error) {
    throw decodeError(error, format, page, where);
  }
  const { data, info } = decoded;
  const { values, bits } = typedPixels(data, metadata.depth);
  if (values.length !== info.width * info.height * info.channels) {
    throw new SightlineError('E_IMAGE_CORRUPT', { where, what: 'the decoder returned an incomplete picture' });
  }
  const source = {
    format,
    encoding: metadata.compression ?? format.toUpperCase(),
    bits: metadata.bitsPerSample ?? bits,
    slices: metadata.pages ?? 1,
  };
  const shape = { width: info.width, height: info.height, channels: info.channels };
  if (values instanceof Uint8Array) return { ...shape, data: values, scale: 1 / 255, source };
  if (values instanceof Uint16Array) return { ...shape, data: values, scale: 1 / 65535, source };
  return { ...shape, data: options.stored ? values : unitRange(values, where, options.window), scale: 1, source };
}

/** Integer data of 8 and 16 bit keep their depth; other depths (float and wide integer TIFF) become float. */
function outputDepth({ depth }: Metadata): 'uchar' | 'ushort' | 'float' {
  if (depth === 'uchar' || depth === 'ushort') return depth;
  return 'float';
}

/** The colour space in which libvips holds the stored values, so that none are converted (CMYK and Lab apart). */
function outputSpace({ space, depth, channels, hasAlpha }: Metadata): string {
  const colours = channels - (hasAlpha ? 1 : 0);
  if (space === 'cmyk' || space === 'lab') return 'srgb';
  if (depth === 'uchar') return colours < 3 ? 'b-w' : 'srgb';
  return space;
}

function checkDepth({ depth, space }: Metadata, where: string): void {
  // Measured with sharp 0.35: signed 16-bit and 8-bit samples pass through an unsigned cast that clips negatives.
  if (depth === 'short' || depth === 'char') {
    throw new SightlineError('E_IMAGE_FORMAT', {
      where,
      what: `signed ${depth === 'short' ? 16 : 8}-bit samples (${space}) would lose their negative values`,
      remedy: 'Convert the file to unsigned 16-bit, to 32-bit float TIFF or to NIfTI.',
    });
  }
}

function typedPixels(data: Buffer, depth: string): { values: Uint8Array | Uint16Array | Float32Array; bits: number } {
  if (depth === 'uchar') return { values: new Uint8Array(data.buffer, data.byteOffset, data.length), bits: 8 };
  const width = depth === 'ushort' ? 2 : 4;
  const aligned = data.byteOffset % width === 0 ? data : Buffer.from(Uint8Array.from(data).buffer);
  if (width === 2) return { values: new Uint16Array(aligned.buffer, aligned.byteOffset, data.length / 2), bits: 16 };
  return { values: new Float32Array(aligned.buffer, aligned.byteOffset, data.length / 4), bits: 32 };
}

function decodeError(error: unknown, format: PictureFormat, page: number, where: string): SightlineError {
  if (error instanceof SightlineError) return error;
  const text = error instanceof Error ? error.message.replace(/^Input buffer /, '').split('\n')[0] : String(error);
  if (/page|bad dir/i.test(text) && page > 0) {
    return new SightlineError('E_ARGUMENT', { where, what: `there is no page ${page}`, cause: error });
  }
  // A file whose signature is known and whose header libvips rejects is damaged, not of another kind.
  const unsupported =
    !/unsupported image format/.test(text) && /unsupported|not supported|samples out of range|pixel limit/i.test(text);
  return new SightlineError(unsupported ? 'E_IMAGE_FORMAT' : 'E_IMAGE_CORRUPT', {
    where,
    what: unsupported
      ? `this kind of ${format.toUpperCase()} cannot be read (${text})`
      : `damaged ${format.toUpperCase()} data (${text})`,
    remedy: unsupported ? 'Convert it to PNG or to 8- or 16-bit TIFF.' : 'Copy the file again from its source.',
    cause: error,
  });
}
