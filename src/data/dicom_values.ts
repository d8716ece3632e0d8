import type { DataSet } from 'dicom-parser';
import { SightlineError } from '../core/errors.js';
import type { DicomHeader } from './dicom_header.js';
import { frameItem } from './dicom_header.js';
import { finiteRange } from './intensity.js';
import type { Window } from './types.js';

/** A lookup table of PS3.3 C.11: entry 0 is for input `first`; inputs outside take the end entries. */
export interface Lut {
  first: number;
  entries: Uint16Array;
  /** Largest value that an entry can have: 2^bits − 1. */
  maximum: number;
}

export type VoiFunction = 'LINEAR' | 'LINEAR_EXACT' | 'SIGMOID';
export type Voi = ({ kind: 'window'; fn: VoiFunction } & Window) | { kind: 'lut'; lut: Lut };

/**
 * Stored pixel values: bits above the high bit (old overlays) masked away, the rest shifted down and
 * sign-extended; beyond 24 bits rounded to float32. `data` may come from a codec that has extended the sign already: the result is the same.
 */
export function storedValues(data: Uint8Array | Uint16Array | Uint32Array, header: DicomHeader): Float32Array {
  const { bitsStored, highBit, signed } = header;
  const out = new Float32Array(data.length);
  const up = 31 - highBit;
  const down = 32 - bitsStored;
  if (signed) for (let i = 0; i < data.length; i++) out[i] = (data[i] << up) >> down;
  else for (let i = 0; i < data.length; i++) out[i] = (data[i] << up) >>> down;
  return out;
}

/** Value after the modality transform (Hounsfield units for CT): a lookup table, or slope and intercept. */
export function modalityTransform(
  dataSet: DataSet,
  header: DicomHeader,
  frame: number,
  where: string,
): (stored: number) => number {
  const item = dataSet.elements.x00283000?.items?.[0]?.dataSet;
  if (item) {
    const lut = readLut(item, header.signed, where);
    return (stored) => lookUp(lut, stored);
  }
  const group = frameItem(dataSet, 'x00289145', frame) ?? dataSet;
  const slope = group.floatString('x00281053') ?? 1;
  const intercept = group.floatString('x00281052') ?? 0;
  if (!Number.isFinite(slope) || !Number.isFinite(intercept) || slope === 0) {
    throw new SightlineError('E_IMAGE_FORMAT', {
      where,
      what: `rescale slope ${slope} and intercept ${intercept} are not usable`,
    });
  }
  return (stored) => stored * slope + intercept;
}

/** The first window of the frame or file, else its first VOI lookup table, else undefined. */
export function voiTransform(dataSet: DataSet, frame: number, where: string): Voi | undefined {
  const group = frameItem(dataSet, 'x00289132', frame) ?? dataSet;
  const center = group.floatString('x00281050', 0);
  const width = group.floatString('x00281051', 0);
  if (center !== undefined && width !== undefined && Number.isFinite(center) && Number.isFinite(width)) {
    const name = group.string('x00281056')?.trim() ?? 'LINEAR';
    const fn: VoiFunction = name === 'SIGMOID' || name === 'LINEAR_EXACT' ? name : 'LINEAR';
    // Width 0 (LINEAR: below 1) is invalid by the standard and seen in files: treat as no window.
    if (fn === 'LINEAR' ? width >= 1 : width > 0) return { kind: 'window', fn, center, width };
  }
  const item = group.elements.x00283010?.items?.[0]?.dataSet;
  return item ? { kind: 'lut', lut: readLut(item, false, where) } : undefined;
}

/** Display value in [0, 1] of a modality value (PS3.3 C.11.2.1.2 and C.11.2.1.3). */
export function applyVoi(value: number, voi: Voi): number {
  if (voi.kind === 'lut') return lookUp(voi.lut, value) / voi.lut.maximum;
  const { fn, center, width } = voi;
  if (fn === 'SIGMOID') return 1 / (1 + Math.exp((-4 * (value - center)) / width));
  if (fn === 'LINEAR_EXACT') return clamp((value - center) / width + 0.5);
  if (value <= center - 0.5 - (width - 1) / 2) return 0;
  if (value > center - 0.5 + (width - 1) / 2) return 1;
  return clamp((value - (center - 0.5)) / (width - 1) + 0.5);
}

