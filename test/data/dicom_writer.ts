/** A minimal DICOM writer for tests: explicit little endian (or implicit), any elements, native or encapsulated pixels. */

export type Value = number | number[] | string | Uint8Array | Item[];
export type Item = Record<string, [vr: string, value: Value]>;

export interface WriteOptions {
  syntax?: string;
  implicit?: boolean;
  /** full: preamble and meta; meta: meta information from byte 0; none: the bare data set. */
  start?: 'full' | 'meta' | 'none';
  /** Fragments of the encapsulated pixel data, after a basic offset table. */
  fragments?: Uint8Array[];
  offsets?: number[];
}

const longVrs = new Set(['OB', 'OW', 'SQ', 'UN', 'UT', 'OF', 'OD', 'OV']);

function bytesOf(vr: string, value: Value): Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value);
  const list = Array.isArray(value) ? value : [value];
  if (vr === 'SQ') {
    return Buffer.concat(
      (list as Item[]).flatMap((item) => {
        const body = elements(item, false);
        const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
        head.writeUInt32LE(body.length, 4);
        return [head, body];
      }),
    );
  }
  if (vr === 'US') return Buffer.concat((list as number[]).map((n) => Buffer.from([n & 255, (n >> 8) & 255])));
  if (vr === 'SS')
    return bytesOf(
      'US',
      (list as number[]).map((n) => n & 0xffff),
    );
  const text = list.join('\\');
  return Buffer.from(text.length % 2 ? text + (vr === 'UI' ? '\0' : ' ') : text, 'latin1');
}

function element(tag: string, vr: string, body: Buffer, implicit: boolean, length = body.length): Buffer {
  const group = parseInt(tag.slice(0, 4), 16);
  const number = parseInt(tag.slice(4), 16);
  const head = Buffer.alloc(implicit || !longVrs.has(vr) ? 8 : 12);
  head.writeUInt16LE(group, 0);
  head.writeUInt16LE(number, 2);
  if (implicit) head.writeUInt32LE(length >>> 0, 4);
  else {
    head.write(vr, 4, 'latin1');
    if (longVrs.has(vr)) head.writeUInt32LE(length >>> 0, 8);
    else head.writeUInt16LE(length, 6);
  }
  return Buffer.concat([head, body]);
}

function elements(item: Item, implicit: boolean): Buffer {
  const sorted = Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat(
    sorted.map(([tag, [vr, value]]) => {
      const body = bytesOf(vr, value);
      return element(tag, vr, body.length % 2 ? Buffer.concat([body, Buffer.alloc(1)]) : body, implicit);
    }),
  );
}

function encapsulated(fragments: readonly Uint8Array[], offsets: readonly number[]): Buffer {
  const item = (body: Uint8Array) => {
    const padded = body.length % 2 ? Buffer.concat([body, Buffer.alloc(1)]) : Buffer.from(body);
    const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
    head.writeUInt32LE(padded.length, 4);
    return Buffer.concat([head, padded]);
  };
  const table = Buffer.alloc(offsets.length * 4);
  offsets.forEach((o, i) => table.writeUInt32LE(o, 4 * i));
  const end = Buffer.from([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
  return Buffer.concat([item(table), ...fragments.map(item), end]);
}

export function writeDicom(item: Item, options: WriteOptions = {}): Buffer {
  const implicit = options.implicit ?? false;
  const syntax = options.syntax ?? (implicit ? '1.2.840.10008.1.2' : '1.2.840.10008.1.2.1');
  const start = options.start ?? 'full';
  const metaBody = elements({ '00020010': ['UI', syntax] }, false);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(metaBody.length);
  const meta = Buffer.concat([element('00020000', 'UL', length, false), metaBody]);
  const parts: Buffer[] = [];
  if (start === 'full') parts.push(Buffer.alloc(128), Buffer.from('DICM'));
  if (start !== 'none') parts.push(meta);
  parts.push(elements(item, implicit));
  if (options.fragments)
    parts.push(element('7fe00010', 'OB', encapsulated(options.fragments, options.offsets ?? []), false, 0xffffffff));
  return Buffer.concat(parts);
}

/** The image attributes of a picture, with a name and an id that must never be read. */
export function imageItem(rows: number, columns: number, more: Item = {}): Item {
  return {
    '00080018': ['UI', '1.2.3.4.5'],
    '00100010': ['PN', 'Secret^Name'],
    '00100020': ['LO', 'SECRET-ID'],
    '00280002': ['US', 1],
    '00280004': ['CS', 'MONOCHROME2'],
    '00280010': ['US', rows],
    '00280011': ['US', columns],
    '00280100': ['US', 8],
    '00280101': ['US', 8],
    '00280102': ['US', 7],
    '00280103': ['US', 0],
    ...more,
  };
}

export const depth16 = (bits = 16, signed = false, highBit = bits - 1): Item => ({
  '00280100': ['US', 16],
  '00280101': ['US', bits],
  '00280102': ['US', highBit],
  '00280103': ['US', signed ? 1 : 0],
});

export const colour = (photometric: string, planar = 0): Item => ({
  '00280002': ['US', 3],
  '00280004': ['CS', photometric],
  '00280006': ['US', planar],
});

export const words = (values: ArrayLike<number>): Uint8Array => {
  const out = Buffer.alloc(values.length * 2);
  for (let i = 0; i < values.length; i++) out.writeUInt16LE(values[i] & 0xffff, 2 * i);
  return out;
};
