import { workerData, workerTask } from '../core/worker_pool.js';
import { openBatchScorer, type BatchScorer, type InferenceSetup, type InferenceTask } from './batch_scorer.js';

/** piscina entry: one model session per thread, opened with the first task. */
let scorer: Promise<BatchScorer> | undefined;

export default workerTask(async (task: InferenceTask) => {
  scorer ??= openBatchScorer(workerData<InferenceSetup>());
  return (await scorer).run(task);
});
