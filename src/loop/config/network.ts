import type { z } from 'zod';
import {
  augmentationPresets,
  augmentationSchema,
  completeAugmentation,
  type GivenAugmentation,
} from '../../data/augment_settings.js';
import { explanations } from '../../explain/index.js';
import { parseBinarisation, type Binarisation } from '../../features/binarisation.js';
import { radiomicsClasses, type RadiomicsClass } from '../../features/radiomics/features.js';
import { modelNames } from '../../models/index.js';
import {
  anyNumber,
  either,
  flag,
  fromZero,
  isMap,
  leaf,
  listOf,
  listOfLength,
  oneOf,
  positive,
  readBy,
  section,
  share,
  snake,
  text,
  camelKeys,
  unknownKeysRefused,
  whole,
} from './leaves.js';

const classifiers = modelNames.filter((name) => name !== 'unet' && name !== 'autoencoder');
const perChannel = (item: z.ZodType<number>) =>
  either((value) => (Array.isArray(value) ? listOf(item) : item.transform((one) => [one])));

export const modelSchema = section({
  arch: oneOf(classifiers).optional(),
  file: text.optional(),
  size: whole(8, 8192).optional(),
  channels: whole(1, 64).optional(),
  width: positive.optional(),
  dropout: share.optional(),
  mean: perChannel(anyNumber).optional(),
  std: perChannel(positive).optional(),
  resize: oneOf(['stretch', 'crop', 'pad']).optional(),
  window: either((value) =>
    Array.isArray(value)
      ? listOfLength(anyNumber, 2, 'centre and width').transform(([center, width]) => ({ center, width }))
      : section({ center: anyNumber, width: positive }),
  ).optional(),
  axis: leaf<0 | 1 | 2>('0, 1 or 2', (value) => [0, 1, 2].includes(value as number)).optional(),
});

const presets = Object.keys(augmentationPresets) as (keyof typeof augmentationPresets)[];
const augmentationKeys = ['preset', ...Object.keys(augmentationSchema.shape).map(snake)];

/** A preset's name, or settings over one: completed, so that a run's record says what was done. */
const augmentation = either((value): z.ZodType<GivenAugmentation> => {
  if (!isMap(value)) return oneOf(presets);
  const named = unknownKeysRefused(augmentationKeys);
  return readBy(named, (given) => completeAugmentation(camelKeys(given) as GivenAugmentation));
});

/** What the classifier's and the U-Net's training have in common. */
const training = {
  epochs: whole(1).optional(),
  iterations: whole(1).optional(),
  validate_every: whole(1).optional(),
  patience: whole(1).optional(),
  minimum_improvement: fromZero.optional(),
  batch: whole(1, 65_536).optional(),
  accumulate: whole(1).optional(),
  balanced: flag.optional(),
  optimiser: oneOf(['adam', 'adamw', 'sgd']).optional(),
  learning_rate: positive.optional(),
  schedule: oneOf(['constant', 'cosine', 'step']).optional(),
  warm_up: whole(0).optional(),
  step_epochs: whole(1).optional(),
  step_factor: positive.optional(),
  beta1: share.optional(),
  beta2: share.optional(),
  momentum: share.optional(),
  weight_decay: fromZero.optional(),
  clip_norm: fromZero.optional(),
  freeze: listOf(text).optional(),
  batch_norm: oneOf(['train', 'eval']).optional(),
  augmentation: augmentation.optional(),
  runtime: oneOf(['auto', 'native', 'onnxruntime']).optional(),
  provider: oneOf(['cpu', 'webgpu', 'cuda', 'dml', 'coreml']).optional(),
  threads: whole(1, 512).optional(),
  checkpoint_seconds: whole(0).optional(),
  checkpoint_every: whole(1).optional(),
  log_every: whole(1).optional(),
};

export const trainingSchema = section({
  ...training,
  watch: oneOf(['auc', 'accuracy', 'loss']).optional(),
  loss: oneOf(['auto', 'cross-entropy', 'bce']).optional(),
  class_weights: either((value) => (Array.isArray(value) ? listOf(fromZero) : oneOf(['auto']))).optional(),
  label_smoothing: share.optional(),
  alignment: fromZero.optional(),
  alignment_layer: text.optional(),
  start: oneOf(['scratch', 'warm']).default('scratch'),
});

export const segmentationSchema = section({
  ...training,
  arch: oneOf(['unet']).default('unet'),
  width: positive.optional(),
  dropout: share.optional(),
  watch: oneOf(['dice', 'accuracy', 'loss']).optional(),
  loss: oneOf(['auto', 'dice-ce']).optional(),
});

const threshold = leaf<string | number>(
  'a threshold from 0 to 1, otsu, max:<share> or top:<share>',
  (value) => typeof value === 'string' || typeof value === 'number',
);
const binarisation = readBy(threshold, (value): Binarisation => parseBinarisation(String(value)));

export const explanationName = oneOf([...explanations.keys()]);

export const scoringSchema = section({
  explain: explanationName.optional(),
  layer: text.optional(),
  class: leaf<string | number>(
    'predicted, label, the name of a class or its index',
    (value) => typeof value === 'string' || (Number.isSafeInteger(value) && (value as number) >= 0),
  ).optional(),
  binarise: either((value) => (value === 'soft' ? oneOf(['soft']) : binarisation)).optional(),
  radiomics: listOf(oneOf(Object.keys(radiomicsClasses) as RadiomicsClass[])).optional(),
  bin_width: positive.optional(),
  bin_count: whole(2, 1024).optional(),
  shape_binarise: binarisation.optional(),
  dropout_passes: whole(2, 1000).optional(),
  dropout_rate: share.optional(),
  dropout_at: oneOf(['model', 'blocks', 'head']).optional(),
  dropout_unit: oneOf(['channel', 'element']).optional(),
  batch: whole(1, 65_536).optional(),
  runtime: oneOf(['onnxruntime', 'tfjs']).optional(),
  provider: text.optional(),
});
