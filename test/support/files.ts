import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';

/** A folder of its own for a test, removed when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sightline-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder for a whole test file, removed after its last test. Ask for it in `beforeAll`. */
export async function sharedFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sightline-test-'));
  sharedFolders.push(folder);
  return folder;
}

const sharedFolders: string[] = [];
afterAll(async () => {
  for (const folder of sharedFolders.splice(0)) await rm(folder, { recursive: true, force: true });
});
