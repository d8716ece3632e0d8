import { createRequire } from 'node:module';
import { SightlineError } from '../core/errors.js';
import type { DicomHeader } from './dicom_header.js';
import { decodeRle } from './dicom_rle.js';

/** Samples of one decoded frame: colour-by-pixel unless `planar`. `rgb`: the codec has converted YCbCr already. */
export interface RawFrame {
  data: Uint8Array | Uint16Array | Uint32Array;
  planar: boolean;
  rgb?: boolean;
}

type Codec = (bytes: Uint8Array, header: DicomHeader, where: string) => Promise<RawFrame> | RawFrame;

/** How frames are stored: the name for people, and the codec (none for uncompressed syntaxes). */
export const transferSyntaxes: Record<string, { name: string; codec?: Codec }> = {
  '1.2.840.10008.1.2': { name: 'implicit little endian' },
  '1.2.840.10008.1.2.1': { name: 'explicit little endian' },
  '1.2.840.10008.1.2.1.99': { name: 'deflated explicit little endian' },
  '1.2.840.10008.1.2.2': { name: 'explicit big endian' },
  '1.2.840.10008.1.2.5': { name: 'RLE lossless', codec: rle },
  '1.2.840.10008.1.2.4.50': { name: 'JPEG baseline', codec: jpegBaseline },
  '1.2.840.10008.1.2.4.51': { name: 'JPEG extended', codec: jpegBaseline },
  '1.2.840.10008.1.2.4.57': { name: 'JPEG lossless', codec: jpegLossless },
  '1.2.840.10008.1.2.4.70': { name: 'JPEG lossless SV1', codec: jpegLossless },
  '1.2.840.10008.1.2.4.80': { name: 'JPEG-LS lossless', codec: jpegLs },
  '1.2.840.10008.1.2.4.81': { name: 'JPEG-LS near-lossless', codec: jpegLs },
  '1.2.840.10008.1.2.4.90': { name: 'JPEG 2000 lossless', codec: jpeg2000 },
  '1.2.840.10008.1.2.4.91': { name: 'JPEG 2000', codec: jpeg2000 },
  '1.2.840.10008.1.2.4.201': { name: 'HTJ2K lossless', codec: htj2k },
  '1.2.840.10008.1.2.4.202': { name: 'HTJ2K lossless RPCL', codec: htj2k },
  '1.2.840.10008.1.2.4.203': { name: 'HTJ2K', codec: htj2k },
};

/** Embind decoder of the cornerstone codecs: input and output live in the module's own memory. */
interface WasmDecoder {
  getEncodedBuffer(length: number): Uint8Array;
  getDecodedBuffer(): Uint8Array;
  getFrameInfo(): { width: number; height: number; bitsPerSample: number; componentCount: number };
  decode(): void;
  getInterleaveMode?(): number;
  delete(): void;
}
type WasmModule = Record<string, new () => WasmDecoder>;

const require = createRequire(import.meta.url);
const modules = new Map<string, Promise<WasmModule>>();

/** A codec's WebAssembly module, instantiated once per thread when first needed. */
function load(specifier: string): Promise<WasmModule> {
  let module = modules.get(specifier);
  if (!module) {
    // Emscripten prints a codec's complaints to the console; they come back as our errors instead.
    const quiet = { print: () => {}, printErr: () => {} };
    module = (require(specifier) as (options: object) => Promise<WasmModule>)(quiet);
    modules.set(specifier, module);
  }
  return module;
}

async function runWasm(
  specifier: string,
  decoderName: string,
  bytes: Uint8Array,
  header: DicomHeader,
  where: string,
): Promise<RawFrame & { interleave?: number }> {
  const module = await load(specifier);
  let decoder: WasmDecoder | undefined;
  try {
    decoder = new module[decoderName]();
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
    const info = decoder.getFrameInfo();
    expectFrame(info.width, info.height, info.componentCount, header, where);
    // The view points into memory that the next decode reuses: copy.
    const decoded = Uint8Array.from(decoder.getDecodedBuffer());
    const wide = info.bitsPerSample > 8;
    const needed = info.width * info.height * info.componentCount * (wide ? 2 : 1);
    if (decoded.length < needed) throw new Error(`${decoded.length} bytes decoded of ${needed}`);
    return {
      data: wide ? new Uint16Array(decoded.buffer, 0, needed / 2) : decoded,
      planar: false,
      interleave: decoder.getInterleaveMode?.(),
    };
  } catch (error) {
    if (error instanceof SightlineError) throw error;
    modules.delete(specifier); // an aborted module is unusable: the next frame gets a fresh one
    throw frameError(where, error);
  } finally {
    try {
      decoder?.delete();
    } catch {
      // the module has aborted and is dropped above
    }
  }
}

function frameError(where: string, cause: unknown): SightlineError {
  return new SightlineError('E_IMAGE_CORRUPT', {
    where,
    what: 'the compressed pixel data is damaged or truncated',
    remedy: 'Transfer the file again from its source.',
    cause,
  });
}

