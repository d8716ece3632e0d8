import { workerData, workerTask } from '../core/worker_pool.js';
import { openBatchScorer, type BatchScorer } from './batch_scorer.js';
import type { InferenceSetup, InferenceTask } from './inference.js';

/** piscina entry: one model session per thread, opened with the first task. */
let scorer: Promise<BatchScorer> | undefined;

export default workerTask(async (task: InferenceTask) => {
  scorer ??= openBatchScorer(workerData<InferenceSetup>());
  return (await scorer).run(task);
});
