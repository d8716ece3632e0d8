import { expectArgument, SightlineError } from '../core/errors.js';
import { ProgressMeter, type ProgressListener } from '../core/progress.js';
import { Rng } from '../core/rng.js';
import { tensor, type Tensor } from '../core/tensor.js';
import { drawRepeats } from './online_draws.js';
import { readOnlineForest, writeOnlineForest, type StoredOnlineForest } from './online_forest_file.js';
import { completeOnline, type OnlineOptions } from './online_options.js';
import { OnlineTree, type FeatureRange } from './online_tree.js';

export { defaultOnline, type OnlineOptions } from './online_options.js';

/** How `OnlineForest.fit` goes through its samples. */
export interface FitOptions {
  /** Passes over the samples, each in a new order. Default 10. */
  epochs: number;
  /**
   * Each tree leaves the same samples out in every pass, as a batch forest does: the out-of-bag error stays honest, at
   * the cost of accuracy. Default: drawn anew, as for new samples.
   */
  sameBags: boolean;
  onProgress?: ProgressListener;
}

/** More classes than this are taken for a mistake. */
const mostClasses = 65_536;

/**
 * An on-line random forest: Saffari, Leistner, Santner, Godec and Bischof, "On-line Random Forests", ICCV workshops 2009.
 * It learns sample by sample and keeps none but the first few of each leaf. Every draw is named by seed, tree and number
 * of the sample: the same samples in the same order give the same forest, however they are batched, and a stored forest
 * goes on as if it had never been stored.
 *
 * Where the paper leaves room: thresholds are drawn between values of the first samples of a leaf (`thresholds`,
 * `waiting`); a leaf of one class keeps a few samples and waits for another class before it tries tests; a class that a
 * leaf knows from its parent alone is handed on to its children, so that classes may come one after the other; with
 * `forgetting`, each new sample puts one tree of those older than 1/γ up for replacement, and out-of-bag errors fade over
 * 1/γ trials.
 */
export class OnlineForest {
  readonly options: OnlineOptions;
  /** Samples learnt, repeated ones counted each time. */
  #seen = 0;
  #classes = 0;
  /** Classes that the trees have room for. */
  #room = 2;
  #trials = 0;
  #errors = 0;
  readonly #range: FeatureRange;
  readonly #trees: OnlineTree[];
  readonly #repeats: Uint8Array;

  /** @param width features of a sample @throws SightlineError E_ARGUMENT for an option outside its domain */
  constructor(
    readonly width: number,
    options: Partial<OnlineOptions> = {},
  ) {
    expectArgument(Number.isSafeInteger(width) && width >= 1, 'width', 'a whole number from 1', width);
    this.options = completeOnline(options);
    this.#range = { low: new Float32Array(width).fill(Infinity), high: new Float32Array(width).fill(-Infinity) };
    this.#repeats = new Uint8Array(this.options.trees);
    this.#trees = Array.from(this.#repeats, (_, index) => this.#plant(index));
  }

  /** Classes so far: the largest label + 1. */
  get classes(): number {
    return this.#classes;
  }

  /** Samples learnt so far, those of every pass counted. */
  get samplesSeen(): number {
    return this.#seen;
  }

  /** Mean number of leaves of a tree. */
  get leaves(): number {
    return this.#trees.reduce((sum, tree) => sum + tree.leaves, 0) / this.#trees.length;
  }

  /**
   * Share of samples that the trees which left them out got wrong when they came by; NaN before the first. It follows
   * the forest's growth, and from a second pass on it is too good unless `sameBags` is set: the trees have met the
   * sample before. With `forgetting`, older trials fade.
   */
  get outOfBagError(): number {
    return this.#errors / this.#trials;
  }

