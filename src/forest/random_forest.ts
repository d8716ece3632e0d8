import type { Backend } from '../backend/index.js';
import { expectArgument, SightlineError } from '../core/errors.js';
import { tensor, type Tensor } from '../core/tensor.js';
import { forestFit, nodeCapacity } from '../kernels/forest_fit.js';
import { forestPredict } from '../kernels/forest_predict.js';
import { readForest, writeForest, type StoredForest } from './forest_file.js';
import { completeOptions, kernelParams, type ForestOptions } from './forest_options.js';
import { joinTrees, packTrees, type PackedTrees } from './packed_trees.js';

export { defaultForest, type ForestOptions } from './forest_options.js';

/** Memory for trees that grow, before they are cut to their size; and the fewest that grow together. */
const growingBytes = 256 * 2 ** 20;
const fewestTogether = 16;

/**
 * A random forest classifier (Breiman 2001), as scikit-learn's RandomForestClassifier: bootstrap samples, √D features per
 * split, Gini impurity, trees grown until their leaves are pure, probabilities averaged over trees. The same seed gives
 * the same forest on every machine, backend and number of threads.
 */
export class RandomForest {
  readonly options: ForestOptions;
  readonly classes: number;
  /** Features of a sample. */
  readonly width: number;
  /** Share of samples that the trees which did not see them classify rightly; NaN without bootstrap. */
  readonly outOfBagAccuracy: number;
  /**
   * Mean impurity decrease of each feature, normalised within each tree and over the forest, as scikit-learn's
   * `feature_importances_`: sums to 1, or is all 0 when no tree has a split.
   */
  readonly featureImportances: Float64Array;
  readonly #trees: PackedTrees;

  private constructor(
    stored: StoredForest,
    /**
     * f32[N,K]: probabilities of each training sample by the trees that did not see it; NaN where all have. Missing
     * without bootstrap and in a forest that was read from bytes.
     */
    readonly outOfBagProbabilities?: Tensor<'f32'>,
  ) {
    this.options = stored.options;
    this.classes = stored.classes;
    this.width = stored.width;
    this.outOfBagAccuracy = stored.outOfBagAccuracy;
    this.featureImportances = stored.featureImportances;
    this.#trees = stored.trees;
  }

  /**
   * Grows a forest.
   * @param samples f32[N,D], N and D at least 1, finite
   * @param labels u32[N], 0 … classes − 1
   * @throws SightlineError E_ARGUMENT (row and column of a value that is not finite, row of a label out of range, an
   *   option outside its domain), E_SHAPE
   */
  static async fit(
    backend: Backend,
    samples: Tensor<'f32'>,
    labels: Tensor<'u32'>,
    classes: number,
    options: Partial<ForestOptions> = {},
  ): Promise<RandomForest> {
    const complete = completeOptions(options);
    const [rows, width] = checkSamples(samples);
    expectArgument(rows > 0 && width > 0, 'samples', 'at least one row and one column', `${rows} × ${width}`);
    expectArgument(Number.isInteger(classes) && classes >= 1, 'classes', 'a whole number from 1', classes);
    checkLabels(labels, rows, classes);

    const params = { ...kernelParams(complete, width), classes, words: Math.ceil(rows / 32) };
    const nodes = nodeCapacity(rows, params);
    const together = Math.max(fewestTogether, Math.floor(growingBytes / (12 * nodes + 8 * rows + 8 * width)));
    const groups: PackedTrees[] = [];
    const importances = new Float64Array(width);
    const inBag = tensor('u32', [complete.trees, params.words]);
    for (let firstTree = 0; firstTree < complete.trees; firstTree += together) {
      const trees = Math.min(together, complete.trees - firstTree);
      const grown = await backend.run(forestFit, { samples, labels }, { ...params, nodes, firstTree, trees });
      groups.push(packTrees(grown));
      addImportances(importances, grown.gains);
      inBag.data.set(grown.inBag.data, firstTree * params.words);
    }
    normalise(importances);

    const stored = { options: complete, classes, width, featureImportances: importances, trees: joinTrees(groups) };
    if (!complete.bootstrap) return new RandomForest({ ...stored, outOfBagAccuracy: NaN });
    const inputs = { samples, ...stored.trees, excluded: inBag };
    const { probabilities } = await backend.run(forestPredict, inputs, { classes });
    const outOfBagAccuracy = accuracyOf(probabilities, labels.data);
    return new RandomForest({ ...stored, outOfBagAccuracy }, probabilities);
  }

