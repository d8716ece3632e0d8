import { Rng } from '../core/rng.js';
import type { Graph } from '../graph/ir.js';
import { GraphBuilder, type Filters } from './builder.js';
import type { LinearHead } from './linear_head.js';

/** Side of the input image. */
export const phantomInputSize = 128;

/** Side of the maps that the detector reads. */
export const phantomMapSize = 32;

/** What is fitted; everything below is fixed. */
export interface PhantomHead {
  /** Lesion or not, at each position of the trunk's map: [depth, 2] and [2]. */
  detector: LinearHead;
  /** Classes from the mean and the maximum of the evidence: [2, 2] and [2]. */
  classifier?: LinearHead;
}

/**
 * The demo's network, for greyscale X-ray-like images: fixed filters, so that fitting it takes seconds. Centre–surround
 * filters at several scales answer to round opacities, oriented ones to ribs, two seeded random layers combine them; a
 * 1 × 1 convolution turns that into evidence for a lesion at each position, and the class follows from the evidence's
 * mean and maximum. Grad-CAM at the evidence shows where a lesion was seen, or thought to be seen.
 * @param head without it the graph ends in the trunk's map (output "map" [B,depth,32,32]); with a detector alone in the
 *   pooled features (output "features" [B,2]); whole, in the logits (output "logits" [B,2])
 */
export function buildPhantomClassifier(head?: PhantomHead, seed = 0): Graph {
  const b = new GraphBuilder('phantom-classifier');
  const image = b.input('image', [null, 1, phantomInputSize, phantomInputSize]);
  const even = b.op('InstanceNormalization', [image, b.floats([1], [1]), b.floats([1], [0])]); // exposures differ
  const bank = phantomFilters();
  const width = bank.dims[0];
  const first = b.relu(b.conv(b.averagePool(even, 2), bank, { padding: (bank.dims[2] - 1) / 2 }));
  const pooled = b.averagePool(first, 2);
  const second = b.relu(b.conv(pooled, randomFilters(seed, mixing, width), { padding: 1 }));
  const third = b.relu(b.conv(second, randomFilters(seed + 1, mixing, mixing), { padding: 1 }));
  const map = b.op('Concat', [pooled, second, third, b.averagePool(even, 4)], { axis: 1 });
  const depth = width + 2 * mixing + 1;
  if (!head) {
    b.output(map, 'map', [null, depth, phantomMapSize, phantomMapSize]);
    return b.graph;
  }
  const suspicion = b.relu(b.conv(map, evidenceFilters(head.detector, depth), { bias: evidenceBias(head.detector) }));
  const evidence = b.conv(suspicion, blur, { padding: 2 });
  const features = b.op('Concat', [b.globalPool(evidence, 'average'), b.globalPool(evidence, 'max')], { axis: 1 });
  if (!head.classifier) b.output(features, 'features', [null, 2]);
  else b.output(b.dense(features, head.classifier.weights, head.classifier.bias), 'logits', [null, 2]);
  return b.graph;
}

/** Channels of the random layers. */
const mixing = 64;

/** Log-odds from which on a position counts as suspicious. */
const suspicious = -2.5;

/** Mean over 5 × 5 positions: a lesion is larger than one. */
const blur: Filters = { dims: [1, 1, 5, 5], data: new Float32Array(25).fill(1 / 25) };

/** The detector's log-odds of a lesion, above the level of suspicion. */
function evidenceFilters({ weights }: LinearHead, depth: number): Filters {
  return {
    dims: [1, depth, 1, 1],
    data: Float32Array.from({ length: depth }, (_, c) => weights[c * 2 + 1] - weights[c * 2]),
  };
}

function evidenceBias({ bias }: LinearHead): Float32Array {
  return Float32Array.of(bias[1] - bias[0] - suspicious);
}

/** 15 × 15 filters of zero mean and unit L1 norm: differences of Gaussians (both signs) and oriented bars. */
function phantomFilters(): Filters {
  const side = 15;
  const middle = (side - 1) / 2;
  const gaussian = (r2: number, sigma: number) => Math.exp(-r2 / (2 * sigma * sigma)) / (sigma * sigma);
  const kernels: ((x: number, y: number) => number)[] = [];
  for (const sigma of [1, 1.4, 2, 2.8, 4]) {
    const blob = (x: number, y: number) => gaussian(x * x + y * y, sigma) - gaussian(x * x + y * y, 1.8 * sigma);
    kernels.push(blob, (x, y) => -blob(x, y));
  }
  for (let turn = 0; turn < 8; turn++) {
    const angle = (Math.PI * turn) / 8;
    const bar = (x: number, y: number) => {
      const across = x * Math.cos(angle) + y * Math.sin(angle);
      const along = -x * Math.sin(angle) + y * Math.cos(angle);
      return (gaussian(across * across, 1.2) - gaussian(across * across, 2.4)) * gaussian(along * along, 3.5);
    };
    kernels.push(bar, (x, y) => -bar(x, y));
  }
  const data = new Float32Array(kernels.length * side * side);
  kernels.forEach((kernel, k) => {
    const values = Float64Array.from({ length: side * side }, (_, i) =>
      kernel((i % side) - middle, Math.floor(i / side) - middle),
    );
    const mean = values.reduce((a, v) => a + v, 0) / values.length;
    const norm = values.reduce((a, v) => a + Math.abs(v - mean), 0);
    data.set(
      Float32Array.from(values, (v) => (4 * (v - mean)) / norm),
      k * side * side,
    );
  });
  return { dims: [kernels.length, 1, side, side], data };
}

/** He-normal random 3 × 3 filters. */
function randomFilters(seed: number, out: number, input: number): Filters {
  const side = 3;
  const rng = new Rng(seed, 'phantom-filters');
  const scale = Math.sqrt(2 / (input * side * side));
  return {
    dims: [out, input, side, side],
    data: Float32Array.from({ length: out * input * side * side }, () => scale * rng.normal()),
  };
}
