import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { expectArgument, SightlineError } from '../core/errors.js';
import { completeAugmentation } from '../data/augment_settings.js';
import { noiseSettings } from '../data/fixed_noise.js';
import type { Preprocessing, Sample } from '../data/types.js';
import { readClassifier } from '../graph/classifier.js';
import type { Graph } from '../graph/ir.js';
import { prepareFineTuning } from '../graph/training/fine_tuning.js';
import { buildModel } from '../models/index.js';
import { DecodedSet } from '../training/feed/decoded_set.js';
import type { Split } from '../training/feed/split.js';
import type { Targets } from '../training/feed/targets.js';
import type { OptimiserOptions } from '../training/optimiser.js';
import type { Fingerprint } from '../training/run_folder.js';
import type { Schedule } from '../training/schedules.js';
import type { LossSettings } from '../training/training_step.js';
import type { TrainingTask } from '../training/validation.js';
import { findSidecar } from './model_description.js';
import type { TrainingChoices } from './train_options.js';

/** The network with its initial weights. @param classes channels of the output; 0 for reconstruction */
export function openNetwork(options: TrainingChoices, classes: number): Graph {
  const { arch, model, size = 224, width, dropout, seed } = options;
  if (Boolean(arch) === Boolean(model)) {
    throw new SightlineError('E_ARGUMENT', {
      where: 'arch',
      what: `expected an architecture or a model to fine-tune, received ${arch ? 'both' : 'neither'}`,
      remedy: 'Give --arch (densenet121, resnet50 …) or --model file.onnx.',
    });
  }
  if (model) return prepareFineTuning(readClassifier(model), { classes, seed, ...sizeFor(options) });
  const built = {
    channels: channelsOf(options),
    size,
    classes: classes || undefined,
    widthMultiplier: width,
    dropout,
    seed,
  };
  return buildModel(arch!, built);
}

const sizeFor = ({ size = 224 }: TrainingChoices) => ({ size: [size, size] as const });

/** How images are brought to the network's input. */
export function trainingPreprocessing(options: TrainingChoices): Preprocessing {
  const { model, axis } = options;
  // A model that is fine-tuned sees images as it was made to: what is said beside its file, where nothing else is asked for.
  const beside = model ? findSidecar({ model }) : {};
  const { mean = beside.mean ?? [0], std = beside.std ?? [1], window = beside.window } = options;
  const resize = options.resize ?? beside.resize ?? 'stretch';
  const [height, width] = (model && readClassifier(model).size) || sizeFor(options).size;
  const channels = channelsOf(options);
  const each = (name: string, values: readonly number[]) => {
    const fits = values.length === 1 || values.length === channels;
    expectArgument(fits, name, `1 or ${channels} numbers`, values);
    return values.length === channels ? [...values] : new Array<number>(channels).fill(values[0]);
  };
  const deviations = each('std', std);
  expectArgument(
    deviations.every((value) => value > 0),
    'std',
    'numbers above 0',
    deviations,
  );
  const noise = noiseSettings(options.noise);
  return { channels, height, width, mean: each('mean', mean), std: deviations, resize, window, axis, noise };
}

/** What many trainings of the same preprocessing share, so that images are decoded once. The caller closes it. */
export function openDecoded(samples: readonly Sample[], options: TrainingChoices): Promise<DecodedSet> {
  const { workers, cacheMb } = options;
  return DecodedSet.open(samples, trainingPreprocessing(options), { workers, cacheMb });
}

function channelsOf({ channels, arch, model }: TrainingChoices): number {
  if (model) return readClassifier(model).channels;
  return channels ?? (arch === 'unet' || arch === 'autoencoder' ? 1 : 3);
}

/** Output channels that targets ask for. */
export function outputChannels(task: TrainingTask, targets: Targets, preprocessing: Preprocessing): number {
  return task === 'reconstruction' ? 0 : targets.dims(preprocessing)[0];
}

