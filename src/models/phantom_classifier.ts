import { Rng } from '../core/rng.js';
import type { Graph } from '../graph/ir.js';
import { GraphBuilder, type Filters } from './builder.js';
import type { LinearHead } from './linear_head.js';

/** Side of the input image. */
export const phantomInputSize = 128;

/**
 * The demo's network, for greyscale X-ray-like images: fixed filters, so that it needs no training beyond its linear
 * head. Centre–surround filters at several scales answer to round opacities, oriented ones to ribs, and a second,
 * seeded random layer combines them; the head sees the mean and the maximum of every channel.
 * @param head without it the graph ends in the features [B, D] (output "features"); with it in the logits [B, K]
 */
export function buildPhantomClassifier(head?: LinearHead, seed = 0): Graph {
  const b = new GraphBuilder('phantom-classifier');
  const image = b.input('image', [null, 1, phantomInputSize, phantomInputSize]);
  const fine = b.averagePool(image, 2); // 64 × 64
  const bank = phantomFilters();
  const first = b.relu(b.conv(fine, bank, { padding: (bank.dims[2] - 1) / 2 }));
  const pooled = b.averagePool(first, 2); // 32 × 32
  const mixing = randomFilters(seed, 48, bank.dims[0], 3);
  const second = b.relu(b.conv(pooled, mixing, { padding: 1 }));
  const map = b.op('Concat', [pooled, second], { axis: 1 });
  const features = b.op('Concat', [b.globalPool(map, 'average'), b.globalPool(map, 'max')], { axis: 1 });
  const depth = 2 * (bank.dims[0] + mixing.dims[0]);
  if (!head) b.output(features, 'features', [null, depth]);
  else b.output(b.dense(features, head.weights, head.bias), 'logits', [null, head.bias.length]);
  return b.graph;
}

/** 15 × 15 filters of zero mean and unit L1 norm: differences of Gaussians (both signs) and oriented bars. */
function phantomFilters(): Filters {
  const side = 15;
  const middle = (side - 1) / 2;
  const gaussian = (r2: number, sigma: number) => Math.exp(-r2 / (2 * sigma * sigma)) / (sigma * sigma);
  const kernels: ((x: number, y: number) => number)[] = [];
  for (const sigma of [1, 1.5, 2.2, 3.2]) {
    const blob = (x: number, y: number) => gaussian(x * x + y * y, sigma) - gaussian(x * x + y * y, 1.8 * sigma);
    kernels.push(blob, (x, y) => -blob(x, y));
  }
  for (let turn = 0; turn < 8; turn++) {
    const angle = (Math.PI * turn) / 8;
    kernels.push((x, y) => {
      const across = x * Math.cos(angle) + y * Math.sin(angle);
      const along = -x * Math.sin(angle) + y * Math.cos(angle);
      return (gaussian(across * across, 1.2) - gaussian(across * across, 2.4)) * gaussian(along * along, 3.5);
    });
  }
  const data = new Float32Array(kernels.length * side * side);
  kernels.forEach((kernel, k) => {
    const values = Float64Array.from({ length: side * side }, (_, i) => kernel((i % side) - middle, Math.floor(i / side) - middle));
    const mean = values.reduce((a, v) => a + v, 0) / values.length;
    const norm = values.reduce((a, v) => a + Math.abs(v - mean), 0);
    data.set(Float32Array.from(values, (v) => (4 * (v - mean)) / norm), k * side * side);
  });
  return { dims: [kernels.length, 1, side, side], data };
}

/** He-normal random filters. */
function randomFilters(seed: number, out: number, input: number, side: number): Filters {
  const rng = new Rng(seed, 'phantom-filters');
  const scale = Math.sqrt(2 / (input * side * side));
  return { dims: [out, input, side, side], data: Float32Array.from({ length: out * input * side * side }, () => scale * rng.normal()) };
}
