import { expectArgument } from '../core/errors.js';
import type { Graph } from '../graph/ir.js';
import { layerDefault } from './initialisation.js';
import { Network, type Maps, type NetworkOptions } from './network.js';

export interface UNetOptions extends NetworkOptions {
  /** Blocks of the contracting path. */
  blocks?: number;
  /** Filters of every convolution. */
  filters?: number;
  /**
   * 'same' pads each 3×3 convolution, so that logits are as large as the image (default; less the pixels that do not
   * divide by 2 per level); 'valid' pads none, and each convolution takes a border of one pixel, as the original U-Net's.
   */
  padding?: 'same' | 'valid';
  /** Share of the last contracting block's maps dropped in training; default 0. */
  dropout?: number;
}

/**
 * U-Net of Mahapatra et al., "Interpretability-driven sample selection using self supervised learning for disease
 * classification and segmentation" (IEEE TMI 2021), section V-F: image f32[B,channels,size,size] → logits
 * f32[B,classes,h,w]. Contracting: three blocks, each of three 3×3 convolutions of 64 filters with ReLU and batch-norm,
 * 2×2 max-pooling between them. Expanding, per level: a deconvolution of stride 2, concatenation with the block's map,
 * cropped about its centre, two 3×3 convolutions with ReLU. Last a 1×1 convolution. Layers start as PyTorch's.
 * @throws SightlineError E_ARGUMENT for a size too small for the poolings or an option outside its domain, E_SHAPE for
 *   weights that do not fit
 */
export function buildUNet(options: UNetOptions): Graph {
  const { blocks = 3, filters = 64, padding = 'same', classes = 2, dropout = 0 } = options;
  expectArgument(Number.isInteger(blocks) && blocks > 0, 'blocks', 'a positive integer', blocks);
  const n = new Network('unet', options);
  const wide = n.scaled(filters);
  const convolved = (x: Maps, path: string, kernel: number, channels: number) => {
    const bias = layerDefault([channels, x.channels, kernel, kernel]);
    const border = kernel === 3 && padding === 'same' ? 1 : 0;
    return n.convolution(x, path, channels, { kernel, padding: border, bias });
  };

  let x = n.image(options);
  const kept: Maps[] = [];
  for (let block = 0; block < blocks; block++) {
    if (block > 0) {
      kept.push(x);
      x = n.maxPool(x, `down.${block - 1}.pool`, 2);
    }
    for (let i = 0; i < 3; i++) {
      const path = `down.${block}`;
      x = n.rectified(convolved(x, `${path}.conv${i}`, 3, wide), `${path}.relu${i}`);
      x = n.batchNorm(x, `${path}.norm${i}`);
    }
  }
  x = n.dropout(x, 'dropout', dropout);
  for (let level = 0; kept.length > 0; level++) {
    const path = `up.${level}`;
    x = n.deconvolution(x, `${path}.deconv`, wide);
    x = n.joined(`${path}.join`, cropped(n, kept.pop() as Maps, x), x);
    for (let i = 0; i < 2; i++) x = n.rectified(convolved(x, `${path}.conv${i}`, 3, wide), `${path}.relu${i}`);
  }
  return n.logits(convolved(x, 'head', 1, classes));
}

/** The middle of `x`, as large as `target`. */
function cropped(n: Network, x: Maps, { height, width }: Maps): Maps {
  if (x.height === height && x.width === width) return x;
  const [top, left] = [Math.floor((x.height - height) / 2), Math.floor((x.width - width) / 2)];
  const starts = n.integers([top, left]);
  const value = n.op('Slice', [x.value, starts, n.integers([top + height, left + width]), n.integers([2, 3])]);
  return { ...x, value, height, width };
}
