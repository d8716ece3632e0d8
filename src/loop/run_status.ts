import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { glob } from 'tinyglobby';
import { writeFileAtomic } from '../core/files.js';
import type { RunContext } from './round.js';

/** Where a run stands: `status.json` in its folder, for those who look while it is at work (its store is locked then). */
export interface RunStatus {
  strategy: string;
  seed: number;
  state: 'running' | 'waiting' | 'finished';
  round: number;
  labelled: number;
  /** What it waits for, or why it has ended. */
  why?: string;
  /** ISO 8601, UTC. */
  updated: string;
}

export async function writeStatus(
  { folder, entry, seed }: Pick<RunContext, 'folder' | 'entry' | 'seed'>,
  standing: Pick<RunStatus, 'state' | 'round' | 'labelled' | 'why'>,
): Promise<void> {
  const status: RunStatus = { strategy: entry.name, seed, ...standing, updated: new Date().toISOString() };
  await writeFileAtomic(join(folder, 'status.json'), `${JSON.stringify(status, null, 2)}\n`);
}

/** The runs of a grid's folder (`<strategy>/seed-<n>`), by name. */
export async function findRuns(out: string): Promise<{ folder: string; status: RunStatus }[]> {
  const files = await glob('*/seed-*/status.json', { cwd: out, absolute: true });
  const runs = await Promise.all(
    files.sort().map(async (file) => ({
      folder: dirname(file),
      status: JSON.parse(await readFile(file, 'utf8')) as RunStatus,
    })),
  );
  return runs.sort((a, b) => (a.status.strategy === b.status.strategy ? a.status.seed - b.status.seed : 0));
}
