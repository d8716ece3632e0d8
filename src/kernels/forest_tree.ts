import { treeStreams, TreeDraws } from './forest_draws.js';

/** Values of the parameter `criterion`. */
export const forestCriteria = { gini: 0, entropy: 1 } as const;

export interface TreeSettings {
  classes: number;
  criterion: number;
  maxFeatures: number;
  maxDepth: number;
  minSamplesSplit: number;
  minSamplesLeaf: number;
}

/** One tree; nodes by index, the root first, the right child beside the left one. */
export interface Tree {
  features: number[];
  thresholds: number[];
  children: number[];
  leafClasses: number[];
  leafCounts: number[];
  /** Weighted impurity decrease by feature. */
  gains: Float64Array;
}

interface Split {
  feature: number;
  threshold: number;
  score: number;
}

/**
 * Grows one tree (Breiman 2001), depth first, left before right, as scikit-learn's DepthFirstTreeBuilder and BestSplitter:
 * - A node is a leaf at maxDepth, below minSamplesSplit or 2·minSamplesLeaf distinct samples, or when one class is left.
 * - Features are drawn without replacement (Fisher–Yates over an order that persists through the tree) until maxFeatures
 *   of them were drawn and one of those is not constant in the node; a node in which all are constant is a leaf.
 * - Candidates lie between neighbouring distinct values; the best one has the largest score, the first drawn on ties.
 * - The threshold is the midpoint, rounded down to float32: the same side for every float32 value. Left: x ≤ threshold.
 * Unlike scikit-learn, values count as equal when they are equal, not when they are within 1e-7.
 * @param weights how often each sample is in the bag; sample counts above are of samples with a weight
 */
export function growTree(
  samples: Float32Array,
  labels: Uint32Array,
  weights: Uint32Array,
  width: number,
  draws: TreeDraws,
  settings: TreeSettings,
): Tree {
  const tree: Tree = {
    features: [],
    thresholds: [],
    children: [],
    leafClasses: [],
    leafCounts: [],
    gains: new Float64Array(width),
  };
  const measure = settings.criterion === forestCriteria.entropy ? entropyMeasure : giniMeasure;
  const order = Array.from({ length: width }, (_, d) => d);
  const value = (sample: number, feature: number) => samples[sample * width + feature];

  function bestSplit(members: number[], counts: Float64Array): Split | undefined {
    let best: Split | undefined;
    let varying = 0;
    for (let drawn = 0; drawn < width && (drawn < settings.maxFeatures || varying === 0); drawn++) {
      const at = drawn + draws.int(width - drawn);
      [order[drawn], order[at]] = [order[at], order[drawn]];
      const feature = order[drawn];
      const sorted = members.slice().sort((a, b) => value(a, feature) - value(b, feature));
      if (value(sorted[0], feature) === value(sorted[sorted.length - 1], feature)) continue;
      varying++;
      const left = new Float64Array(settings.classes);
      const right = counts.slice();
      for (let p = 1; p < sorted.length; p++) {
        const moved = sorted[p - 1];
        left[labels[moved]] += weights[moved];
        right[labels[moved]] -= weights[moved];
        const [low, high] = [value(moved, feature), value(sorted[p], feature)];
        if (low === high || Math.min(p, sorted.length - p) < settings.minSamplesLeaf) continue;
        const score = measure.split(left, right);
        if (!best || score > best.score) best = { feature, threshold: midpoint(low, high), score };
      }
    }
    return best;
  }

  const addNode = () => {
    tree.thresholds.push(0);
    tree.children.push(0);
    return tree.features.push(0) - 1;
  };
  const pending = [{ node: addNode(), members: [...weights.keys()].filter((i) => weights[i] > 0), depth: 0 }];
  for (let task = pending.pop(); task; task = pending.pop()) {
    const { node, members, depth } = task;
    const counts = new Float64Array(settings.classes);
    for (const i of members) counts[labels[i]] += weights[i];
    const present = [...counts.keys()].filter((k) => counts[k] > 0);
    const small = members.length < Math.max(settings.minSamplesSplit, 2 * settings.minSamplesLeaf);
    const split = depth >= settings.maxDepth || small || present.length === 1 ? undefined : bestSplit(members, counts);
    if (!split) {
      tree.features[node] = -present.length;
      tree.children[node] = tree.leafClasses.length;
      tree.leafClasses.push(...present);
      tree.leafCounts.push(...present.map((k) => counts[k]));
      continue;
    }
    const left = addNode();
    const right = addNode();
    tree.features[node] = split.feature;
    tree.thresholds[node] = split.threshold;
    tree.children[node] = left;
    tree.gains[split.feature] += measure.gain(split.score, counts);
    const goesLeft = (i: number) => value(i, split.feature) <= split.threshold;
    pending.push({ node: right, members: members.filter((i) => !goesLeft(i)), depth: depth + 1 });
    pending.push({ node: left, members: members.filter(goesLeft), depth: depth + 1 });
  }
  return tree;
}

