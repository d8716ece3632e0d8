import { openCpuBackend, type Backend } from '../backend/index.js';
import { expectArgument } from '../core/errors.js';
import { Rng } from '../core/rng.js';
import { TrainingFeed } from '../training/feed/feed.js';
import { Sampler } from '../training/feed/sampler.js';
import { Targets } from '../training/feed/targets.js';
import { GatheredRows } from '../training/gathered_rows.js';
import { openTrainingStep } from '../training/open_training_step.js';
import type { LossSettings, TrainingStep } from '../training/training_step.js';
import { validate, type TrainingTask } from '../training/validation.js';
import type { GainOptions, GainSamples } from './gain_options.js';
import { withWeightsOf } from './start_weights.js';
import { outputLabels, targetSettings, taskOf } from './training_data.js';
import {
  lossSettings,
  openNetwork,
  optimiserSettings,
  outputChannels,
  trainingPreprocessing,
} from './training_plan.js';

/** What fine-tunes share. */
interface Shared {
  task: TrainingTask;
  loss: LossSettings;
  step: TrainingStep;
  backend: Backend;
  validation: TrainingFeed;
  rows: GatheredRows;
  /** Ids of the labelled samples that could be read, and of all representatives. */
  labelled: readonly string[];
  representatives: readonly string[];
  batch: number;
  iterations: number;
  weight: 'every-batch' | 'once';
  seed: number;
}

/**
 * Short fine-tunes from one model. Images are decoded once, without augmentation; the step is compiled once and set back to
 * the model before each.
 */
export class GainTrials {
  /** The model with a new optimiser. */
  readonly #start: Uint8Array;

  private constructor(
    private readonly shared: Shared,
    private readonly closing: readonly (() => unknown)[],
  ) {
    this.#start = shared.step.serialise();
  }

  static async open(model: string, samples: GainSamples, options: GainOptions): Promise<GainTrials> {
    const closing: (() => unknown)[] = [];
    try {
      return new GainTrials(await openShared(model, samples, options, closing), closing);
    } catch (error) {
      await closeAll(closing);
      throw error;
    }
  }

  /** Validation AUC after the fine-tune. @param representative its position; null: without any */
  async auc(trial: number, representative: number | null): Promise<number> {
    const { task, loss, step, backend, validation, rows, labelled, representatives, iterations, batch } = this.shared;
    const added = representative === null ? null : representatives[representative];
    if (added !== null && !rows.has(added)) return NaN;
    step.restore(this.#start);
    const seed = new Rng(this.shared.seed, 'gains', trial).uint32();
    const sampler = new Sampler({ count: labelled.length, batch, seed });
    for (let i = 0; i < iterations; i++) {
      const [epoch, iteration] = [Math.floor(i / sampler.iterations), i % sampler.iterations];
      const ids = sampler.batchOf(sampler.order(epoch), iteration, () => true).map(({ sample }) => labelled[sample]);
      if (added !== null && this.#takesPart(seed, epoch, iteration, sampler.iterations)) ids[batch - 1] = added;
      const report = await step.accumulate(rows.batch(ids), trial * iterations + i);
      // As in training, a batch whose loss is not finite is left out.
      if (Number.isFinite(report.loss)) await step.apply(backend);
    }
    return (await validate(step, validation, task, loss)).auc ?? NaN;
  }

  #takesPart(seed: number, epoch: number, iteration: number, iterations: number): boolean {
    return this.shared.weight === 'every-batch' || new Rng(seed, 'place', epoch).int(iterations) === iteration;
  }

  async close(): Promise<void> {
    await closeAll(this.closing);
  }
}

async function openShared(
  model: string,
  { labelled, representatives, validation }: GainSamples,
  options: GainOptions,
  closing: (() => unknown)[],
): Promise<Shared> {
  const { seed = 0, weight = 'every-batch', workers, cacheMb, decoded, onNotice } = options;
  const { batchNorm, runtime, provider, threads } = options;
  const task = taskOf(options, labelled);
  const hasAuc = task === 'classification' || task === 'multi-label';
  expectArgument(hasAuc, 'task', 'classification or multi-label, which have an AUC', task);
  const batch = Math.min(options.batch ?? 16, labelled.length);
  const ids = new Set([...labelled, ...representatives].map(({ id }) => id));
  const differ = ids.size === labelled.length + representatives.length;
  expectArgument(differ, 'samples', 'labelled samples and representatives with ids of their own', 'repeated ones');

  const preprocessing = trainingPreprocessing(options);
  const targets = Targets.learn(targetSettings(task, options, labelled), labelled, onNotice);
  const network = openNetwork(options, outputChannels(task, targets, preprocessing));
  const initial = withWeightsOf(network, model, outputLabels(task, targets));
  const loss = lossSettings(task, options, targets, labelled.length);

  const onQuarantine = ({ id, message }: { id: string; message: string }) => onNotice?.(`Left out: ${id}: ${message}`);
  const common = { targets, preprocessing, batch, decoded, onNotice, onQuarantine };
  const both = [...labelled, ...representatives];
  const feed = await TrainingFeed.open({ ...common, samples: both, workers, cacheMb: 0 });
  closing.push(() => feed.close());
  const rows = await GatheredRows.read(feed);
  const readable = labelled.map(({ id }) => id).filter((id) => rows.has(id));
  const size = Math.min(batch, readable.length);
  // A batch of one would be the representative alone.
  expectArgument(size >= 2, 'batch', 'at least 2, and as many labelled samples', size);
  const { iterations = Math.max(10, Math.floor(readable.length / size)) } = options;
  const whole = Number.isSafeInteger(iterations) && iterations > 0;
  expectArgument(whole, 'iterations', 'a whole number from 1', iterations);

  const constant = { ...options, schedule: 'constant', warmUp: 0, accumulate: 1 } as const;
  const optimiser = optimiserSettings(constant, iterations);
  const step = await openTrainingStep(initial, {
    ...{ batch: size, loss, optimiser, batchNorm, seed, runtime, provider, threads },
  });
  closing.push(() => step.close());
  const backend = openCpuBackend({ onNotice });
  closing.push(() => backend.close());
  return {
    ...{ task, loss, step, backend, rows, labelled: readable, representatives: representatives.map(({ id }) => id) },
    validation: await TrainingFeed.open({ ...common, samples: validation, workers: feed.decoders, cacheMb }),
    ...{ batch: size, iterations, weight, seed },
  };
}

async function closeAll(closing: readonly (() => unknown)[]): Promise<void> {
  for (const close of closing.toReversed()) await close();
}
