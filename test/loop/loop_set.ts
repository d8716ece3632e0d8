import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { writePhantoms } from '../../src/data/phantom.js';
import { RunStore } from '../../src/store/run_store.js';

/** Phantoms small enough for a round to take a second. */
export async function loopPhantoms(folder: string, count = 60): Promise<string> {
  return (await writePhantoms({ out: join(folder, 'phantoms'), count, size: 32, seed: 3 })).manifest;
}

/** A configuration whose rounds are quick; `more` takes the place of whole sections. */
export async function writeConfig(folder: string, data: string, more: object = {}): Promise<string> {
  await mkdir(folder, { recursive: true });
  const config = {
    data,
    out: 'out',
    split: { by: 'patient', shares: [0.7, 0.1, 0.2] },
    model: { arch: 'small-cnn', size: 16, channels: 1 },
    training: { epochs: 2, batch: 8, augmentation: 'none', learning_rate: 0.01, threads: 2 },
    strategies: ['random'],
    initial: { count: 8 },
    batch: 4,
    stop: { rounds: 2 },
    oracle: { kind: 'simulated' },
    ...more,
  };
  const file = join(folder, 'config.yaml');
  await writeFile(file, stringify(config));
  return file;
}

/** Everything that a run has decided and measured, without times: what must not depend on interruptions. */
export async function outcomeOf(folder: string): Promise<Record<string, unknown[][]>> {
  const store = await RunStore.open(folder);
  try {
    const tables = {
      answers: 'SELECT * FROM answers ORDER BY round, position',
      queries: 'SELECT round, position, id, score, predicted, confidence, reason FROM queries ORDER BY round, position',
      rankings: 'SELECT * FROM rankings ORDER BY round, rank',
      metrics: 'SELECT * FROM metrics ORDER BY round, part, metric',
      clusters: 'SELECT * FROM clusters ORDER BY round, id',
      columns: 'SELECT * FROM loop_columns ORDER BY round, name, id',
      gains: 'SELECT * FROM gains ORDER BY round, trial, representative NULLS FIRST',
      stages: 'SELECT * FROM stages ORDER BY round, stage',
    };
    const outcome: Record<string, unknown[][]> = {};
    for (const [name, sql] of Object.entries(tables)) outcome[name] = await store.query(sql);
    return outcome;
  } finally {
    store.close();
  }
}
