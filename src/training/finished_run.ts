import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SightlineError } from '../core/errors.js';
import { writeFileAtomic } from '../core/files.js';
import { expectSameRun, RunFolder, type Fingerprint } from './run_folder.js';

const fileOf = (path: string) => join(path, 'result.json');

/**
 * What the finished run in a folder came to, as `writeFinished` left it; null where a run has yet to end. What is left of
 * its checkpoints is removed.
 * @param fingerprint as given to `writeFinished`, the length of the run included: without checkpoints none goes on
 * @param products files without which it counts as not finished
 * @throws SightlineError E_OUTPUT without `resume`, E_RESUME_MISMATCH naming what differs, E_MODEL_FORMAT (damaged)
 */
export async function readFinished<R>(
  path: string,
  fingerprint: Fingerprint,
  products: readonly string[],
  { resume = false, overwrite = false }: { resume?: boolean; overwrite?: boolean } = {},
): Promise<R | null> {
  const file = fileOf(path);
  if (!existsSync(file)) return null;
  if (overwrite || !products.every((name) => existsSync(join(path, name)))) {
    await rm(file, { force: true });
    return null;
  }
  const { fingerprint: earlier, result } = await parsed<R>(file);
  expectSameRun(path, earlier, fingerprint, resume);
  await RunFolder.removeCheckpoints(path);
  return result;
}

/**
 * Ends a run for good: `result.json` first, then the checkpoints go, so that at any instant one of the two is there.
 * @param result plain data
 * @throws SightlineError E_OUTPUT, E_DISK_FULL
 */
export async function writeFinished(path: string, fingerprint: Fingerprint, result: object): Promise<void> {
  await writeFileAtomic(fileOf(path), `${JSON.stringify({ fingerprint, result }, null, 2)}\n`);
  await RunFolder.removeCheckpoints(path);
}

async function parsed<R>(file: string): Promise<{ fingerprint: Fingerprint; result: R }> {
  try {
    const { fingerprint, result } = JSON.parse(await readFile(file, 'utf8')) as { fingerprint: Fingerprint; result: R };
    if (fingerprint && result) return { fingerprint, result };
  } catch {
    // Told below, as a file that lacks a part is.
  }
  throw new SightlineError('E_MODEL_FORMAT', {
    where: file,
    what: 'not readable as the result of a training run',
    remedy: 'Add --overwrite to start again, or choose another --out.',
  });
}
