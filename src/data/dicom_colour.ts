import type { DataSet } from 'dicom-parser';
import { SightlineError } from '../core/errors.js';
import type { RawFrame } from './dicom_codecs.js';
import type { DicomHeader } from './dicom_header.js';
import { readLut } from './dicom_values.js';

interface ColourPixels {
  channels: number;
  data: Uint8Array | Uint16Array;
  scale: number;
}

/**
 * RGB, YBR_FULL(_422), YBR_RCT, YBR_ICT and PALETTE COLOR frames as interleaved RGB.
 * @throws SightlineError E_IMAGE_FORMAT for other photometric interpretations.
 */
export function colourPicture(raw: RawFrame, dataSet: DataSet, header: DicomHeader, where: string): ColourPixels {
  const { photometric, bitsStored } = header;
  if (raw.data instanceof Uint32Array) {
    throw new SightlineError('E_IMAGE_FORMAT', {
      where,
      what: '32-bit colour is not read',
      remedy: 'Convert the file to 8 or 16 bits.',
    });
  }
  const { data: stored, planar } = raw;
  if (photometric === 'PALETTE COLOR') return paletteColour(stored, dataSet, where);
  // JPEG 2000 codecs undo the component transforms RCT and ICT themselves.
  const supported = ['RGB', 'YBR_FULL', 'YBR_FULL_422', 'YBR_RCT', 'YBR_ICT'].includes(photometric);
  if (!supported && !raw.rgb) {
    throw new SightlineError('E_IMAGE_FORMAT', {
      where,
      what: `photometric interpretation ${photometric} is not read`,
      remedy: 'Convert the file to RGB with a DICOM toolkit.',
    });
  }
  const pixels = header.rows * header.columns;
  const data = planar ? interleave(stored, pixels) : stored.subarray(0, 3 * pixels);
  if (photometric.startsWith('YBR_FULL') && !raw.rgb) ybrToRgb(data, 2 ** (bitsStored - 1), 2 ** bitsStored - 1);
  return { channels: 3, data, scale: 1 / (2 ** bitsStored - 1) };
}

function interleave(planes: Uint8Array | Uint16Array, pixels: number): Uint8Array | Uint16Array {
  const out = planes instanceof Uint16Array ? new Uint16Array(3 * pixels) : new Uint8Array(3 * pixels);
  for (let c = 0; c < 3; c++) for (let i = 0; i < pixels; i++) out[3 * i + c] = planes[c * pixels + i];
  return out;
}

/** In place, full range, ITU-R BT.601 weights (PS3.3 C.7.6.3.1.2). */
function ybrToRgb(data: Uint8Array | Uint16Array, half: number, maximum: number): void {
  const store = (at: number, v: number) => (data[at] = v < 0 ? 0 : v > maximum ? maximum : Math.round(v));
  for (let i = 0; i < data.length; i += 3) {
    const y = data[i];
    const cb = data[i + 1] - half;
    const cr = data[i + 2] - half;
    store(i, y + 1.402 * cr);
    store(i + 1, y - (0.114 * 1.772 * cb + 0.299 * 1.402 * cr) / 0.587);
    store(i + 2, y + 1.772 * cb);
  }
}

function paletteColour(indices: Uint8Array | Uint16Array, dataSet: DataSet, where: string): ColourPixels {
  const luts = ['1', '2', '3'].map((c) => readLut(dataSet, false, where, `x0028110${c}`, `x0028120${c}`));
  const wide = luts[0].maximum > 255;
  const data = wide ? new Uint16Array(indices.length * 3) : new Uint8Array(indices.length * 3);
  for (let i = 0; i < indices.length; i++) {
    for (let c = 0; c < 3; c++) {
      const { first, entries } = luts[c];
      const index = Math.min(Math.max(indices[i] - first, 0), entries.length - 1);
      data[3 * i + c] = entries[index];
    }
  }
  return { channels: 3, data, scale: 1 / luts[0].maximum };
}
