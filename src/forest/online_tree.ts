import { Rng } from '../core/rng.js';
import { betweenSamples, intBelow, project, varyingFeatures } from './online_draws.js';
import { bestTest, GainSums } from './online_gain.js';
import type { OnlineOptions } from './online_options.js';
import { Records, type StoredRecords } from './records.js';

/** Smallest and largest value of each feature so far, over the whole forest. */
export interface FeatureRange {
  low: Float32Array;
  high: Float32Array;
}

/** A tree's state, to be stored. */
export interface StoredTree {
  born: number;
  errors: number;
  trials: number;
  nodes: StoredRecords;
  growing: StoredRecords;
  held: StoredRecords;
}

/** No record. */
const none = -1;

/**
 * One tree of an on-line forest. A leaf of one class counts, and keeps a few samples. With a sample of a second class it
 * begins to grow: once it keeps enough samples it draws random tests among them, counts the classes on both sides of
 * each test, and splits by the best one; its children start from the winner's counts.
 */
export class OnlineTree {
  /** Out-of-bag errors and trials; both fade when the forest forgets. */
  errors = 0;
  trials = 0;
  readonly #nodes;
  readonly #growing;
  readonly #held;
  readonly #sums: GainSums;

  constructor(
    private readonly options: OnlineOptions,
    private readonly width: number,
    private classes: number,
    private readonly range: FeatureRange,
    private readonly index: number,
    /** Samples that the forest had seen when the tree was planted. */
    public born: number,
  ) {
    const { tests, testFeatures, waiting } = options;
    // A test of one feature needs no weight.
    const weights = testFeatures > 1 ? testFeatures : 0;
    this.#nodes = new Records({
      features: ['i32', testFeatures],
      weights: ['f32', weights],
      threshold: ['f32', 1],
      /** Left child, the right one follows it; 0 in a leaf, for the root is nobody's child. */
      child: ['u32', 1],
      depth: ['u32', 1],
      growing: ['i32', 1],
      held: ['i32', 1],
      inherited: ['u32', 1],
      counts: ['u32', classes],
    } as const);
    this.#growing = new Records({
      seen: ['u32', 1],
      drawn: ['u32', 1],
      /** Samples of its first class that a leaf counted but did not keep. */
      alone: ['u32', 1],
      aloneClass: ['u32', 1],
      features: ['i32', tests * testFeatures],
      weights: ['f32', tests * weights],
      thresholds: ['f32', tests],
      /** [classes, tests] */
      left: ['u32', classes * tests],
      total: ['u32', classes],
    } as const);
    this.#held = new Records({
      count: ['u32', 1],
      labels: ['u32', waiting],
      samples: ['f32', waiting * width],
    } as const);
    this.#sums = new GainSums(tests);
    this.#newLeaf(0);
  }

  /** Number of leaves. */
  get leaves(): number {
    return (this.#nodes.count + 1) / 2;
  }

  /** Learns one sample. @param serial samples that the forest has seen, this one included */
  update(sample: Float32Array, at: number, label: number, serial: number): void {
    const { minSamples, maxDepth } = this.options;
    const leaf = this.#find(sample, at);
    const nodes = this.#nodes.arrays;
    nodes.counts[leaf * this.classes + label]++;
    if (nodes.depth[leaf] >= maxDepth) return;
    let growing = nodes.growing[leaf];
    if (growing === none) {
      if (this.#isPure(leaf, label)) {
        this.#keepOfOneClass(leaf, sample, at, label);
        return;
      }
      growing = this.#startGrowing(leaf, label);
    }
    this.#growing.arrays.seen[growing]++;
    if (this.#growing.arrays.drawn[growing]) this.#count(growing, sample, at, label);
    else if (this.#hold(leaf, sample, at, label)) this.#drawTests(leaf, growing, serial);
    const { seen, drawn } = this.#growing.arrays;
    if (drawn[growing] && seen[growing] >= minSamples) this.#split(leaf, growing);
  }

  /** Adds the class shares in the sample's leaf to `sum` from `offset` on; false when the tree has seen nothing. */
  addShares(sample: Float32Array, at: number, sum: Float64Array, offset: number): boolean {
    const { counts } = this.#nodes.arrays;
    const start = this.#find(sample, at) * this.classes;
    let total = 0;
    for (let c = 0; c < this.classes; c++) total += counts[start + c];
    if (total === 0) return false;
    for (let c = 0; c < this.classes; c++) sum[offset + c] += counts[start + c] / total;
    return true;
  }

  /** The commonest class in the sample's leaf, the first one on ties; −1 when the tree has seen nothing. */
  vote(sample: Float32Array, at: number): number {
    const { counts } = this.#nodes.arrays;
    const start = this.#find(sample, at) * this.classes;
    let best = none;
    let most = 0;
    for (let c = 0; c < this.classes; c++) {
      if (counts[start + c] > most) [best, most] = [c, counts[start + c]];
    }
    return best;
  }

  /** Makes room for more classes. */
  widen(classes: number): void {
    this.#nodes.widen('counts', classes);
    this.#growing.widen('left', classes * this.options.tests);
    this.#growing.widen('total', classes);
    this.classes = classes;
  }

  store(): StoredTree {
    const { born, errors, trials } = this;
    const [nodes, growing, held] = [this.#nodes.store(), this.#growing.store(), this.#held.store()];
    return { born, errors, trials, nodes, growing, held };
  }

  restore({ born, errors, trials, nodes, growing, held }: StoredTree): void {
    [this.born, this.errors, this.trials] = [born, errors, trials];
    this.#nodes.restore(nodes);
    this.#growing.restore(growing);
    this.#held.restore(held);
  }

  #find(sample: Float32Array, at: number): number {
    const { child, threshold, features, weights } = this.#nodes.arrays;
    const { testFeatures } = this.options;
    let node = 0;
    while (child[node] !== 0) {
      const value =
        testFeatures === 1
          ? sample[at + features[node]]
          : project(sample, at, features, weights, node * testFeatures, testFeatures);
      node = child[node] + (value < threshold[node] ? 0 : 1);
    }
    return node;
  }

  #newLeaf(depth: number): number {
    const leaf = this.#nodes.take();
    this.#nodes.arrays.depth[leaf] = depth;
    this.#nodes.arrays.growing[leaf] = none;
    this.#nodes.arrays.held[leaf] = none;
    return leaf;
  }

  #isPure(leaf: number, label: number): boolean {
    const { counts } = this.#nodes.arrays;
    const start = leaf * this.classes;
    for (let c = 0; c < this.classes; c++) if (c !== label && counts[start + c] > 0) return false;
    return true;
  }

  /** @param label of the sample that brought a second class; it is in the leaf's counts already */
  #startGrowing(leaf: number, label: number): number {
    const growing = this.#growing.take();
    const { counts, inherited, growing: growingOf, held } = this.#nodes.arrays;
    growingOf[leaf] = growing;
    const kept = held[leaf] === none ? 0 : this.#held.arrays.count[held[leaf]];
    const { alone, aloneClass } = this.#growing.arrays;
    alone[growing] = this.#countOf(leaf) - 1 - inherited[leaf] - kept;
    for (let c = 0; c < this.classes; c++) {
      if (c !== label && counts[leaf * this.classes + c] > 0) aloneClass[growing] = c;
    }
    return growing;
  }

  #countOf(leaf: number): number {
    const { counts } = this.#nodes.arrays;
    let sum = 0;
    for (let c = 0; c < this.classes; c++) sum += counts[leaf * this.classes + c];
    return sum;
  }

  /** Half of what a leaf keeps may be of its first class: should that class never come back, the tests still know it. */
  #keepOfOneClass(leaf: number, sample: Float32Array, at: number, label: number): void {
    const held = this.#nodes.arrays.held[leaf];
    if (held === none || this.#held.arrays.count[held] < this.options.waiting >> 1) this.#hold(leaf, sample, at, label);
  }

  /** Keeps a sample; true when there are enough to draw tests. */
  #hold(leaf: number, sample: Float32Array, at: number, label: number): boolean {
    const { waiting } = this.options;
    const nodes = this.#nodes.arrays;
    if (nodes.held[leaf] === none) nodes.held[leaf] = this.#held.take();
    const held = nodes.held[leaf];
    const { count, labels, samples } = this.#held.arrays;
    if (count[held] === waiting) {
      // As many equal samples: no test can part them, the oldest makes room.
      const start = held * waiting;
      labels.copyWithin(start, start + 1, start + waiting);
      samples.copyWithin(start * this.width, (start + 1) * this.width, (start + waiting) * this.width);
      count[held]--;
    }
    const slot = held * waiting + count[held]++;
    labels[slot] = label;
    for (let d = 0; d < this.width; d++) samples[slot * this.width + d] = sample[at + d];
    return count[held] === waiting;
  }

  #count(growing: number, sample: Float32Array, at: number, label: number): void {
    const { tests, testFeatures } = this.options;
    const { features, weights, thresholds, left, total } = this.#growing.arrays;
    const [first, row] = [growing * tests, (growing * this.classes + label) * tests];
    total[growing * this.classes + label]++;
    if (testFeatures === 1) {
      for (let i = 0; i < tests; i++) if (sample[at + features[first + i]] < thresholds[first + i]) left[row + i]++;
      return;
    }
    for (let i = 0; i < tests; i++) {
      const value = project(sample, at, features, weights, (first + i) * testFeatures, testFeatures);
      if (value < thresholds[first + i]) left[row + i]++;
    }
  }

  /** Draws the tests of a leaf among the features that vary in it, and counts what it has kept. */
  #drawTests(leaf: number, growing: number, serial: number): void {
    const { width, options } = this;
    const { tests, testFeatures, waiting, seed } = options;
    const { samples, labels } = this.#held.arrays;
    const held = this.#nodes.arrays.held[leaf];
    const start = held * waiting * width;
    const varying = varyingFeatures(samples, start, waiting, width);
    if (!varying.length) return;
    const rng = new Rng(seed, 'tests', this.index, this.born, serial, leaf);
    const { features, weights, thresholds } = this.#growing.arrays;
    for (let i = growing * tests; i < (growing + 1) * tests; i++) {
      for (let f = i * testFeatures; f < (i + 1) * testFeatures; f++) {
        const feature = varying[intBelow(rng, varying.length)];
        features[f] = feature;
        // Features of any unit weigh alike once divided by their range.
        const extent = this.range.high[feature] - this.range.low[feature];
        if (testFeatures > 1) weights[f] = (2 * rng.uniform() - 1) / extent;
      }
      const value = (sample: number) =>
        testFeatures === 1
          ? samples[start + sample * width + features[i]]
          : project(samples, start + sample * width, features, weights, i * testFeatures, testFeatures);
      thresholds[i] =
        options.thresholds === 'leaf' ? betweenSamples(rng, value, waiting) : this.#inRange(rng, i * testFeatures);
    }
    for (let s = 0; s < waiting; s++) this.#count(growing, samples, start + s * width, labels[held * waiting + s]);
    this.#growing.arrays.drawn[growing] = 1;
    this.#nodes.arrays.held[leaf] = none;
    this.#held.release(held);
  }

  /** Uniform over what a test can give on any sample so far. */
  #inRange(rng: Rng, first: number): number {
    const { features, weights } = this.#growing.arrays;
    const { testFeatures } = this.options;
    let [low, high] = [0, 0];
    for (let f = first; f < first + testFeatures; f++) {
      const weight = testFeatures === 1 ? 1 : weights[f];
      const ends = [weight * this.range.low[features[f]], weight * this.range.high[features[f]]];
      low += Math.min(...ends);
      high += Math.max(...ends);
    }
    return low + rng.uniform() * (high - low);
  }

  #split(leaf: number, growing: number): void {
    const { tests, testFeatures, criterion, minGain } = this.options;
    const { classes } = this;
    const { left, total, features, weights, thresholds } = this.#growing.arrays;
    const [at, totalAt] = [growing * classes * tests, growing * classes];
    const { index, gain } = bestTest(criterion, left, at, total, totalAt, classes, this.#sums);
    if (index < 0 || gain < minGain) return;
    const depth = this.#nodes.arrays.depth[leaf] + 1;
    const children = [this.#newLeaf(depth), this.#newLeaf(depth)];
    const nodes = this.#nodes.arrays;
    for (let f = 0; f < testFeatures; f++) {
      const from = (growing * tests + index) * testFeatures + f;
      nodes.features[leaf * testFeatures + f] = features[from];
      if (testFeatures > 1) nodes.weights[leaf * testFeatures + f] = weights[from];
    }
    nodes.threshold[leaf] = thresholds[growing * tests + index];
    nodes.child[leaf] = children[0];
    const { alone, aloneClass } = this.#growing.arrays;
    let [allBelow, all] = [0, 0];
    for (let c = 0; c < classes; c++) {
      allBelow += left[at + c * tests + index];
      all += total[totalAt + c];
    }
    for (let c = 0; c < classes; c++) {
      let below = left[at + c * tests + index];
      let known = total[totalAt + c];
      if (known === 0) {
        // A class that came before the leaf did and never since: forgotten, was it not handed on.
        known = nodes.counts[leaf * classes + c];
        below = Math.round((known * allBelow) / all);
      } else if (c === aloneClass[growing]) {
        // What the leaf saw before it had tests goes where the winner sent the samples of that class that it kept.
        below += Math.round((alone[growing] * below) / known);
        known += alone[growing];
      }
      nodes.counts[children[0] * classes + c] = below;
      nodes.counts[children[1] * classes + c] = known - below;
    }
    for (const child of children) nodes.inherited[child] = this.#countOf(child);
    nodes.growing[leaf] = none;
    this.#growing.release(growing);
  }
}