  /**
   * A forest that has gone through the samples several times. Splits use samples up, so that one pass over a few hundred
   * to ten thousand falls short of a batch forest; ten come within a point of its accuracy.
   * `minSamples` is by default a 80th of the rows, from 20 to 100.
   * @param samples f32[N,D], finite @param labels u32[N]
   * @throws SightlineError E_ARGUMENT, E_SHAPE
   */
  static fit(
    samples: Tensor<'f32'>,
    labels: Tensor<'u32'>,
    options: Partial<OnlineOptions & FitOptions> = {},
  ): OnlineForest {
    const { epochs = 10, sameBags = false, onProgress, ...settings } = options;
    expectArgument(Number.isSafeInteger(epochs) && epochs >= 1, 'epochs', 'a whole number from 1', epochs);
    checkShapes(samples, labels);
    const [rows, width] = samples.dims;
    const minSamples = Math.round(Math.min(100, Math.max(20, rows / 80)));
    const forest = new OnlineForest(width, { ...settings, minSamples: settings.minSamples ?? minSamples });
    const meter = new ProgressMeter('growing the forest', rows * epochs, onProgress, 0, undefined, 'samples');
    const order = Array.from({ length: rows }, (_, row) => row);
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (const row of new Rng(forest.options.seed, 'order', epoch).shuffle(order)) {
        const key = sameBags ? ['row', row] : undefined;
        forest.#learn(samples.data, row * width, labels.data[row], key);
      }
      meter.add(rows);
    }
    return forest;
  }

  /**
   * Learns one sample. A label beyond the classes so far is a new class.
   * @param sample [D], finite @param label 0 … 65,535
   * @throws SightlineError E_ARGUMENT, E_SHAPE: the forest is then as it was
   */
  update(sample: ArrayLike<number>, label: number): void {
    this.#checkWidth(sample.length);
    this.#learn(Float32Array.from(sample), 0, label);
  }

  /** Learns samples in their order: the same as `update` with each. @param samples f32[N,D] @param labels u32[N] */
  updateBatch(samples: Tensor<'f32'>, labels: Tensor<'u32'>): void {
    checkShapes(samples, labels);
    this.#checkWidth(samples.dims[1]);
    for (let row = 0; row < samples.dims[0]; row++) {
      this.#learn(samples.data, row * this.width, labels.data[row]);
    }
  }

  /**
   * Mean over trees of the class shares in each sample's leaf.
   * @param samples f32[N,D], finite
   * @returns f32[N,K]; rows add up to 1; NaN when the forest has seen nothing (K is then 0)
   */
  predictProbabilities(samples: Tensor<'f32'>): Tensor<'f32'> {
    if (samples.dims.length !== 2) {
      throw new SightlineError('E_SHAPE', {
        where: 'samples',
        what: `expected [N,D], received [${samples.dims.join(',')}]`,
      });
    }
    const [rows, width] = samples.dims;
    this.#checkWidth(width);
    const probabilities = tensor('f32', [rows, this.#classes]);
    const sum = new Float64Array(this.#room);
    for (let row = 0; row < rows; row++) {
      checkFinite(samples.data, row * width, width);
      sum.fill(0);
      let voters = 0;
      for (const tree of this.#trees) if (tree.addShares(samples.data, row * width, sum, 0)) voters++;
      for (let c = 0; c < this.#classes; c++) probabilities.data[row * this.#classes + c] = sum[c] / voters;
    }
    return probabilities;
  }

  /** The likeliest class of each sample, the first one on ties: u32[N]. @throws SightlineError E_ARGUMENT, E_SHAPE */
  predict(samples: Tensor<'f32'>): Tensor<'u32'> {
    expectArgument(this.#classes > 0, 'predict', 'a forest that has learnt samples', this.#seen);
    const { dims, data } = this.predictProbabilities(samples);
    const [rows, classes] = dims;
    const predicted = tensor('u32', [rows]);
    for (let row = 0; row < rows; row++) {
      predicted.data[row] = likeliest(data.subarray(row * classes, (row + 1) * classes));
    }
    return predicted;
  }

  /** The forest as bytes; what is read from them learns and predicts exactly as this one would. */
  serialise(): Uint8Array {
    return writeOnlineForest({
      options: this.options,
      width: this.width,
      seen: this.#seen,
      classes: this.#classes,
      room: this.#room,
      trials: this.#trials,
      errors: this.#errors,
      range: this.#range,
      trees: this.#trees.map((tree) => tree.store()),
    });
  }

  /** @throws SightlineError E_MODEL_FORMAT when the bytes are not an on-line forest, or damaged */
  static deserialise(bytes: Uint8Array): OnlineForest {
    const stored = readOnlineForest(bytes);
    const forest = new OnlineForest(stored.width, stored.options);
    forest.#restore(stored);
    return forest;
  }

  #restore({ seen, classes, room, trials, errors, range, trees }: StoredOnlineForest): void {
    [this.#seen, this.#classes, this.#room, this.#trials, this.#errors] = [seen, classes, room, trials, errors];
    this.#range.low.set(range.low);
    this.#range.high.set(range.high);
    trees.forEach((stored, index) => {
      this.#trees[index] = this.#plant(index);
      this.#trees[index].restore(stored);
    });
  }

  #plant(index: number): OnlineTree {
    return new OnlineTree(this.options, this.width, this.#room, this.#range, index, this.#seen);
  }

  #learn(data: Float32Array, at: number, label: number, key: (string | number)[] = [this.#seen]): void {
    const { seed, forgetting } = this.options;
    checkFinite(data, at, this.width);
    const known = Number.isInteger(label) && label >= 0 && label < mostClasses;
    expectArgument(known, 'label', `a whole number from 0 to ${mostClasses - 1}`, label);
    this.#makeRoom(label);
    for (let d = 0; d < this.width; d++) {
      this.#range.low[d] = Math.min(this.#range.low[d], data[at + d]);
      this.#range.high[d] = Math.max(this.#range.high[d], data[at + d]);
    }
    this.#seen++;
    drawRepeats(seed, key, this.#repeats);
    const left = new Float64Array(this.#room);
    let voters = 0;
    this.#trees.forEach((tree, t) => {
      for (let k = 0; k < this.#repeats[t]; k++) tree.update(data, at, label, this.#seen);
      if (this.#repeats[t] > 0) return;
      const vote = tree.vote(data, at);
      if (vote < 0) return;
      voters++;
      tree.addShares(data, at, left, 0);
      tree.trials = tree.trials * (1 - forgetting) + 1;
      tree.errors = tree.errors * (1 - forgetting) + Number(vote !== label);
    });
    if (voters) {
      this.#trials = this.#trials * (1 - forgetting) + 1;
      this.#errors = this.#errors * (1 - forgetting) + Number(likeliest(left) !== label);
    }
    if (forgetting > 0) this.#discard();
  }

  /** One tree of those older than 1/γ, by chance, is replaced when its out-of-bag error exceeds a uniform draw. */
  #discard(): void {
    const { seed, forgetting } = this.options;
    const old = this.#trees.flatMap(({ born }, index) => (this.#seen - born > 1 / forgetting ? [index] : []));
    if (!old.length) return;
    const rng = new Rng(seed, 'discard', this.#seen);
    const index = old[rng.int(old.length)];
    const { errors, trials } = this.#trees[index];
    if (trials > 0 && errors / trials > rng.uniform()) this.#trees[index] = this.#plant(index);
  }

  #makeRoom(label: number): void {
    this.#classes = Math.max(this.#classes, label + 1);
    if (this.#classes <= this.#room) return;
    while (this.#room < this.#classes) this.#room *= 2;
    for (const tree of this.#trees) tree.widen(this.#room);
  }

  #checkWidth(width: number): void {
    if (width === this.width) return;
    throw new SightlineError('E_SHAPE', {
      where: 'samples',
      what: `expected ${this.width} features, as the forest has, received ${width}`,
    });
  }
}

function likeliest(shares: ArrayLike<number>): number {
  let best = 0;
  for (let c = 1; c < shares.length; c++) if (shares[c] > shares[best]) best = c;
  return best;
}

function checkShapes({ dims }: Tensor<'f32'>, labels: Tensor<'u32'>): void {
  if (dims.length !== 2 || labels.dims.length !== 1 || labels.dims[0] !== dims[0]) {
    throw new SightlineError('E_SHAPE', {
      where: 'samples and labels',
      what: `expected [N,D] and [N], received [${dims.join(',')}] and [${labels.dims.join(',')}]`,
    });
  }
}

function checkFinite(data: Float32Array, at: number, width: number): void {
  for (let d = 0; d < width; d++) {
    if (data[at + d] - data[at + d] === 0) continue;
    throw new SightlineError('E_ARGUMENT', {
      where: `samples, row ${Math.floor(at / width)}, column ${d}`,
      what: `expected a finite number, received ${data[at + d]}`,
      remedy: 'Leave the row or the column out, or replace the value.',
    });
  }
}
