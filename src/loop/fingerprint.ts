import { createHash } from 'node:crypto';
import type { Cell, RunConfig } from './run_config.js';
import type { LoopData } from './run_data.js';

/**
 * What decides a run's outcome, a digest per subject, so that a refused --resume can say what changed. When a run is to stop,
 * what it is computed with, and how people are asked, are absent: it may go on longer, or elsewhere.
 */
export function runFingerprint(config: RunConfig, { entry, seed }: Cell, data: LoopData): Record<string, string> {
  return {
    data: digest([data.first, data.second]),
    classes: digest([data.classes, config.finding]),
    task: config.task,
    network: digest(config.model),
    training: digest(decisive(config.training)),
    segmentation: digest(decisive(config.segmentation)),
    scoring: digest(config.scoring),
    strategy: digest(entry),
    seed: String(seed),
    'initial set': digest(config.initial),
    'batch of labels': digest(config.batch),
    // People may go on in another way than they began.
    oracle: config.oracle.kind === 'simulated' ? digest(config.oracle) : 'people',
    'switch of data sets': digest(config.switch),
    noise: digest(config.noise),
  };
}

/** Without what changes no weight. */
function decisive<T extends object>(training: T | undefined): object | undefined {
  const free = ['checkpointSeconds', 'checkpointEvery', 'threads', 'logEvery'];
  return training && Object.fromEntries(Object.entries(training).filter(([key]) => !free.includes(key)));
}

const digest = (value: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(value) ?? '')
    .digest('hex')
    .slice(0, 16);
