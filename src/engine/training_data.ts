import { expectArgument } from '../core/errors.js';
import { openPool } from '../data/pool.js';
import type { Sample } from '../data/types.js';
import { labelsOf } from '../training/feed/labels.js';
import { splitSamples, type Split, type SplitSettings } from '../training/feed/split.js';
import type { Targets, TargetSettings } from '../training/feed/targets.js';
import type { TrainingTask } from '../training/validation.js';
import type { SplitOptions, TrainOptions, TrainingChoices } from './train_options.js';

/** The samples of a training by part. @throws SightlineError as `openPool` and `splitSamples` */
export async function openTrainingData(options: TrainOptions): Promise<Split> {
  const { data, axis, onNotice } = options;
  const samples = await openPool(data, { axis, onNotice });
  return splitSamples(samples, splitSettings(samples, options), onNotice);
}

/** Options of a split as settings. */
export function splitSettings(samples: readonly Sample[], options: SplitOptions & { seed?: number }): SplitSettings {
  const { train, validation, test, shares, seed } = options;
  const given = train ?? validation ?? test;
  const by = options.split ?? (given || samples.some((sample) => sample.split !== undefined) ? 'split' : 'patient');
  if (by === 'patient') {
    expectArgument(!given, 'split', 'a column (split or fold) with values of it', by);
    expectArgument(!shares || shares.length === 3, 'shares', 'three: training, validation, test', shares);
    const [training, ofValidation, ofTest] = shares ?? [];
    return { by, seed, ...(shares && { shares: { training, validation: ofValidation, test: ofTest } }) };
  }
  expectArgument(!shares, 'shares', 'none with a column', shares);
  return { by, ...(given && { values: { training: train, validation, test } }) };
}

/** What the model is for, where nobody said. */
export function taskOf({ task, arch, loss }: TrainingChoices, training: readonly Sample[]): TrainingTask {
  if (task) return task;
  if (arch === 'unet' || loss === 'dice-ce') return 'segmentation';
  if (arch === 'autoencoder' || loss === 'mse') return 'reconstruction';
  return training.some((sample) => labelsOf(sample).length > 1) ? 'multi-label' : 'classification';
}

/** What is learnt from a sample. Two classes and binary cross-entropy: one output, the probability of the second. */
export function targetSettings(
  task: TrainingTask,
  options: TrainingChoices,
  training: readonly Sample[],
): TargetSettings {
  const { labels: classes, noneLabels: none } = options;
  switch (task) {
    case 'reconstruction':
      return { kind: 'image' };
    case 'segmentation':
      return { kind: 'mask', channels: classes ? 'classes' : 'inside', classes };
    case 'multi-label':
      return { kind: 'multi-label', classes, none };
    case 'classification': {
      if (options.loss !== 'bce') return { kind: 'classes', classes };
      const both = classes ?? [...new Set(training.flatMap(({ label }) => label ?? []))].sort();
      return both.length === 2
        ? { kind: 'multi-label', classes: [both[1]], none: [both[0]] }
        : { kind: 'classes', classes };
    }
  }
}

/** Names of the outputs. One output of two classes: both names, the second is what it stands for. */
export function outputLabels(task: TrainingTask, { classes, settings }: Targets): readonly string[] {
  if (task === 'segmentation') return classes.length ? ['background', ...classes] : [];
  if (settings.kind !== 'multi-label' || classes.length > 1) return classes;
  return settings.none?.length === 1 ? [settings.none[0], classes[0]] : classes;
}
