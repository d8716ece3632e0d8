import type { Backend } from '../backend/index.js';
import { Rng } from '../core/rng.js';
import { tensor, type Tensor } from '../core/tensor.js';
import { RandomForest } from './random_forest.js';

/** Samples with classes, as forests take them. The arrays may be shared between threads. */
export interface LabelledSamples {
  /** f32[N,D], finite. */
  samples: Tensor<'f32'>;
  /** u32[N], 0 … classes − 1. */
  labels: Tensor<'u32'>;
  classes: number;
}

/** How a subset of features is scored. */
export interface ScoreSettings {
  trees: number;
  seed: number;
  /** 0: out-of-bag accuracy; k: accuracy of stratified k-fold cross-validation. */
  folds: number;
  /** Forests (or cross-validations) with different seeds, whose accuracies are averaged. */
  repeats: number;
}

/** Forests that the score of one subset costs. */
export const fitsOf = ({ folds, repeats }: ScoreSettings): number => repeats * Math.max(1, folds);

/**
 * Accuracy of a random forest that sees the features in `subset` alone. The forests' seeds follow from the subset, the
 * folds from the seed: all subsets are judged on the same folds.
 */
export async function scoreSubset(
  backend: Backend,
  data: LabelledSamples,
  subset: readonly number[],
  settings: ScoreSettings,
): Promise<number> {
  const { trees, folds, repeats, seed } = settings;
  const chosen = { ...data, samples: columnsOf(data.samples, subset) };
  let sum = 0;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const options = { trees, seed: new Rng(seed, 'subset', repeat, ...subset).uint32() };
    if (folds) sum += await crossValidate(backend, chosen, foldsOf(data, folds, seed, repeat), folds, options);
    else {
      const forest = await RandomForest.fit(backend, chosen.samples, chosen.labels, chosen.classes, options);
      sum += forest.outOfBagAccuracy;
    }
  }
  return sum / repeats;
}

/** Fold of each sample: those of a class are shuffled and dealt out in turn, each class where the last one stopped. */
export function foldsOf(
  { labels, classes }: LabelledSamples,
  folds: number,
  seed: number,
  repeat: number,
): Uint32Array {
  const fold = new Uint32Array(labels.data.length);
  const rng = new Rng(seed, 'folds', repeat);
  let next = 0;
  for (let c = 0; c < classes; c++) {
    const rows = [...labels.data.keys()].filter((row) => labels.data[row] === c);
    for (const row of rng.shuffle(rows)) fold[row] = next++ % folds;
  }
  return fold;
}

/** Share of samples that the forest of the other folds classifies rightly. */
async function crossValidate(
  backend: Backend,
  { samples, labels, classes }: LabelledSamples,
  fold: Uint32Array,
  folds: number,
  options: { trees: number; seed: number },
): Promise<number> {
  let right = 0;
  for (let k = 0; k < folds; k++) {
    const rows = (inside: boolean) => [...fold.keys()].filter((row) => (fold[row] === k) === inside);
    const [train, test] = [rows(false), rows(true)];
    const trainLabels = tensor(
      'u32',
      [train.length],
      Uint32Array.from(train, (row) => labels.data[row]),
    );
    const forest = await RandomForest.fit(backend, rowsOf(samples, train), trainLabels, classes, options);
    const predicted = await forest.predict(backend, rowsOf(samples, test));
    test.forEach((row, i) => (right += Number(predicted.data[i] === labels.data[row])));
  }
  return right / fold.length;
}

function columnsOf({ dims: [rows, width], data }: Tensor<'f32'>, columns: readonly number[]): Tensor<'f32'> {
  const taken = tensor('f32', [rows, columns.length]);
  for (let row = 0; row < rows; row++) {
    columns.forEach((column, i) => (taken.data[row * columns.length + i] = data[row * width + column]));
  }
  return taken;
}

function rowsOf({ dims: [, width], data }: Tensor<'f32'>, rows: readonly number[]): Tensor<'f32'> {
  const taken = tensor('f32', [rows.length, width]);
  rows.forEach((row, i) => taken.data.set(data.subarray(row * width, (row + 1) * width), i * width));
  return taken;
}
