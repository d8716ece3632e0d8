import { SightlineError } from '../core/errors.js';
import type { Sample } from '../data/types.js';
import type { RunStore } from '../store/run_store.js';
import { runFingerprint } from './fingerprint.js';
import type { Cell, RunConfig } from './run_config.js';
import type { LoopData } from './run_data.js';

/**
 * Puts a new run into its store, or takes up the one that is there if it was made with the same settings.
 * @throws SightlineError E_RESUME_MISMATCH
 */
export async function beginRun(store: RunStore, config: RunConfig, cell: Cell, data: LoopData): Promise<void> {
  const print = runFingerprint(config, cell, data);
  const earlier = await store.meta<Record<string, string>>('fingerprint');
  if (!earlier) {
    const parts = Object.entries({ first: data.first, second: data.second }).flatMap(([set, own]) =>
      Object.entries(own ?? {}).flatMap(([part, samples]: [string, readonly Sample[]]) =>
        samples.map((sample) => ({ ...sample, part: set === 'first' ? part : `second ${part}` })),
      ),
    );
    const about = {
      strategy: cell.entry.name,
      entry: cell.entry,
      seed: cell.seed,
      classes: data.classes,
      poolSize: data.first.pool.length,
    };
    await store.begin(parts, { fingerprint: print, ...about });
    return;
  }
  const changed = Object.keys(print).filter((key) => earlier[key] !== print[key]);
  if (!changed.length) return;
  throw new SightlineError('E_RESUME_MISMATCH', {
    where: cell.folder,
    what: `the run there was made with another ${changed.join(', ')}`,
    remedy: 'Give the same settings, or --overwrite to start again, or another folder as out.',
  });
}
