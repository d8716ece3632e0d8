import { createHash } from 'node:crypto';
import type { Cell, RunConfig } from './run_config.js';
import type { LoopData } from './run_data.js';

/**
 * What decides a run's outcome, a digest per subject, so that a refused --resume can say what changed. When a run is to stop,
 * and what it is computed with, are absent: it may go on longer, or elsewhere.
 */
export function runFingerprint(config: RunConfig, { entry, seed }: Cell, data: LoopData): Record<string, string> {
  const { checkpointSeconds: _, checkpointEvery: __, threads: ___, logEvery: ____, ...training } = config.training;
  return {
    data: digest([data.first, data.second]),
    classes: digest([data.classes, config.finding]),
    task: config.task,
    network: digest(config.model),
    training: digest(training),
    segmentation: digest(config.segmentation),
    scoring: digest(config.scoring),
    strategy: digest(entry),
    seed: String(seed),
    'initial set': digest(config.initial),
    'batch of labels': digest(config.batch),
    oracle: digest(config.oracle),
    'switch of data sets': digest(config.switch),
    noise: digest(config.noise),
  };
}

const digest = (value: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(value) ?? '')
    .digest('hex')
    .slice(0, 16);
