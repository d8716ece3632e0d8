import type { Graph } from '../graph/ir.js';
import { Network, type NetworkOptions, type Vector } from './network.js';

export interface AutoencoderOptions extends Omit<NetworkOptions, 'classes'> {
  /** Widths of the encoder's hidden layers; the decoder mirrors them. */
  hidden?: readonly number[];
  /** Length of the code. */
  code?: number;
  /** Share of the code dropped in training; default 0. */
  dropout?: number;
}

/**
 * Dense autoencoder of images (IDEAL's of saliency maps, 64×64 there): image f32[B,channels,size,size] → code
 * f32[B,code] and reconstruction f32[B,channels·size·size]. ReLU after every layer but the last, which must be free to
 * reach any value. Layers start as PyTorch's.
 * @throws SightlineError E_ARGUMENT for an option outside its domain, E_SHAPE for weights that do not fit
 */
export function buildAutoencoder(options: AutoencoderOptions): Graph {
  const { hidden = [256, 128, 64], code = 32, dropout = 0 } = options;
  const n = new Network('autoencoder', options);
  const image = n.flattened(n.image(options));
  const widths = hidden.map((width) => n.scaled(width));
  const rectifiedLayers = (x: Vector, part: string, lengths: readonly number[]) =>
    lengths.reduce((y, length, i) => n.rectified(n.linear(y, `${part}.${2 * i}`, length), `${part}.${2 * i + 1}`), x);
  const encoded = rectifiedLayers(image, 'encoder', [...widths, n.scaled(code)]);
  n.output(encoded.value, 'code', [null, encoded.length]);
  const mirrored = rectifiedLayers(n.dropout(encoded, 'dropout', dropout), 'decoder', widths.toReversed());
  const decoded = n.linear(mirrored, `decoder.${2 * widths.length}`, image.length);
  n.output(decoded.value, 'reconstruction', [null, image.length]);
  return n.graph;
}
