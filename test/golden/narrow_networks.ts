import type { Graph } from '../../src/graph/ir.js';
import { buildAutoencoder } from '../../src/models/autoencoder.js';
import { buildDenseNet121 } from '../../src/models/densenet121.js';
import type { BuildOptions } from '../../src/models/index.js';
import { buildResNet50 } from '../../src/models/resnet50.js';
import { buildSmallCnn } from '../../src/models/small_cnn.js';
import { buildUNet } from '../../src/models/unet.js';
import { buildVgg16 } from '../../src/models/vgg16.js';

/** The networks of models.py, by its names. */
export const narrowNetworks: Record<string, (options: BuildOptions) => Graph> = {
  densenet: (o) => buildDenseNet121({ ...o, growth: 4, blocks: [2, 3], stem: 8 }),
  resnet: (o) => buildResNet50({ ...o, blocks: [2, 1, 2, 1], stem: 8, planes: 2 }),
  vgg: (o) => buildVgg16({ ...o, layers: [4, 'M', 8, 8, 'M'], hidden: 16 }),
  unet_same: (o) => buildUNet({ ...o, filters: 4 }),
  unet_valid: (o) => buildUNet({ ...o, filters: 4, padding: 'valid' }),
  autoencoder: (o) => buildAutoencoder({ ...o, hidden: [8, 6], code: 4 }),
  small_cnn: (o) => buildSmallCnn({ ...o, filters: [4, 6] }),
};
