import type { Graph } from '../graph/ir.js';
import { kaimingNormal } from './initialisation.js';
import { Network, type NetworkOptions } from './network.js';

export interface SmallCnnOptions extends NetworkOptions {
  /** Filters of each block. */
  filters?: readonly number[];
  /** Share of the pooled features dropped in training; default 0. */
  dropout?: number;
}

/**
 * A network that trains in seconds, for demos and tests: blocks of a 3×3 convolution, batch-norm and ReLU, 2×2
 * max-pooling between them, then the mean over positions and a dense layer. image f32[B,channels,size,size] → logits
 * f32[B,classes]. Convolutions start kaiming-normal by fan-out, the dense layer as PyTorch's.
 * @throws SightlineError E_ARGUMENT for a size too small for the poolings or an option outside its domain, E_SHAPE for
 *   weights that do not fit
 */
export function buildSmallCnn(options: SmallCnnOptions): Graph {
  const { filters = [16, 32, 64], classes = 2, dropout = 0 } = options;
  const n = new Network('small-cnn', options);
  const weight = (dims: readonly number[]) => kaimingNormal(dims, 'out');
  let x = n.image(options);
  filters.forEach((count, block) => {
    if (block > 0) x = n.maxPool(x, `blocks.${block - 1}.pool`, 2);
    x = n.convolution(x, `blocks.${block}.conv`, n.scaled(count), { kernel: 3, padding: 1, weight });
    x = n.rectified(n.batchNorm(x, `blocks.${block}.norm`), `blocks.${block}.relu`);
  });
  return n.logits(n.linear(n.dropout(n.globalMean(x), 'dropout', dropout), 'head', classes));
}
