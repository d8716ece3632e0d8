import { openCpuBackend, type Backend } from '../backend/index.js';
import { workerData, workerTask } from '../core/worker_pool.js';
import { scoreSubset, type LabelledSamples, type ScoreSettings } from './subset_score.js';

/** What every thread needs, given once: the samples' arrays are shared memory. */
export interface SelectionSetup {
  data: LabelledSamples;
  settings: ScoreSettings;
}

let backend: Backend | undefined;

/** Worker entry: subsets of features → their accuracies, in order. */
export default workerTask(async (subsets: readonly (readonly number[])[]): Promise<number[]> => {
  const { data, settings } = workerData<SelectionSetup>();
  backend ??= openCpuBackend({ threads: 1, onNotice: () => {} }); // as many workers as cores
  const accuracies: number[] = [];
  for (const subset of subsets) accuracies.push(await scoreSubset(backend, data, subset, settings));
  return accuracies;
});
