import { expectArgument } from '../core/errors.js';
import type { Graph } from '../graph/ir.js';
import { kaimingNormal, zeros, type Initialisation } from './initialisation.js';
import { Network, type Maps, type NetworkOptions, type Vector } from './network.js';

export interface VggOptions extends NetworkOptions {
  /** Filters of each 3×3 convolution, 'M' for a 2×2 max-pooling; default VGG16's. */
  layers?: readonly (number | 'M')[];
  /** Width of the two hidden dense layers. */
  hidden?: number;
  /** Side of the map that the dense layers read. */
  pooled?: number;
  /** Share of the hidden units dropped in training; default 0.5, as torchvision. */
  dropout?: number;
}

const vgg16 = [64, 64, 'M', 128, 128, 'M', 256, 256, 256, 'M', 512, 512, 512, 'M', 512, 512, 512, 'M'] as const;

/**
 * VGG16 with dropout: image f32[B,channels,size,size] → logits f32[B,classes]. Structure, names and initialisation are
 * torchvision's (convolutions kaiming-normal by fan-out, dense layers N(0, 0.01²)). Simonyan and Zisserman, "Very deep
 * convolutional networks for large-scale image recognition", ICLR 2015.
 * @throws SightlineError E_ARGUMENT for a size below 32 (with five poolings) or an option outside its domain, E_SHAPE
 *   for weights that do not fit
 */
export function buildVgg16(options: VggOptions): Graph {
  const { layers = vgg16, hidden = 4096, pooled = 7, classes = 1000, dropout = 0.5 } = options;
  expectArgument(Number.isInteger(pooled) && pooled > 0, 'pooled', 'a positive integer', pooled);
  const n = new Network('vgg16', options);
  let x = n.image(options);
  let index = 0; // of torch.nn.Sequential: activations and poolings count
  for (const layer of layers) {
    if (layer === 'M') x = n.maxPool(x, `features.${index++}`, 2);
    else {
      const weight = (dims: readonly number[]) => kaimingNormal(dims, 'out');
      const settings = { kernel: 3, padding: 1, weight, bias: zeros };
      x = n.convolution(x, `features.${index++}`, n.scaled(layer), settings);
      x = n.rectified(x, `features.${index++}`);
    }
  }
  const dense: { weight: Initialisation; bias: Initialisation } = {
    weight: { kind: 'normal', deviation: 0.01 },
    bias: zeros,
  };
  let y: Vector = n.flattened(adaptiveMean(n, x, pooled));
  for (const first of [0, 3]) {
    y = n.rectified(n.linear(y, `classifier.${first}`, n.scaled(hidden), dense), `classifier.${first + 1}`);
    y = n.dropout(y, `classifier.${first + 2}`, dropout);
  }
  return n.logits(n.linear(y, 'classifier.6', classes, dense));
}

/** torch.nn.AdaptiveAvgPool2d: output i is the mean over inputs ⌊i·side/out⌋ … ⌈(i+1)·side/out⌉ − 1, on both axes. */
function adaptiveMean(n: Network, x: Maps, side: number): Maps {
  if (x.height === side) return x;
  if (x.height % side === 0) return n.meanPool(x, 'avgpool', x.height / side);
  // Windows of unequal size, overlapping or repeated: the means of rows and columns as products with fixed matrices.
  const means = windowMeans(x.height, side); // [side, height]
  const transposed = Float32Array.from(means, (_, i) => means[(i % side) * x.height + Math.floor(i / side)]);
  const columns = n.op('MatMul', [x.value, n.floats([x.height, side], transposed)]);
  const value = n.layer('avgpool', 'MatMul', [n.floats([side, x.height], means), columns]);
  return { ...x, value, height: side, width: side };
}

function windowMeans(length: number, out: number): Float32Array {
  const means = new Float32Array(out * length);
  for (let i = 0; i < out; i++) {
    const first = Math.floor((i * length) / out);
    const end = Math.ceil(((i + 1) * length) / out);
    means.fill(1 / (end - first), i * length + first, i * length + end);
  }
  return means;
}
