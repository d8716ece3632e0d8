import { SightlineError } from '../core/errors.js';
import type { Graph } from '../graph/ir.js';
import { buildAutoencoder } from './autoencoder.js';
import { buildDenseNet121 } from './densenet121.js';
import type { NetworkOptions } from './network.js';
import { buildResNet50 } from './resnet50.js';
import { buildSmallCnn } from './small_cnn.js';
import { buildUNet } from './unet.js';
import { buildVgg16 } from './vgg16.js';

export type { NetworkOptions } from './network.js';

/** What `buildModel` takes; each builder has more options of its own. */
export interface BuildOptions extends NetworkOptions {
  /** Share of units dropped in training, in [0, 1). Default: VGG16's 0.5, none elsewhere. */
  dropout?: number;
}

const builders = {
  densenet121: buildDenseNet121,
  resnet50: buildResNet50,
  vgg16: buildVgg16,
  unet: buildUNet,
  autoencoder: buildAutoencoder,
  'small-cnn': buildSmallCnn,
} satisfies Record<string, (options: BuildOptions) => Graph>;

export type ModelName = keyof typeof builders;

/** Networks that can be built by name. */
export const modelNames = Object.keys(builders) as readonly ModelName[];

/**
 * A network with freshly drawn (or given) weights, ready for training or for `exportOnnx`. Input image
 * f32[B,channels,size,size]; output logits f32[B,classes] (U-Net: f32[B,classes,h,w], size less what does not divide by 4; autoencoder: code and
 * reconstruction, and no classes). Equal options give equal graphs.
 * @throws SightlineError E_ARGUMENT for an unknown name or an option outside its domain, E_SHAPE for weights that do
 *   not fit
 */
export function buildModel(name: string, options: BuildOptions): Graph {
  if (!Object.hasOwn(builders, name)) {
    throw new SightlineError('E_ARGUMENT', {
      where: 'model',
      what: `there is no architecture "${name}"`,
      remedy: `Choose one of ${modelNames.join(', ')}.`,
    });
  }
  return builders[name as ModelName](options);
}

/** Whether training changes this initializer by its gradient: a layer's weight or bias, not a running statistic. */
export function isParameter(initializer: string): boolean {
  return /\.(weight|bias)$/.test(initializer);
}
