import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import sharp from 'sharp';
import { writeFileAtomic } from '../../core/files.js';

/**
 * Writes a mask as an 8-bit grey PNG, 255 inside; folders are made.
 * @param mask u8[height, width], non-zero inside @throws SightlineError E_OUTPUT, E_DISK_FULL
 */
export async function writeMaskPng(path: string, mask: Uint8Array, width: number, height: number): Promise<void> {
  const pixels = mask.map((value) => (value === 0 ? 0 : 255));
  const png = await sharp(pixels, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .png({ compressionLevel: 6 })
    .toBuffer();
  // A folder that cannot be made is told of by the write.
  await mkdir(dirname(path), { recursive: true }).catch(() => undefined);
  await writeFileAtomic(path, png);
}
