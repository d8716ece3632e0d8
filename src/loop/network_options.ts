import type { ProgressListener } from '../core/progress.js';
import type { TrainingChoices, TrainSamplesOptions } from '../engine/train_options.js';
import { trainingPreprocessing } from '../engine/training_plan.js';
import type { DecodedSet } from '../training/feed/decoded_set.js';
import type { NoiseConfig } from './config/types.js';
import type { RunConfig } from './run_config.js';

/** What a training must know of its run. */
interface Context {
  config: RunConfig;
  seed: number;
  classes: readonly string[];
  decoded?: { of(part: 'training'): DecodedSet };
  onProgress?: ProgressListener;
}

/** The classifier's network and training, as the configuration says. */
export function networkOptions({ model, training: given }: RunConfig): TrainingChoices {
  const { file, ...network } = model;
  const { start: _, ...training } = given;
  return { ...network, ...(file !== undefined && { model: file }), ...training };
}

/** How a run's classifier is trained, whatever the round. @param out the training's folder */
export function classifierOptions(context: Context, out: string): TrainSamplesOptions {
  const { config, seed, classes } = context;
  return { ...networkOptions(config), ...common(context), out, seed, labels: [...classes], task: 'classification' };
}

/** The U-Net of masks, whose input is the classifier's. @param out the training's folder */
export function segmentationOptions(context: Context, out: string): TrainSamplesOptions {
  const { config, seed } = context;
  const { channels, height, mean, std, resize, window, axis } = trainingPreprocessing(networkOptions(config));
  return {
    ...{ channels, size: height, mean, std, resize, window, axis },
    ...{ ...config.segmentation, ...common(context), out, seed, task: 'segmentation' },
  };
}

/** Fixed noise on the images of a part (IDEAL §V-G). */
export function noiseOn(noise: NoiseConfig | undefined, part: NoiseConfig['on'][number]) {
  return noise?.on.includes(part) ? { noise: { sigma: noise.sigma, seed: noiseSeed } } : {};
}

/** Every run of a grid sees the same noisy images. */
const noiseSeed = 0;

const defaultCache = 1024;

/**
 * Half of the memory for decoded images, MiB: what all share. The other half is for a training whose images find no room
 * there, because the pool is larger.
 */
export const cacheOf = ({ compute }: RunConfig): number => (compute.cacheMb ?? defaultCache) / 2;

/** A training that was interrupted goes on, one that has ended gives its summary again; what is left of it is its model. */
const common = ({ config, decoded, onProgress }: Context) =>
  ({
    ...noiseOn(config.noise, 'training'),
    ...{ workers: config.compute.workers, cacheMb: cacheOf(config), decoded: decoded?.of('training') },
    ...{ resume: true, keepCheckpoints: false, onProgress },
  }) as const;