  /**
   * @param samples f32[N,D], finite
   * @returns f32[N,K]: the mean over trees of the class shares in each sample's leaf
   * @throws SightlineError E_ARGUMENT, E_SHAPE
   */
  async predictProbabilities(backend: Backend, samples: Tensor<'f32'>): Promise<Tensor<'f32'>> {
    const [, width] = checkSamples(samples);
    if (width !== this.width) {
      throw new SightlineError('E_SHAPE', {
        where: 'samples',
        what: `expected ${this.width} features, as the forest was fitted on, received ${width}`,
      });
    }
    const excluded = tensor('u32', [this.options.trees, 0]);
    const inputs = { samples, ...this.#trees, excluded };
    return (await backend.run(forestPredict, inputs, { classes: this.classes })).probabilities;
  }

  /** The likeliest class of each sample, the first one on ties: u32[N]. Throws as {@link predictProbabilities}. */
  async predict(backend: Backend, samples: Tensor<'f32'>): Promise<Tensor<'u32'>> {
    const { data } = await this.predictProbabilities(backend, samples);
    const rows = samples.dims[0];
    return tensor(
      'u32',
      [rows],
      Uint32Array.from({ length: rows }, (_, i) => likeliest(data, i, this.classes)),
    );
  }

  /** The forest as bytes: all but the out-of-bag probabilities. */
  serialise(): Uint8Array {
    return writeForest({ ...this, trees: this.#trees });
  }

  /** @throws SightlineError E_MODEL_FORMAT when the bytes are not a forest, are damaged or of another version */
  static deserialise(bytes: Uint8Array): RandomForest {
    return new RandomForest(readForest(bytes));
  }
}

function checkSamples({ dims, data }: Tensor<'f32'>): readonly [rows: number, width: number] {
  if (dims.length !== 2) {
    throw new SightlineError('E_SHAPE', { where: 'samples', what: `expected [N,D], received [${dims.join(',')}]` });
  }
  const [rows, width] = dims;
  for (let i = 0; i < data.length; i++) {
    if (data[i] - data[i] === 0) continue;
    throw new SightlineError('E_ARGUMENT', {
      where: `samples, row ${Math.floor(i / width)}, column ${i % width}`,
      what: `expected a finite number, received ${data[i]}`,
      remedy: 'Leave the row or the column out, or replace the value.',
    });
  }
  return [rows, width];
}

function checkLabels({ dims, data }: Tensor<'u32'>, rows: number, classes: number): void {
  if (dims.length !== 1 || dims[0] !== rows) {
    throw new SightlineError('E_SHAPE', { where: 'labels', what: `expected [${rows}], received [${dims.join(',')}]` });
  }
  const wrong = data.findIndex((label) => label >= classes);
  expectArgument(wrong < 0, `labels, row ${wrong}`, `a class below ${classes}`, data[wrong]);
}

/** Each tree's gains normalised, so that every tree with a split counts the same. */
function addImportances(sum: Float64Array, { dims: [trees, width], data }: Tensor<'f64'>): void {
  for (let t = 0; t < trees; t++) {
    const gains = data.slice(t * width, (t + 1) * width);
    normalise(gains);
    gains.forEach((gain, d) => (sum[d] += gain));
  }
}

function normalise(values: Float64Array): void {
  const total = values.reduce((a, v) => a + v, 0);
  if (total > 0) values.forEach((v, d) => (values[d] = v / total));
}

function likeliest(probabilities: Float32Array, row: number, classes: number): number {
  let best = 0;
  for (let k = 1; k < classes; k++) {
    if (probabilities[row * classes + k] > probabilities[row * classes + best]) best = k;
  }
  return best;
}

/** Over the rows that have probabilities; NaN when none has. */
function accuracyOf({ dims: [rows, classes], data }: Tensor<'f32'>, labels: Uint32Array): number {
  let [right, known] = [0, 0];
  for (let i = 0; i < rows; i++) {
    if (Number.isNaN(data[i * classes])) continue;
    known++;
    if (likeliest(data, i, classes) === labels[i]) right++;
  }
  return right / known;
}
