import { readFileSync } from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SightlineError } from './errors.js';

/** A settings file's text. @param what it is, for the error: "the sidecar JSON" @throws SightlineError E_NOT_FOUND */
export function readText(path: string, what: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SightlineError('E_NOT_FOUND', {
      where: path,
      what: `${what} cannot be read`,
      remedy: 'Check the path.',
      cause,
    });
  }
}

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

/**
 * The JavaScript file of a module below src/, for threads and processes of its own: when the sources run as
 * TypeScript (tests), its compiled twin in dist/.
 * @param entry path below src/ without extension, e.g. "data/decode_worker"
 */
export function compiledFile(entry: string): string {
  const root = import.meta.url.endsWith('.ts')
    ? new URL('../../dist/', import.meta.url)
    : new URL('../', import.meta.url);
  return fileURLToPath(new URL(`${entry}.js`, root));
}
