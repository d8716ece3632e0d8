import { SightlineError } from '../core/errors.js';
import type { Reader } from './reader.js';
import type { Picture } from './types.js';

/**
 * Windows bitmaps: 1, 4, 8 (also RLE8), 16, 24 and 32 bits per pixel, bottom-up or top-down. libvips
 * as shipped with sharp has no BMP loader, and the packages on npm return four channels whatever the
 * file holds, so that a grey picture could not stay one channel; hence a reader of our own.
 * A palette whose colours are all grey gives one channel, any other colour picture three; alpha is dropped.
 * Label maps of 4 and 8 bits are read without their palette: what a pixel belongs to is its index, and writers colour indices as
 * they like. Of 1 bit the palette counts even so: some writers make 0 the white one, and white is what was meant as inside.
 */
export const bmp: Reader = {
  formats: ['bmp'],
  extensions: ['.bmp', '.dib'],
  recognises: (head) =>
    head[0] === 0x42 && head[1] === 0x4d && head.length >= 30 && [12, 40, 52, 56, 64, 108, 124].includes(head[14]),
  decode: async (bytes, where, { labels }) => decode(bytes, where, labels === true),
};

const compressions = ['none', 'RLE8', 'RLE4', 'bit fields', 'JPEG', 'PNG', 'bit fields with alpha'];

interface Header {
  width: number;
  height: number;
  topDown: boolean;
  bits: number;
  compression: number;
  offset: number;
  palette: Uint8Array; // B G R triplets
  masks: [number, number, number];
}

function decode(bytes: Buffer, where: string, labels: boolean): Picture {
  const corrupt = (what: string) =>
    new SightlineError('E_IMAGE_CORRUPT', { where, what, remedy: 'Copy the file again from its source.' });
  const header = readHeader(bytes, where);
  const { width, height, bits, compression } = header;
  if (width < 1 || height < 1 || width * height > 2 ** 30) throw corrupt(`impossible size ${width}×${height}`);
  if (bits > 8) return wrap(header, trueColour(bytes, header, corrupt), 3);
  const indices = compression === 1 ? runLength8(bytes, header, corrupt) : packedIndices(bytes, header, corrupt);
  if (labels && bits > 1) return wrap(header, indices, 1);
  const colours = header.palette.length / 3;
  let grey = true;
  for (let i = 0; i < colours; i++) {
    const [b, g, r] = header.palette.subarray(3 * i, 3 * i + 3);
    grey &&= b === g && g === r;
  }
  const channels = grey ? 1 : 3;
  const data = new Uint8Array(width * height * channels);
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i];
    if (index >= colours) throw corrupt(`pixel ${i} uses colour ${index} of a palette of ${colours}`);
    for (let c = 0; c < channels; c++) data[channels * i + c] = header.palette[3 * index + 2 - c];
  }
  return wrap(header, data, channels);
}

function wrap({ width, height, bits, compression }: Header, data: Uint8Array, channels: number): Picture {
  const encoding = compressions[compression];
  return {
    width,
    height,
    channels,
    data,
    scale: 1 / 255,
    source: { format: 'bmp', encoding, bits: bits < 8 ? bits : 8, slices: 1 },
  };
}

