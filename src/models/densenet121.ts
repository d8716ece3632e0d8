import type { Graph } from '../graph/ir.js';
import { kaimingNormal, zeros } from './initialisation.js';
import { Network, type Maps, type NetworkOptions } from './network.js';

export interface DenseNetOptions extends NetworkOptions {
  /** Layers in each dense block; default DenseNet-121's. */
  blocks?: readonly number[];
  /** Maps that each layer adds. */
  growth?: number;
  /** Filters of the first convolution. */
  stem?: number;
  /** Width of the 1×1 convolution inside a layer, in growths. */
  bottleneck?: number;
  /** Share of each layer's new maps dropped in training; default 0. */
  dropout?: number;
}

/**
 * DenseNet-BC: image f32[B,channels,size,size] → logits f32[B,classes]. Structure, names and initialisation are
 * torchvision's (kaiming-normal by fan-in). Huang et al., "Densely connected convolutional networks", CVPR 2017.
 * @throws SightlineError E_ARGUMENT for a size below 32 (with four blocks) or an option outside its domain, E_SHAPE for
 *   weights that do not fit
 */
export function buildDenseNet121(options: DenseNetOptions): Graph {
  const { blocks = [6, 12, 24, 16], growth = 32, stem = 64, bottleneck = 4, classes = 1000, dropout = 0 } = options;
  const n = new Network('densenet121', options);
  const weight = (dims: readonly number[]) => kaimingNormal(dims, 'in');
  const added = n.scaled(growth);

  const normalised = (x: Maps, path: string, norm: string, relu: string) =>
    n.rectified(n.batchNorm(x, `${path}.${norm}`), `${path}.${relu}`);
  const denseLayer = (x: Maps, path: string): Maps => {
    const narrow = n.convolution(normalised(x, path, 'norm1', 'relu1'), `${path}.conv1`, bottleneck * added, {
      kernel: 1,
      weight,
    });
    const fresh = n.convolution(normalised(narrow, path, 'norm2', 'relu2'), `${path}.conv2`, added, {
      kernel: 3,
      padding: 1,
      weight,
    });
    // One concatenation with all before, not one of all pieces per layer: the same values, far fewer edges.
    return n.joined(path, x, n.dropout(fresh, `${path}.dropout`, dropout));
  };
  const transition = (x: Maps, path: string): Maps => {
    const half = Math.max(1, Math.floor(x.channels / 2));
    const mixed = n.convolution(normalised(x, path, 'norm', 'relu'), `${path}.conv`, half, { kernel: 1, weight });
    return n.meanPool(mixed, `${path}.pool`, 2);
  };

  let x = n.convolution(n.image(options), 'features.conv0', n.scaled(stem), {
    kernel: 7,
    stride: 2,
    padding: 3,
    weight,
  });
  x = n.maxPool(normalised(x, 'features', 'norm0', 'relu0'), 'features.pool0', 3, 2, 1);
  blocks.forEach((layers, block) => {
    for (let i = 1; i <= layers; i++) x = denseLayer(x, `features.denseblock${block + 1}.denselayer${i}`);
    if (block < blocks.length - 1) x = transition(x, `features.transition${block + 1}`);
  });
  x = normalised(x, 'features', 'norm5', 'relu5');
  return n.logits(n.linear(n.globalMean(x), 'classifier', classes, { bias: zeros }));
}