function expectFrame(width: number, height: number, components: number, header: DicomHeader, where: string): void {
  if (width === header.columns && height === header.rows && components === header.samples) return;
  throw new SightlineError('E_IMAGE_CORRUPT', {
    where,
    what: `the compressed frame is ${width}×${height} with ${components} components but the header says ${header.columns}×${header.rows} with ${header.samples}`,
  });
}

function rle(bytes: Uint8Array, header: DicomHeader, where: string): RawFrame {
  return { data: decodeRle(bytes, header, where), planar: true };
}

async function jpegBaseline(bytes: Uint8Array, header: DicomHeader, where: string): Promise<RawFrame> {
  if (header.bitsAllocated > 8 || jpegPrecision(bytes) === 12) {
    throw new SightlineError('E_IMAGE_FORMAT', {
      where,
      what: '12-bit JPEG (extended process) is not read',
      remedy: 'Decompress the file with a DICOM toolkit (dcmtk: dcmdjpeg; GDCM: gdcmconv --raw).',
    });
  }
  const stream = header.photometric === 'RGB' ? withoutColourTransform(bytes) : bytes;
  const frame = await runWasm(
    '@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs',
    'JPEGDecoder',
    stream,
    header,
    where,
  );
  return { ...frame, rgb: true };
}

/** Bits per sample from the start-of-frame marker. */
function jpegPrecision(bytes: Uint8Array): number | undefined {
  for (const { marker, start } of jpegSegments(bytes)) {
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) return bytes[start + 2];
  }
  return undefined;
}

function* jpegSegments(bytes: Uint8Array): Generator<{ marker: number; start: number }> {
  for (let p = 2; p + 4 <= bytes.length && bytes[p] === 0xff && bytes[p + 1] !== 0xda;) {
    yield { marker: bytes[p + 1], start: p + 2 };
    p += 2 + ((bytes[p + 2] << 8) | bytes[p + 3]);
  }
}

/**
 * A three-component JPEG with neither JFIF nor Adobe marker is taken for YCbCr by libjpeg, although a
 * DICOM file that says RGB means RGB: an Adobe marker with transform 0 makes the decoder keep the values.
 */
function withoutColourTransform(bytes: Uint8Array): Uint8Array {
  for (const { marker } of jpegSegments(bytes)) if (marker === 0xe0 || marker === 0xee) return bytes;
  const adobe = [0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, 0];
  const out = new Uint8Array(bytes.length + adobe.length);
  out.set(bytes.subarray(0, 2));
  out.set(adobe, 2);
  out.set(bytes.subarray(2), 2 + adobe.length);
  return out;
}

interface LosslessDecoder {
  xDim: number;
  yDim: number;
  numComp: number;
  precision: number;
  decompress(buffer: ArrayBuffer, offset: number, length: number): ArrayBuffer;
}

async function jpegLossless(bytes: Uint8Array, header: DicomHeader, where: string): Promise<RawFrame> {
  // The package declares types that it does not ship.
  const specifier = 'jpeg-lossless-decoder-js';
  const { Decoder } = (await import(specifier)) as { Decoder: new () => LosslessDecoder };
  if (header.samples === 3 && header.bitsAllocated > 8) {
    throw new SightlineError('E_IMAGE_FORMAT', {
      where,
      what: 'lossless JPEG colour with more than 8 bits is not read',
      remedy: 'Decompress the file with a DICOM toolkit.',
    });
  }
  const decoder = new Decoder();
  try {
    // A real copy: a Buffer's slice() would share the file's memory, at another offset.
    const buffer = decoder.decompress(Uint8Array.from(bytes).buffer, 0, bytes.length);
    expectFrame(decoder.xDim, decoder.yDim, decoder.numComp, header, where);
    return { data: decoder.precision > 8 ? new Uint16Array(buffer) : new Uint8Array(buffer), planar: false };
  } catch (error) {
    throw error instanceof SightlineError ? error : frameError(where, error);
  }
}

async function jpegLs(bytes: Uint8Array, header: DicomHeader, where: string): Promise<RawFrame> {
  const frame = await runWasm('@cornerstonejs/codec-charls/decodewasmjs', 'JpegLSDecoder', bytes, header, where);
  // Interleave mode 0 is one scan per component: CharLS returns plane after plane.
  return { ...frame, planar: header.samples > 1 && frame.interleave === 0 };
}

function jpeg2000(bytes: Uint8Array, header: DicomHeader, where: string): Promise<RawFrame> {
  return runWasm('@cornerstonejs/codec-openjpeg/decodewasmjs', 'J2KDecoder', bytes, header, where);
}

function htj2k(bytes: Uint8Array, header: DicomHeader, where: string): Promise<RawFrame> {
  return runWasm('@cornerstonejs/codec-openjph/wasmjs', 'HTJ2KDecoder', bytes, header, where);
}
