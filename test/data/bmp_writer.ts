export interface BmpParts {
  width: number;
  height: number;
  bits: number;
  compression?: number;
  palette?: number[][];
  rows: Uint8Array;
  masks?: number[];
}

/** A Windows bitmap. Rows as the file stores them, padding included. */
export function writeBmp({ width, height, bits, compression = 0, palette = [], rows, masks = [] }: BmpParts): Buffer {
  const head = Buffer.alloc(54);
  const offset = 54 + masks.length * 4 + palette.length * 4;
  head.write('BM');
  head.writeUInt32LE(offset + rows.length, 2);
  head.writeUInt32LE(offset, 10);
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(width, 18);
  head.writeInt32LE(height, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(bits, 28);
  head.writeUInt32LE(compression, 30);
  head.writeUInt32LE(palette.length, 46);
  const words = Buffer.alloc(masks.length * 4);
  masks.forEach((m, i) => words.writeUInt32LE(m >>> 0, 4 * i));
  return Buffer.concat([head, words, Buffer.from(palette.flatMap(([r, g, b]) => [b, g, r, 0])), rows]);
}
