import { expectArgument } from '../core/errors.js';
import { sizeOf, tensor, type Tensor } from '../core/tensor.js';
import { evaluateClassifier } from '../metrics/evaluate_classifier.js';
import { meanDefined } from '../metrics/inputs.js';
import { labelMapOverlap, maskOverlap } from '../metrics/mask_overlap.js';
import { sigmoid, softmax } from '../metrics/probabilities.js';
import type { BatchSource } from './batch_source.js';
import { addLosses, lossSums, meanLoss, noLoss } from './loss_value.js';
import type { LossSettings, TrainingStep } from './training_step.js';

/** What a model is trained for; it decides the metrics. */
export type TrainingTask =
  /** One of K classes; K = 1: one sigmoid output, two classes. */
  | 'classification'
  /** K labels, each there or not. */
  | 'multi-label'
  /** A class a pixel; one channel: inside or outside. */
  | 'segmentation'
  /** The image itself, or other values: the loss is the only metric. */
  | 'reconstruction';

/** Metrics of a validation; null where the task or the data do not define one. */
export interface ValidationMetrics {
  loss: number | null;
  /** Segmentation: of pixels. */
  accuracy: number | null;
  /** Two classes: of class 1; more, or several labels: mean over them. */
  auc: number | null;
  f1: number | null;
  calibrationError: number | null;
  /** Mean over images with a region, true or predicted, of the mean over foreground classes. */
  dice: number | null;
}

export const metricNames = ['loss', 'accuracy', 'auc', 'f1', 'calibrationError', 'dice'] as const;

/** What a metric may choose the best model by. */
export type WatchedMetric = 'accuracy' | 'auc' | 'loss' | 'dice';

/** Metrics that a task has, the one watched by default first. */
export const watchable: Record<TrainingTask, readonly WatchedMetric[]> = {
  classification: ['auc', 'accuracy', 'loss'],
  'multi-label': ['auc', 'accuracy', 'loss'],
  segmentation: ['dice', 'accuracy', 'loss'],
  reconstruction: ['loss'],
};

/** Loss and metrics of the current weights over every sample of `source`, in inference form. */
export async function validate(
  step: Pick<TrainingStep, 'batch' | 'predict'>,
  source: BatchSource,
  task: TrainingTask,
  loss: LossSettings,
): Promise<ValidationMetrics> {
  const tally = task === 'segmentation' ? new MaskTally() : new ScoreTally(task);
  let sums = noLoss;
  for await (const batch of source.inOrder()) {
    try {
      for (const [images, targets] of parts(batch.images, batch.targets, step.batch)) {
        const logits = await step.predict(images);
        const fits = logits.data.length === targets.data.length;
        expectArgument(fits, 'targets', `the output's dims [${logits.dims.join()}]`, `[${targets.dims.join()}]`);
        sums = addLosses(sums, lossSums(loss, logits, targets));
        tally.add(logits, targets);
      }
    } finally {
      batch.release();
    }
  }
  const values = { loss: meanLoss(loss, sums), ...tally.metrics() };
  return Object.fromEntries(
    metricNames.map((name) => [name, finite((values as Partial<Record<string, number>>)[name])]),
  ) as unknown as ValidationMetrics;
}

const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;

/** A batch in pieces of at most `size` samples, without a copy. */
export function* parts(
  images: Tensor<'f32'>,
  targets: Tensor<'f32'>,
  size: number,
): Generator<[Tensor<'f32'>, Tensor<'f32'>]> {
  for (let at = 0; at < images.dims[0]; at += size) {
    const end = Math.min(at + size, images.dims[0]);
    yield [rowsOf(images, at, end), rowsOf(targets, at, end)];
  }
}

/** Rows [from, to) of the first axis: a view. */
export function rowsOf(all: Tensor<'f32'>, from: number, to: number): Tensor<'f32'> {
  const size = sizeOf(all.dims.slice(1));
  return tensor('f32', [to - from, ...all.dims.slice(1)], all.data.subarray(from * size, to * size));
}

interface Tally {
  add(logits: Tensor<'f32'>, targets: Tensor<'f32'>): void;
  metrics(): Partial<Record<keyof ValidationMetrics, number>>;
}