/** @param counts training samples of each class */
export function lossSettings(
  task: TrainingTask,
  options: TrainingChoices,
  targets: Targets,
  samples: number,
): LossSettings {
  const { loss = 'auto', classWeights, labelSmoothing } = options;
  const single = targets.classes.length === 1;
  const automatic = {
    classification: 'cross-entropy',
    'multi-label': 'bce',
    segmentation: 'dice-ce',
    reconstruction: 'mse',
  };
  const kind = loss === 'auto' ? automatic[task] : loss;
  const refuse = (name: string, value: unknown) => expectArgument(!value, name, `none with the loss ${kind}`, value);
  const weights = (automatic: (count: number) => number) =>
    classWeights === 'auto' ? targets.counts.map((count) => (count ? automatic(count) : 0)) : classWeights;
  switch (kind) {
    case 'cross-entropy': {
      expectArgument(task !== 'multi-label' && !single, 'loss', `bce for ${task}`, kind);
      const inverse = (count: number) => samples / (targets.classes.length * count);
      return { kind, classWeights: weights(inverse), labelSmoothing };
    }
    case 'bce': {
      refuse('labelSmoothing', labelSmoothing);
      return { kind: 'binary-cross-entropy', positiveWeights: weights((count) => (samples - count) / count) };
    }
    case 'dice-ce':
      expectArgument(task === 'segmentation', 'loss', `another one for ${task}`, kind);
      break;
    default:
      expectArgument(task === 'reconstruction', 'loss', `another one for ${task}`, kind);
  }
  refuse('classWeights', classWeights);
  refuse('labelSmoothing', labelSmoothing);
  return { kind: kind === 'dice-ce' ? 'dice-cross-entropy' : 'mean-squared-error' };
}

/** @param iterations batches of an epoch */
export function optimiserSettings(options: TrainingChoices, iterations: number): Partial<OptimiserOptions> {
  const { optimiser = 'adam', beta1, beta2, weightDecay, clipNorm, freeze, momentum = 0.9, accumulate = 1 } = options;
  const { learningRate: rate = 1e-3, schedule = 'constant', warmUp = 0, stepEpochs = 10, stepFactor = 0.1 } = options;
  const perEpoch = Math.ceil(iterations / accumulate);
  const epochs = epochsOf(options);
  const total = Math.min((epochs ?? Infinity) * perEpoch, Math.ceil((options.iterations ?? Infinity) / accumulate));
  const common = { rate, ...(warmUp > 0 && { warmUp: { steps: warmUp } }) };
  const schedules: Record<typeof schedule, () => Schedule> = {
    constant: () => ({ kind: 'constant', ...common }),
    cosine: () => ({ kind: 'cosine', steps: Math.max(1, total - warmUp), ...common }),
    step: () => ({ kind: 'step', every: stepEpochs * perEpoch, factor: stepFactor, ...common }),
  };
  return {
    ...{ rule: optimiser, learningRate: schedules[schedule](), beta1, beta2, weightDecay, clipNorm, frozen: freeze },
    ...(optimiser === 'sgd' && { momentum }),
  };
}

/** Ten, where neither epochs nor iterations are given. */
export const epochsOf = ({ epochs, iterations }: TrainingChoices): number | undefined =>
  epochs ?? (iterations === undefined ? 10 : undefined);

/** Of a run that is over, what decides its weights too. */
export const lengthOf = (options: TrainingChoices): string =>
  digest([epochsOf(options), options.iterations, options.patience]);

/** What decides a run's weights, by subject. How long it is to last is absent: a finished run may go on. */
export async function trainingFingerprint(
  options: TrainingChoices,
  split: Split,
  facts: {
    task: TrainingTask;
    preprocessing: Preprocessing;
    loss: LossSettings;
    optimiser: object;
    classes: readonly string[];
    /** As it was resolved: a resumed run must not go on with another. */
    runtime: 'native' | 'onnxruntime';
  },
): Promise<Fingerprint> {
  const { arch, model, size, width, dropout, batchNorm, seed, alignment, alignmentLayer, freeze } = options;
  const { batch, accumulate, balanced, watch, validateEvery, provider = 'cpu' } = options;
  return {
    network: digest([arch ?? (await hashOf(model!)), size, width, dropout, batchNorm, freeze]),
    task: digest([facts.task, facts.classes]),
    preprocessing: digest(facts.preprocessing),
    'training samples': digest(split.training),
    'validation samples': digest(split.validation),
    augmentation: digest(completeAugmentation(options.augmentation)),
    loss: digest([facts.loss, alignment, alignmentLayer]),
    'optimiser or schedule': digest(facts.optimiser),
    batch: digest([batch, accumulate, balanced]),
    'choice of the best model': digest([watch, validateEvery, options.minimumImprovement]),
    seed: String(seed ?? 0),
    ...(options.startFrom && { 'model to start from': await hashOf(options.startFrom) }),
    runtime: facts.runtime === 'native' ? facts.runtime : `${facts.runtime} ${provider}`,
  };
}

const digest = (value: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(value) ?? '')
    .digest('hex')
    .slice(0, 16);

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(file)) hash.update(part as Buffer);
  return hash.digest('hex');
}
