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
  let y = adaptiveMean(n, x, pooled);
  for (const first of [0, 3]) {
    y = n.rectified(n.linear(y, `classifier.${first}`, n.scaled(hidden), dense), `classifier.${first + 1}`);
    y = n.dropout(y, `classifier.${first + 2}`, dropout);
  }
  return n.logits(n.linear(y, 'classifier.6', classes, dense));
}

/**
 * torch.nn.AdaptiveAvgPool2d and flatten: output i of `side` is the mean over inputs ⌊i·length/side⌋ …
 * ⌈(i+1)·length/side⌉ − 1, on both axes.
 */
function adaptiveMean(n: Network, x: Maps, side: number): Vector {
  if (x.height === side) return n.flattened(x);
  // Windows may be of unequal size, overlap or repeat: a product with a fixed matrix. It is over rows of flat maps, since
  // the result shows nothing that x does not and is no layer to explain.
  const [area, pooled] = [x.height * x.width, side * side];
  const rows = windowMeans(x.height, side); // [height, side]
  const means = new Float32Array(area * pooled);
  for (let i = 0; i < means.length; i++) {
    const [from, to] = [Math.floor(i / pooled), i % pooled];
    const row = rows[Math.floor(from / x.width) * side + Math.floor(to / side)];
    means[i] = row * rows[(from % x.width) * side + (to % side)];
  }
  const flat = n.op('Flatten', [x.value], { axis: 2 }); // [B·C, area]
  const value = n.layer('avgpool', 'MatMul', [flat, n.floats([area, pooled], means)]);
  const length = x.channels * pooled;
  return { value: n.reshape(value, [-1, length]), length };
}

/** Weight of each of `length` inputs in each of `out` means: [length, out]. */
function windowMeans(length: number, out: number): Float64Array {
  const means = new Float64Array(length * out);
  for (let i = 0; i < out; i++) {
    const first = Math.floor((i * length) / out);
    const end = Math.ceil(((i + 1) * length) / out);
    for (let from = first; from < end; from++) means[from * out + i] = 1 / (end - first);
  }
  return means;
}