class ScoreTally implements Tally {
  readonly #probabilities: number[] = [];
  readonly #labels: number[] = [];
  #classes = 0;

  constructor(private readonly task: TrainingTask) {}

  add(logits: Tensor<'f32'>, targets: Tensor<'f32'>): void {
    if (this.task === 'reconstruction') return;
    const [batch, classes] = logits.dims;
    this.#classes = classes;
    for (let b = 0; b < batch; b++) {
      const scores = logits.data.subarray(b * classes, (b + 1) * classes);
      const truth = targets.data.subarray(b * classes, (b + 1) * classes);
      if (classes === 1 || this.task === 'multi-label') {
        for (const score of scores) this.#probabilities.push(sigmoid(score));
        for (const value of truth) this.#labels.push(Number(value >= 0.5));
      } else {
        this.#probabilities.push(...softmax(scores));
        this.#labels.push(largest(truth));
      }
    }
  }

  metrics(): Partial<Record<keyof ValidationMetrics, number>> {
    if (!this.#labels.length) return {};
    const task = this.task === 'multi-label' ? 'multi-label' : 'single-label';
    const { accuracy, auc, f1, calibrationError } = evaluateClassifier(this.#probabilities, this.#labels, {
      classes: this.#classes,
      task,
    });
    return { accuracy, auc, f1, calibrationError };
  }
}

class MaskTally implements Tally {
  readonly #dice: number[] = [];
  #right = 0;
  #pixels = 0;

  add(logits: Tensor<'f32'>, targets: Tensor<'f32'>): void {
    for (const { dice, right, pixels } of maskAgreement(logits, targets)) {
      this.#right += right;
      this.#pixels += pixels;
      this.#dice.push(dice);
    }
  }

  metrics() {
    return { accuracy: this.#right / this.#pixels, dice: meanDefined(this.#dice) };
  }
}

/**
 * How well each image's mask is met, both f32[B,K,H,W]: logits and one-hot targets (K = 1: 1 inside). Dice of the
 * foreground, mean over its classes; classes in neither map are left out, and NaN where all are: a model that finds
 * nothing shall not seem good for images in which there is nothing.
 */
export function maskAgreement(
  logits: Tensor<'f32'>,
  targets: Tensor<'f32'>,
): { dice: number; right: number; pixels: number }[] {
  const [batch, classes] = logits.dims;
  const pixels = sizeOf(logits.dims.slice(2));
  return Array.from({ length: batch }, (_, b) => {
    const predicted = labelMap(logits.data, b, classes, pixels, 0);
    const truth = labelMap(targets.data, b, classes, pixels, 0.5);
    let right = 0;
    for (let i = 0; i < pixels; i++) right += Number(predicted[i] === truth[i]);
    return { dice: diceOf(predicted, truth, classes), right, pixels };
  });
}

/**
 * Class of each pixel of image `b`, 1 or 0 for one channel (`>= threshold`); −1 where a score is NaN.
 * @param scores [B,K,pixels]
 */
function labelMap(scores: Float32Array, b: number, classes: number, pixels: number, threshold: number): Int32Array {
  const from = b * classes * pixels;
  return Int32Array.from({ length: pixels }, (_, i) => {
    if (classes === 1) return Number.isNaN(scores[from + i]) ? -1 : Number(scores[from + i] >= threshold);
    let best = 0;
    for (let k = 0; k < classes; k++) {
      const score = scores[from + k * pixels + i];
      if (Number.isNaN(score)) return -1;
      if (score > scores[from + best * pixels + i]) best = k;
    }
    return best;
  });
}

/** Of the foreground: its classes in neither map are left out; NaN where all are. */
function diceOf(predicted: Int32Array, truth: Int32Array, classes: number): number {
  if (predicted.includes(-1)) return NaN;
  if (!predicted.some(Boolean) && !truth.some(Boolean)) return NaN;
  if (classes <= 2) return maskOverlap(predicted, truth).dice;
  const overlaps = labelMapOverlap(predicted, truth, classes, 'ignore-both-empty').slice(1);
  return meanDefined(overlaps.map(({ dice }) => dice));
}

const largest = (values: Float32Array): number => values.reduce((best, v, k) => (v > values[best] ? k : best), 0);
