import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { expectArgument, SightlineError } from '../core/errors.js';
import { writeFileAtomic } from '../core/files.js';
import { ProgressMeter, type ProgressListener } from '../core/progress.js';
import { PhantomArtist, type Phantom } from './phantom_image.js';

export interface PhantomOptions {
  /** Folder; made when it does not exist. */
  out: string;
  count: number;
  /** Side in pixels. Default 256. */
  size?: number;
  /** Default 0. Image i depends on the seed, the size and i alone: any count is a prefix of a larger one. */
  seed?: number;
  onProgress?: ProgressListener;
}

/** Encoding runs on libuv's threads while the next picture is drawn; this bounds what waits. */
const inFlight = 6;

/**
 * Writes a synthetic set: images/ and masks/ (8-bit PNG) and manifest.csv with id, path, label (normal or
 * lesion), mask, boxes, patient, split (pool, validation, test; by patient). Normals have neither mask nor boxes.
 * @throws SightlineError E_OUTPUT, E_DISK_FULL, E_ARGUMENT.
 */
export async function writePhantoms({
  out,
  count,
  size = 256,
  seed = 0,
  onProgress,
}: PhantomOptions): Promise<{ manifest: string; count: number }> {
  expectArgument(Number.isInteger(count) && count > 0, 'count', 'a positive whole number', count);
  expectArgument(Number.isInteger(size) && size >= 16 && size <= 8192, 'size', 'a whole number from 16 to 8192', size);
  const manifest = join(out, 'manifest.csv');
  try {
    await mkdir(join(out, 'images'), { recursive: true });
    await mkdir(join(out, 'masks'), { recursive: true });
    const artist = new PhantomArtist(seed, size);
    const meter = new ProgressMeter('drawing phantoms', count, onProgress);
    const rows = ['id,path,label,mask,boxes,patient,split'];
    const writing = new Set<Promise<void>>();
    for (let i = 0; i < count; i++) {
      const phantom = artist.draw(i);
      rows.push(manifestRow(phantom));
      const written = writePhantom(phantom, out).then(() => meter.add(1));
      writing.add(written);
      const done = () => writing.delete(written);
      written.then(done, () => {});
      if (writing.size >= inFlight) await Promise.race(writing);
    }
    await Promise.all(writing);
    await writeFileAtomic(manifest, rows.join('\n') + '\n');
  } catch (error) {
    throw SightlineError.from(error, 'E_OUTPUT', { where: out, remedy: 'Choose a folder that you may write to.' });
  }
  return { manifest, count };
}

const imagePath = ({ id }: Phantom) => `images/${id}.png`;
const maskPath = ({ id, mask }: Phantom) => (mask ? `masks/${id}.png` : '');

function manifestRow(phantom: Phantom): string {
  const boxes = phantom.boxes.map(({ x0, y0, x1, y1 }) => [x0, y0, x1, y1].join(';')).join('|');
  return [phantom.id, imagePath(phantom), phantom.label, maskPath(phantom), boxes, phantom.patient, phantom.split].join(
    ',',
  );
}

async function writePhantom(phantom: Phantom, out: string): Promise<void> {
  await writeFile(join(out, imagePath(phantom)), await encode(phantom.pixels, phantom.size));
  if (phantom.mask) await writeFile(join(out, maskPath(phantom)), await encode(phantom.mask, phantom.size));
}

function encode(pixels: Uint8Array, size: number): Promise<Buffer> {
  return sharp(pixels, { raw: { width: size, height: size, channels: 1 } })
    .toColourspace('b-w')
    .png({ compressionLevel: 6 })
    .toBuffer();
}