function readHeader(bytes: Buffer, where: string): Header {
  try {
    const size = bytes.readUInt32LE(14);
    const core = size === 12; // OS/2 header: 16-bit sizes, three-byte palette entries
    const width = core ? bytes.readUInt16LE(18) : bytes.readInt32LE(18);
    const signedHeight = core ? bytes.readInt16LE(20) : bytes.readInt32LE(22);
    const bits = bytes.readUInt16LE(core ? 24 : 28);
    const compression = core ? 0 : bytes.readUInt32LE(30);
    const supported =
      [1, 4, 8, 16, 24, 32].includes(bits) &&
      (compression === 0 ||
        (compression === 1 && bits === 8) ||
        ((compression === 3 || compression === 6) && bits >= 16));
    if (!supported) {
      throw new SightlineError('E_IMAGE_FORMAT', {
        where,
        what: `BMP with ${bits} bits per pixel and compression ${compressions[compression] ?? compression} is not read`,
        remedy: 'Save it as PNG or as an uncompressed 8- or 24-bit BMP.',
      });
    }
    const entry = core ? 3 : 4;
    const used = core ? 0 : bytes.readUInt32LE(46);
    const colours = bits <= 8 ? Math.min(used || 1 << bits, 1 << bits) : 0;
    // With BITMAPINFOHEADER the bit-field masks follow the header, as they do inside the larger headers.
    const masks: Header['masks'] =
      compression === 3 || compression === 6
        ? [bytes.readUInt32LE(54), bytes.readUInt32LE(58), bytes.readUInt32LE(62)]
        : bits === 16
          ? [0x7c00, 0x3e0, 0x1f]
          : [0xff0000, 0xff00, 0xff];
    const palette = new Uint8Array(colours * 3);
    for (let i = 0; i < colours; i++)
      for (let c = 0; c < 3; c++) palette[3 * i + c] = bytes.readUInt8(14 + size + entry * i + c);
    return {
      width,
      height: Math.abs(signedHeight),
      topDown: signedHeight < 0,
      bits,
      compression,
      offset: bytes.readUInt32LE(10),
      palette,
      masks,
    };
  } catch (error) {
    throw SightlineError.from(error, 'E_IMAGE_CORRUPT', {
      where,
      what: 'the BMP header is truncated',
      remedy: 'Copy the file again from its source.',
    });
  }
}

type Corrupt = (what: string) => SightlineError;

/** Rows of the file in top-to-bottom order, each padded to four bytes in the file. */
function* rows(bytes: Buffer, { width, height, topDown, bits, offset }: Header, corrupt: Corrupt): Generator<Buffer> {
  const stride = Math.ceil((width * bits) / 32) * 4;
  // The last row's padding may be missing: some writers leave it out.
  if (bytes.length < offset + stride * (height - 1) + Math.ceil((width * bits) / 8)) {
    throw corrupt(`truncated: ${bytes.length} bytes of ${offset + stride * height}`);
  }
  for (let y = 0; y < height; y++) {
    const start = offset + stride * (topDown ? y : height - 1 - y);
    yield bytes.subarray(start, start + stride);
  }
}

function packedIndices(bytes: Buffer, header: Header, corrupt: Corrupt): Uint8Array {
  const { width, height, bits } = header;
  const out = new Uint8Array(width * height);
  const perByte = 8 / bits;
  const mask = (1 << bits) - 1;
  let o = 0;
  for (const row of rows(bytes, header, corrupt)) {
    for (let x = 0; x < width; x++)
      out[o++] = (row[Math.floor(x / perByte)] >> (8 - bits * ((x % perByte) + 1))) & mask;
  }
  return out;
}

function runLength8(bytes: Buffer, { width, height, topDown, offset }: Header, corrupt: Corrupt): Uint8Array {
  const out = new Uint8Array(width * height);
  let p = offset;
  let x = 0;
  let y = 0;
  const next = () => {
    if (p >= bytes.length) throw corrupt('truncated run-length data');
    return bytes[p++];
  };
  const put = (value: number) => {
    if (x >= width || y >= height) throw corrupt('run-length data leaves the picture');
    out[(topDown ? y : height - 1 - y) * width + x++] = value;
  };
  for (;;) {
    const count = next();
    const value = next();
    if (count > 0) {
      for (let i = 0; i < count; i++) put(value);
    } else if (value === 0) {
      x = 0;
      y++;
    } else if (value === 1) {
      return out;
    } else if (value === 2) {
      x += next();
      y += next();
    } else {
      for (let i = 0; i < value; i++) put(next());
      p += value % 2; // absolute runs are padded to 16 bits
    }
  }
}

function trueColour(bytes: Buffer, header: Header, corrupt: Corrupt): Uint8Array {
  const { width, height, bits, masks } = header;
  const out = new Uint8Array(width * height * 3);
  const fields = masks.map((mask) => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
    return { mask, shift, gain: mask === 0 ? 0 : 255 / (mask >>> shift) };
  });
  let o = 0;
  for (const row of rows(bytes, header, corrupt)) {
    for (let x = 0; x < width; x++) {
      if (bits === 24) {
        for (let c = 2; c >= 0; c--) out[o++] = row[3 * x + c];
      } else {
        const pixel = bits === 16 ? row.readUInt16LE(2 * x) : row.readUInt32LE(4 * x);
        for (const { mask, shift, gain } of fields) out[o++] = Math.round(((pixel & mask) >>> shift) * gain);
      }
    }
  }
  return out;
}
