import { SightlineError } from '../core/errors.js';
import type { DicomHeader } from './dicom_header.js';

/**
 * DICOM RLE (PS3.5 annex G): up to 15 PackBits segments per frame, one per byte plane, the most
 * significant byte of a sample first. Returns samples plane after plane.
 * @throws SightlineError E_IMAGE_CORRUPT on truncated data or a segment count that does not fit the header.
 */
export function decodeRle(bytes: Uint8Array, header: DicomHeader, where: string): Uint8Array | Uint16Array {
  const pixels = header.rows * header.columns;
  const bytesPerSample = header.bitsAllocated / 8;
  const corrupt = (what: string) =>
    new SightlineError('E_IMAGE_CORRUPT', { where, what, remedy: 'Transfer the file again from its source.' });
  if (bytesPerSample > 2) {
    throw new SightlineError('E_IMAGE_FORMAT', {
      where,
      what: `RLE with ${header.bitsAllocated} bits is not read`,
      remedy: 'Decompress the file with a DICOM toolkit.',
    });
  }
  if (bytes.length < 64) throw corrupt('truncated RLE header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const segments = view.getUint32(0, true);
  const expected = header.samples * bytesPerSample;
  if (segments !== expected) {
    throw corrupt(`${segments} RLE segments where ${expected} are needed`);
  }
  const planes: Uint8Array[] = [];
  for (let s = 0; s < segments; s++) {
    const start = view.getUint32(4 + 4 * s, true);
    const end = s + 1 < segments ? view.getUint32(8 + 4 * s, true) : bytes.length;
    const plane = new Uint8Array(pixels);
    const filled = start <= end && end <= bytes.length ? unpack(bytes.subarray(start, end), plane) : 0;
    if (filled < pixels) throw corrupt(`RLE segment ${s} holds ${filled} of ${pixels} bytes`);
    planes.push(plane);
  }
  if (bytesPerSample === 1) return new Uint8Array(Buffer.concat(planes));
  const out = new Uint16Array(pixels * header.samples);
  for (let c = 0; c < header.samples; c++) {
    const [high, low] = [planes[2 * c], planes[2 * c + 1]];
    for (let i = 0; i < pixels; i++) out[c * pixels + i] = (high[i] << 8) | low[i];
  }
  return out;
}

/** PackBits into `out`; returns how many bytes were written. */
function unpack(input: Uint8Array, out: Uint8Array): number {
  let p = 0;
  let o = 0;
  while (p < input.length && o < out.length) {
    const control = input[p++];
    if (control < 128) {
      const end = Math.min(p + control + 1, input.length);
      while (p < end && o < out.length) out[o++] = input[p++];
    } else if (control > 128 && p < input.length) {
      const value = input[p++];
      const end = Math.min(o + 257 - control, out.length);
      out.fill(value, o, end);
      o = end;
    }
  }
  return o;
}
