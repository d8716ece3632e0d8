import { open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { SightlineError } from './errors.js';

let serial = 0;

/**
 * Writes a whole file or nothing: the data goes to a temporary file beside `path`, is flushed to the
 * disk and then renamed over it, so that a reader, or a run resumed after a crash, never sees half a file.
 * @throws SightlineError E_DISK_FULL when no space is left, E_OUTPUT for any other failure.
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  // Process id and serial keep concurrent writers of the same path apart.
  const temporary = join(dirname(path), `.${basename(path).slice(0, 80)}.${process.pid}-${serial++}.tmp`);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw SightlineError.from(error, 'E_OUTPUT', {
      where: path,
      remedy: 'Choose an output folder that exists and that you may write to.',
    });
  }
}
