import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
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

/** The status of the run in a folder; null where none has begun. */
export async function readStatus(folder: string): Promise<RunStatus | null> {
  const text = await readFile(join(folder, 'status.json'), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as RunStatus);
}
