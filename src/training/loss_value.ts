import { sizeOf, type Tensor } from '../core/tensor.js';
import { sigmoid } from '../metrics/probabilities.js';
import type { LossSettings } from './training_step.js';

type Logits = Pick<Tensor<'f32'>, 'dims' | 'data'>;

/**
 * A loss in float64, from logits and targets of equal dims [B,K] or [B,K,H,W]: sums that add up over batches, so that the
 * mean of a whole set does not depend on how it was cut. {@link meanLoss} makes one number of them.
 */
export interface LossSums {
  /** Of −Σ w t ln p, of binary cross-entropy, or of squares. */
  sum: number;
  /** What it is divided by: with class weights the sum of the weights, as PyTorch's weighted mean. */
  weight: number;
  /** Soft Dice of each image, summed; and the number of images. Zero but with dice-cross-entropy. */
  dice: number;
  images: number;
}

export const noLoss: LossSums = { sum: 0, weight: 0, dice: 0, images: 0 };

export const addLosses = (a: LossSums, b: LossSums): LossSums => ({
  sum: a.sum + b.sum,
  weight: a.weight + b.weight,
  dice: a.dice + b.dice,
  images: a.images + b.images,
});

/** Labels of weight 0 alone: 0, as the training graph has it. */
export function meanLoss(settings: LossSettings, { sum, weight, dice, images }: LossSums): number {
  const mean = sum / (weight || 1);
  if (settings.kind !== 'dice-cross-entropy') return mean;
  return mean + (settings.diceWeight ?? 1) * (1 - dice / images);
}

/** Sums of one batch. */
export function lossSums(settings: LossSettings, logits: Logits, targets: Logits): LossSums {
  switch (settings.kind) {
    case 'cross-entropy':
      return crossEntropy(logits, targets, settings);
    case 'binary-cross-entropy':
      return binaryCrossEntropy(logits, targets, settings.positiveWeights);
    case 'mean-squared-error': {
      let sum = 0;
      for (let i = 0; i < logits.data.length; i++) sum += (logits.data[i] - targets.data[i]) ** 2;
      return { ...noLoss, sum, weight: logits.data.length };
    }
    case 'dice-cross-entropy': {
      const binary = logits.dims[1] === 1;
      const base = binary ? binaryCrossEntropy(logits, targets) : crossEntropy(logits, targets, {});
      return { ...base, ...softDice(logits, targets) };
    }
  }
}

/** Offsets of a tensor [B,K,…]: `visit(first, stride)` for every vector of K scores. */
function eachVector(dims: readonly number[], visit: (first: number, stride: number) => void): void {
  const [batch, classes] = dims;
  const pixels = sizeOf(dims.slice(2));
  for (let b = 0; b < batch; b++) for (let i = 0; i < pixels; i++) visit(b * classes * pixels + i, pixels);
}

function crossEntropy(
  { dims, data }: Logits,
  targets: Logits,
  { classWeights, labelSmoothing = 0 }: { classWeights?: readonly number[]; labelSmoothing?: number },
): LossSums {
  const classes = dims[1];
  let sum = 0;
  let weight = 0;
  eachVector(dims, (first, stride) => {
    const normaliser = logSumExp(data, first, stride, classes);
    for (let k = 0; k < classes; k++) {
      const at = first + k * stride;
      const given = targets.data[at];
      const w = classWeights?.[k] ?? 1;
      sum += w * ((1 - labelSmoothing) * given + labelSmoothing / classes) * (normaliser - data[at]);
      weight += w * given;
    }
  });
  return { ...noLoss, sum, weight };
}

function binaryCrossEntropy({ dims, data }: Logits, targets: Logits, positiveWeights?: readonly number[]): LossSums {
  const classes = dims[1];
  let sum = 0;
  eachVector(dims, (first, stride) => {
    for (let k = 0; k < classes; k++) {
      const at = first + k * stride;
      const t = targets.data[at];
      // −w t ln σ(x) − (1 − t) ln(1 − σ(x)), in the form that does not overflow.
      sum += (positiveWeights?.[k] ?? 1) * t * softplus(-data[at]) + (1 - t) * softplus(data[at]);
    }
  });
  return { ...noLoss, sum, weight: data.length };
}

/** Mean over the channels of each image, summed over images; 1e-5 above and below, so that two empty masks give 1. */
function softDice({ dims, data }: Logits, targets: Logits): Pick<LossSums, 'dice' | 'images'> {
  const [batch, classes] = dims;
  const pixels = sizeOf(dims.slice(2));
  let dice = 0;
  for (let b = 0; b < batch; b++) {
    const both = new Float64Array(classes);
    const all = new Float64Array(classes);
    for (let i = 0; i < pixels; i++) {
      const first = b * classes * pixels + i;
      const normaliser = classes > 1 ? logSumExp(data, first, pixels, classes) : 0;
      for (let k = 0; k < classes; k++) {
        const at = first + k * pixels;
        const p = classes > 1 ? Math.exp(data[at] - normaliser) : sigmoid(data[at]);
        both[k] += p * targets.data[at];
        all[k] += p + targets.data[at];
      }
    }
    for (let k = 0; k < classes; k++) dice += (2 * both[k] + 1e-5) / (all[k] + 1e-5) / classes;
  }
  return { dice, images: batch };
}

function logSumExp(data: Float32Array, first: number, stride: number, count: number): number {
  let most = -Infinity;
  for (let k = 0; k < count; k++) most = Math.max(most, data[first + k * stride]);
  let sum = 0;
  for (let k = 0; k < count; k++) sum += Math.exp(data[first + k * stride] - most);
  return most + Math.log(sum);
}

const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
