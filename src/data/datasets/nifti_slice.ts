import { gzipSync } from 'node:zlib';
import { writeFileAtomic } from '../../core/files.js';

/** Largest stored value: 1 once it is read. */
export const fullScale = 65535;

const headerBytes = 352;

/**
 * Writes one slice of several sequences as NIfTI-1 [x, y, 1, channels], 16-bit unsigned, cal_min–cal_max 0–65535, so that
 * `niftiReader` gives stored / 65535 for every channel.
 * @param planes u16[height, width] a channel @param spacing millimetres [z, y, x]
 * @throws SightlineError E_OUTPUT, E_DISK_FULL
 */
export async function writeNiftiSlice(
  path: string,
  planes: readonly Uint16Array[],
  width: number,
  height: number,
  spacing: readonly [number, number, number] = [1, 1, 1],
): Promise<void> {
  const file = Buffer.alloc(headerBytes + planes.length * width * height * 2);
  file.writeInt32LE(348, 0);
  [4, width, height, 1, planes.length, 1, 1, 1].forEach((size, i) => file.writeInt16LE(size, 40 + 2 * i));
  file.writeInt16LE(512, 70); // uint16
  file.writeInt16LE(16, 72);
  [1, spacing[2], spacing[1], spacing[0], 1, 1, 1, 1].forEach((size, i) => file.writeFloatLE(size, 76 + 4 * i));
  file.writeFloatLE(headerBytes, 108); // where voxels begin
  file.writeFloatLE(1, 112); // slope
  file.writeUInt8(2, 123); // millimetres
  file.writeFloatLE(fullScale, 124); // cal_max; cal_min stays 0
  file.write('n+1\0', 344, 'latin1');
  let at = headerBytes;
  for (const plane of planes) for (const value of plane) at = file.writeUInt16LE(value, at);
  await writeFileAtomic(path, gzipSync(file));
}