/** How often each of `count` samples is drawn in `count` draws with replacement. */
export function bootstrapWeights(count: number, seedLow: number, seedHigh: number, tree: number): Uint32Array {
  const draws = new TreeDraws(seedLow, seedHigh, tree, treeStreams.bootstrap);
  const weights = new Uint32Array(count);
  for (let i = 0; i < count; i++) weights[draws.int(count)]++;
  return weights;
}

/** The largest float32 not above the middle of two distinct ones: at least `low`, below `high`. */
export function midpoint(low: number, high: number): number {
  const middle = low / 2 + high / 2;
  const rounded = Math.fround(middle);
  return rounded > middle ? nextBelow(rounded) : rounded;
}

function nextBelow(value: number): number {
  const float = new Float32Array([value]);
  const bits = new Int32Array(float.buffer);
  if (value === 0) bits[0] = 0x80000001 | 0;
  else bits[0] += value > 0 ? -1 : 1;
  return float[0];
}

const sum = (counts: Float64Array) => counts.reduce((a, c) => a + c, 0);

/** Larger is better; both up to terms that all splits of a node share. */
interface Measure {
  split(left: Float64Array, right: Float64Array): number;
  /** Impurity × weight of the node, less that of its children. */
  gain(score: number, counts: Float64Array): number;
}

/**
 * Gini: impurity 1 − Σ c²/w²; a split's score is Σ l²/wl + Σ r²/wr, over one denominator, so that everything but the
 * last division is of whole numbers, hence exact below 2⁵³.
 */
const squares = (counts: Float64Array) => counts.reduce((a, c) => a + c * c, 0);
const giniMeasure: Measure = {
  split(left, right) {
    const [wl, wr] = [sum(left), sum(right)];
    return (squares(left) * wr + squares(right) * wl) / (wl * wr);
  },
  gain: (score, counts) => score - squares(counts) / sum(counts),
};

/**
 * Entropy in bits: impurity −Σ c/w · log₂(c/w); a split's score is Σ c·log₂c − w·log₂w over both sides, in whole multiples
 * of 2⁻²⁴, so that sums are exact in any order.
 */
const purity = (counts: Float64Array) => counts.reduce((a, c) => a + xlog2x(c), 0) - xlog2x(sum(counts));
const entropyMeasure: Measure = {
  split: (left, right) => purity(left) + purity(right),
  gain: (score, counts) => (score - purity(counts)) / 2 ** 24,
};

/** 2²⁴ · n·log₂n, rounded to a whole number; n whole, from 0. */
export function xlog2x(n: number): number {
  return n > 0 ? Math.floor(n * log2(n) * 2 ** 24 + 0.5) : 0;
}

/**
 * log₂ by basic arithmetic alone, which is the same in every language: library logarithms differ in their last bit.
 * n = 2ᵉ·m, m in [1/√2, √2); ln m = 2·artanh(s), s = (m − 1)/(m + 1), by its series to s²⁵.
 */
function log2(n: number): number {
  let exponent = 0;
  let m = n;
  while (m >= Math.SQRT2) {
    m /= 2;
    exponent++;
  }
  const s = (m - 1) / (m + 1);
  let series = 0;
  for (let k = 25; k >= 1; k -= 2) series = series * s * s + 1 / k;
  return exponent + (2 * s * series) / Math.LN2;
}
