import type { TrainSamplesOptions } from '../engine/train_options.js';
import { trainingPreprocessing } from '../engine/training_plan.js';
import type { RunContext } from './round.js';

type Context = Pick<RunContext, 'config' | 'seed' | 'classes' | 'onProgress'>;

/** How a run's classifier is trained, whatever the round. @param out the training's folder */
export function classifierOptions({ config, seed, classes, onProgress }: Context, out: string): TrainSamplesOptions {
  const { file, ...network } = config.model;
  const { start: _, ...training } = config.training;
  return {
    ...network,
    ...(file !== undefined && { model: file }),
    ...training,
    ...{ out, seed, labels: [...classes], task: 'classification', ...reuse(config.compute), onProgress },
  };
}

/** The U-Net of masks, whose input is the classifier's. @param out the training's folder */
export function segmentationOptions(context: Context, out: string): TrainSamplesOptions {
  const { config, seed, onProgress } = context;
  const { channels, height, mean, std, resize, window, axis } = trainingPreprocessing(classifierOptions(context, out));
  return {
    ...{ channels, size: height, mean, std, resize, window, axis },
    ...config.segmentation,
    ...{ out, seed, task: 'segmentation', ...reuse(config.compute), onProgress },
  };
}

/** A training that was interrupted goes on, one that has ended gives its summary again; what is left of it is its model. */
const reuse = ({ workers, cacheMb }: Context['config']['compute']) =>
  ({ workers, cacheMb, resume: true, keepCheckpoints: false }) as const;
