import { openCpuBackend } from '../backend/index.js';
import { expectArgument, SightlineError } from '../core/errors.js';
import { tensor } from '../core/tensor.js';
import { coreCount, WorkerPool } from '../core/worker_pool.js';
import type { SelectionSetup } from './selection_worker.js';
import { fitsOf, type LabelledSamples, type ScoreSettings } from './subset_score.js';
import { searchSubsets, type SearchOptions, type SearchResult } from './subset_search.js';

export { compareSubsets } from './subset_search.js';
export type { LabelledSamples } from './subset_score.js';
export type { GreedyStep, ScoredSubset, SearchBudget, SearchMethod, SearchResult } from './subset_search.js';

export interface SelectionOptions extends Pick<SearchOptions, 'budget' | 'top' | 'onProgress'>, Partial<ScoreSettings> {
  /** All subsets (default), or one more feature per round. */
  method?: SearchOptions['method'];
  /** Most features in a subset. Default 4. */
  maxSize?: number;
  /** Threads. Default: the number of cores. Never changes a result. */
  workers?: number;
  onNotice?: (message: string) => void;
}

/**
 * Looks for the few features that tell the classes apart best, as Table I of IDEAL (Mahapatra et al. 2021): subsets are
 * scored by the accuracy of a random forest, out of bag or cross-validated (100 trees, one forest and the out-of-bag
 * accuracy by default).
 * @throws SightlineError E_ARGUMENT
 */
export async function selectFeatures(data: LabelledSamples, options: SelectionOptions = {}): Promise<SearchResult> {
  const { method = 'exhaustive', maxSize = 4, trees = 100, seed = 0, folds = 0, repeats = 1, ...rest } = options;
  const { workers = coreCount(), budget, top, onProgress, onNotice } = rest;
  check(data, { maxSize, trees, seed, folds, repeats, workers });
  for (const [name, value] of Object.entries(budget ?? {})) {
    expectArgument(value === undefined || value > 0, `budget.${name}`, 'a number above 0', value);
  }
  const settings: ScoreSettings = { trees, seed, folds, repeats };
  openCpuBackend({ onNotice }).close(); // here, so that a missing addon is told once
  const setup: SelectionSetup = { data: shared(data), settings };
  const pool = new WorkerPool<readonly (readonly number[])[], number[]>('forest/selection_worker', {
    threads: workers,
    data: setup,
  });
  try {
    return await searchSubsets(data.samples.dims[1], (subsets) => pool.run(subsets), {
      method,
      maxSize,
      budget,
      top,
      onProgress,
      fitsPerSubset: fitsOf(settings),
      // One chunk waits for each thread, so that none is idle.
      parallel: 2 * workers,
    });
  } finally {
    await pool.close();
  }
}

function check(
  { samples, labels, classes }: LabelledSamples,
  numbers: Record<'maxSize' | 'trees' | 'seed' | 'folds' | 'repeats' | 'workers', number>,
): void {
  const lowest = { maxSize: 1, trees: 1, seed: 0, folds: 0, repeats: 1, workers: 1 };
  for (const [name, low] of Object.entries(lowest)) {
    const value = numbers[name as keyof typeof lowest];
    expectArgument(Number.isSafeInteger(value) && value >= low, name, `a whole number from ${low}`, value);
  }
  if (samples.dims.length !== 2 || labels.dims[0] !== samples.dims[0]) {
    throw new SightlineError('E_SHAPE', {
      where: 'samples and labels',
      what: `expected [N,D] and [N], received [${samples.dims.join(',')}] and [${labels.dims.join(',')}]`,
    });
  }
  const counts = new Map<number, number>();
  for (const label of labels.data) counts.set(label, (counts.get(label) ?? 0) + 1);
  expectArgument(counts.size >= 2, 'labels', 'at least two classes', counts.size);
  expectArgument(
    Math.max(...counts.keys()) < classes,
    'labels',
    `classes below ${classes}`,
    Math.max(...counts.keys()),
  );
  const { folds } = numbers;
  const rarest = Math.min(...counts.values());
  expectArgument(
    folds !== 1 && folds <= rarest,
    'folds',
    `0, or from 2 to the rarest class's ${rarest} samples`,
    folds,
  );
}

/** The samples in memory that every thread sees. */
function shared({ samples, labels, classes }: LabelledSamples): LabelledSamples {
  const x = new Float32Array(new SharedArrayBuffer(samples.data.byteLength));
  const y = new Uint32Array(new SharedArrayBuffer(labels.data.byteLength));
  x.set(samples.data);
  y.set(labels.data);
  return { samples: tensor('f32', samples.dims, x), labels: tensor('u32', labels.dims, y), classes };
}
