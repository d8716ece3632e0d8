import { defineOp, spec } from '../backend/op.js';
import { expectArgument, SightlineError } from '../core/errors.js';
import { treeStreams, TreeDraws } from './forest_draws.js';
import { bootstrapWeights, growTree } from './forest_tree.js';

/** Most nodes a tree over `samples` samples can have under these settings: the parameter `nodes`. */
export function nodeCapacity(samples: number, settings: { maxDepth: number; minSamplesLeaf: number }): number {
  const leaves = Math.max(1, Math.floor(samples / settings.minSamplesLeaf));
  return 2 * Math.min(leaves, 2 ** settings.maxDepth) - 1;
}

/**
 * Trees number firstTree … firstTree + trees − 1 of a random forest classifier (Breiman 2001) on samples f32[N,D], finite,
 * with labels u32[N] below `classes`. How a tree grows: {@link growTree}; with `bootstrap` on N draws with replacement,
 * else on all samples.
 *   nodeCounts   nodes of each tree; of the outputs by node, the rest of a row is 0
 *   features     the feature that a node splits by; −m for a leaf with m classes
 *   thresholds   left: x ≤ threshold
 *   children     index of the left child, the right one follows it; in a leaf, where its m classes begin
 *   entryCounts  entries of the trees' leaves in leafClasses (ascending in a leaf) and leafCounts (weight of the class)
 *   gains        per feature, Σ over its splits of impurity × weight, less that of both children
 *   inBag        bit i mod 32 of word ⌊i/32⌋: sample i is in the tree's bag; `words` = ⌈N/32⌉
 * `nodes` must be at least {@link nodeCapacity}.
 */
export const forestFit = defineOp({
  name: 'forest_fit',
  inputs: { samples: spec('f32', 'N', 'D'), labels: spec('u32', 'N') },
  params: {
    classes: 2,
    trees: 1,
    firstTree: 0,
    criterion: 0,
    maxFeatures: 1,
    maxDepth: Infinity,
    minSamplesSplit: 2,
    minSamplesLeaf: 1,
    bootstrap: 1,
    seedLow: 0,
    seedHigh: 0,
    nodes: 0,
    words: 0,
  },
  outputs: {
    nodeCounts: spec('u32', 'trees'),
    features: spec('i32', 'trees', 'nodes'),
    thresholds: spec('f32', 'trees', 'nodes'),
    children: spec('u32', 'trees', 'nodes'),
    entryCounts: spec('u32', 'trees'),
    leafClasses: spec('u32', 'trees', 'N'),
    leafCounts: spec('u32', 'trees', 'N'),
    gains: spec('f64', 'trees', 'D'),
    inBag: spec('u32', 'trees', 'words'),
  },

  check({ N, D }, p) {
    const whole = (name: keyof typeof p, low: number, high: number) =>
      expectArgument(
        Number.isInteger(p[name]) && p[name] >= low && p[name] <= high,
        `forest_fit.${name}`,
        `a whole number from ${low} to ${high}`,
        p[name],
      );
    expectArgument(N >= 1 && N < 2 ** 31, 'forest_fit.samples', 'at least one sample, fewer than 2³¹', N);
    expectArgument(D >= 1, 'forest_fit.samples', 'at least one feature', D);
    whole('classes', 1, 65536);
    whole('trees', 0, 2 ** 31);
    whole('firstTree', 0, 2 ** 31);
    whole('criterion', 0, 1);
    whole('maxFeatures', 1, D);
    if (p.maxDepth !== Infinity) whole('maxDepth', 0, 2 ** 31);
    whole('minSamplesSplit', 2, 2 ** 31);
    whole('minSamplesLeaf', 1, 2 ** 31);
    whole('bootstrap', 0, 1);
    whole('seedLow', 0, 2 ** 32 - 1);
    whole('seedHigh', 0, 2 ** 32 - 1);
    whole('nodes', nodeCapacity(N, p), 2 ** 32);
    whole('words', Math.ceil(N / 32), Math.ceil(N / 32));
  },

  reference({ samples, labels }, outputs, { N, D }, p) {
    labels.forEach((label, row) => {
      if (label >= p.classes) fail(`label ${label} of row ${row} is not below ${p.classes}`);
    });
    samples.forEach((value, i) => {
      if (!Number.isFinite(value)) fail(`row ${Math.floor(i / D)}, column ${i % D} is not finite`);
    });
    for (let t = 0; t < p.trees; t++) {
      const id = p.firstTree + t;
      const weights = p.bootstrap ? bootstrapWeights(N, p.seedLow, p.seedHigh, id) : new Uint32Array(N).fill(1);
      const draws = new TreeDraws(p.seedLow, p.seedHigh, id, treeStreams.splits);
      const tree = growTree(samples, labels, weights, D, draws, p);
      outputs.nodeCounts[t] = tree.features.length;
      outputs.features.set(tree.features, t * p.nodes);
      outputs.thresholds.set(tree.thresholds, t * p.nodes);
      outputs.children.set(tree.children, t * p.nodes);
      outputs.entryCounts[t] = tree.leafClasses.length;
      outputs.leafClasses.set(tree.leafClasses, t * N);
      outputs.leafCounts.set(tree.leafCounts, t * N);
      outputs.gains.set(tree.gains, t * D);
      weights.forEach((w, i) => {
        if (w) outputs.inBag[t * p.words + (i >>> 5)] |= 1 << (i & 31);
      });
    }
  },

  native: true,
  wgsl: { unavailable: 'trees grow one split at a time, on the CPU' },
  tolerance: { native: { relative: 0, absolute: 0 } },
  bytes: ({ N, D }, { trees, nodes }) => 4 * N * D + 12 * trees * nodes + 8 * trees * N,
  // Sorting and scanning: about 20 operations per sample, tried feature and level.
  flops: ({ N }, { trees, maxFeatures }) => 20 * N * trees * maxFeatures * Math.log2(N + 1),
});

function fail(what: string): never {
  throw new SightlineError('E_ARGUMENT', { where: 'forest_fit', what });
}