function clamp(v: number): number {
  return v < 0 ? 0 : v > 1 ? 1 : v;
}

function lookUp({ first, entries }: Lut, value: number): number {
  const index = Math.round(value) - first;
  return entries[index < 0 ? 0 : index >= entries.length ? entries.length - 1 : index];
}

/**
 * Grey frame in [0, 1]: modality transform, then the given window (linear, exact), else the file's
 * window or table, else minimum–maximum of the frame without padding. MONOCHROME1 is inverted so
 * that more is brighter; padding pixels are black in the result either way.
 */
export function greyToUnit(
  stored: Float32Array,
  dataSet: DataSet,
  header: DicomHeader,
  frame: number,
  where: string,
  window?: Window,
): Float32Array {
  const modality = modalityTransform(dataSet, header, frame, where);
  const voi = window
    ? { kind: 'window' as const, fn: 'LINEAR_EXACT' as const, ...window }
    : voiTransform(dataSet, frame, where);
  const isPadding = paddingTest(header);
  const out = new Float32Array(stored.length);
  const inverted = header.photometric === 'MONOCHROME1';
  const linear = voi ? undefined : range(stored, isPadding, modality);
  // Neighbouring pixels often repeat a value: the transforms run once per distinct stored value.
  const seen = new Map<number, number>();
  const display = (value: number): number => {
    const y = voi ? applyVoi(modality(value), voi) : clamp((modality(value) - linear!.low) * linear!.gain);
    return inverted ? 1 - y : y;
  };
  const table = header.bitsStored <= 16 ? new Float32Array(2 ** header.bitsStored).fill(-1) : undefined;
  const base = header.signed ? 2 ** (header.bitsStored - 1) : 0;
  for (let i = 0; i < stored.length; i++) {
    const value = stored[i];
    if (isPadding?.(value)) continue;
    if (!table) {
      let y = seen.get(value);
      if (y === undefined) seen.set(value, (y = display(value)));
      out[i] = y;
      continue;
    }
    const k = value + base;
    if (table[k] < 0) table[k] = display(value);
    out[i] = table[k];
  }
  return out;
}

function range(
  stored: Float32Array,
  isPadding: ((v: number) => boolean) | undefined,
  modality: (v: number) => number,
): { low: number; gain: number } {
  const kept = isPadding ? stored.filter((v) => !isPadding(v)) : stored;
  const ends = finiteRange(kept);
  const [a, b] = [modality(ends.low), modality(ends.high)]; // a negative slope swaps them
  const [low, high] = [Math.min(a, b), Math.max(a, b)];
  return { low, gain: high > low ? 1 / (high - low) : 0 };
}

function paddingTest({ padding }: DicomHeader): ((v: number) => boolean) | undefined {
  if (!padding) return undefined;
  const { low, high } = padding;
  return (v) => v >= low && v <= high;
}

/** Reads a LUT Descriptor and LUT Data (modality, VOI). @throws SightlineError E_IMAGE_FORMAT when unusable. */
export function readLut(
  item: DataSet,
  signedFirst: boolean,
  where: string,
  descriptor = 'x00283002',
  data = 'x00283006',
): Lut {
  const count = item.uint16(descriptor, 0);
  const first = signedFirst ? item.int16(descriptor, 1) : item.uint16(descriptor, 1);
  const bits = item.uint16(descriptor, 2);
  const element = item.elements[data];
  const length = count === 0 ? 65536 : (count ?? 0);
  if (!element || first === undefined || (bits !== 8 && !(bits! >= 9 && bits! <= 16)) || element.length < length) {
    throw new SightlineError('E_IMAGE_FORMAT', {
      where,
      what: 'a lookup table of the DICOM file is incomplete or of a kind that is not read (segmented)',
      remedy: 'Convert the file with a DICOM toolkit.',
    });
  }
  const entries = new Uint16Array(length);
  // 8-bit tables are stored one entry per byte or, by many writers, one per 16-bit word.
  const bytewise = element.length < 2 * length;
  for (let i = 0; i < length; i++)
    entries[i] = bytewise ? item.byteArray[element.dataOffset + i] : (item.uint16(data, i) ?? 0);
  return { first, entries, maximum: 2 ** bits! - 1 };
}
