import { expectArgument } from '../../core/errors.js';
import type { Emitter } from '../emitter.js';
import { ShapeMismatch } from '../ops/rules.js';

/** What training minimises, a mean over the batch (and over pixels); `targets` says what a batch must bring. */
export type LossSettings =
  /**
   * Classes exclude each other. Targets f32[B,K] or [B,K,H,W]: one-hot rows, or any distribution. Class weights and label
   * smoothing as torch.nn.CrossEntropyLoss with class indices (the mean is over weights of the labels).
   */
  | { kind: 'cross-entropy'; classWeights?: readonly number[]; labelSmoothing?: number }
  /** Independent classes. Targets f32[B,K] or [B,K,H,W] in [0, 1]. `positiveWeights`: PyTorch's pos_weight. */
  | { kind: 'binary-cross-entropy'; positiveWeights?: readonly number[] }
  /** Targets f32 of the output's dims. */
  | { kind: 'mean-squared-error' }
  /**
   * Segmentation: cross-entropy (binary for one channel) + diceWeight · (1 − soft Dice), as MONAI's DiceCELoss: Dice per
   * sample and channel with 10⁻⁵ added above and below, then the mean. Targets f32[B,K,H,W].
   */
  | { kind: 'dice-cross-entropy'; diceWeight?: number };

/** @throws SightlineError E_ARGUMENT for weights that do not fit `classes`, or numbers outside their domain */
export function checkLoss(loss: LossSettings, classes: number): void {
  const positive = (name: string, values: readonly number[] | undefined) => {
    if (!values) return;
    expectArgument(values.length === classes, name, `one number per class (${classes})`, values.length);
    const fit = values.every((value) => Number.isFinite(value) && value >= 0) && values.some((value) => value > 0);
    expectArgument(fit, name, 'finite numbers from 0, not all 0', values);
  };
  if (loss.kind === 'cross-entropy') {
    const { labelSmoothing: share = 0 } = loss;
    expectArgument(classes > 1, 'loss', 'binary-cross-entropy for a single output', loss.kind);
    positive('classWeights', loss.classWeights);
    expectArgument(share >= 0 && share < 1, 'labelSmoothing', 'a share in [0, 1)', share);
  } else if (loss.kind === 'binary-cross-entropy') positive('positiveWeights', loss.positiveWeights);
  else if (loss.kind === 'dice-cross-entropy') {
    const { diceWeight = 1 } = loss;
    expectArgument(Number.isFinite(diceWeight) && diceWeight >= 0, 'diceWeight', 'a number from 0', diceWeight);
  }
}

/**
 * Appends the loss of `logits` [B,K,…] against `targets` of the same dims.
 * @returns a value f32[]
 */
export function appendLoss(emit: Emitter, loss: LossSettings, logits: string, targets: string): string {
  if (emit.dims(logits).join() !== emit.dims(targets).join()) {
    throw new ShapeMismatch(`targets [${emit.dims(targets).join()}] for outputs [${emit.dims(logits).join()}]`);
  }
  switch (loss.kind) {
    case 'cross-entropy':
      return crossEntropy(emit, logits, targets, loss.classWeights, loss.labelSmoothing);
    case 'binary-cross-entropy':
      return binaryCrossEntropy(emit, logits, targets, loss.positiveWeights);
    case 'mean-squared-error': {
      const apart = emit.sub(logits, targets);
      return mean(emit, emit.mul(apart, apart));
    }
    case 'dice-cross-entropy': {
      const single = emit.dims(logits)[1] === 1;
      const entropy = single ? binaryCrossEntropy(emit, logits, targets) : crossEntropy(emit, logits, targets);
      const shares = single ? emit.op('Sigmoid', [logits]) : emit.op('Softmax', [logits], { axis: 1 });
      return emit.add(entropy, emit.scale(diceLoss(emit, shares, targets), loss.diceWeight ?? 1));
    }
  }
}

/** Sum of all elements, f32[]. */
function total(emit: Emitter, value: string): string {
  const axes = emit.dims(value).map((_, axis) => axis);
  return emit.reshape(emit.reduceSum(value, axes, false), []);
}

function mean(emit: Emitter, value: string): string {
  return emit.scale(total(emit, value), 1 / emit.dims(value).reduce((n, dim) => n * dim, 1));
}

/** One number per class, to broadcast along axis 1. */
function perClass(emit: Emitter, like: string, values: readonly number[]): string {
  return emit.like(
    like,
    [
      1,
      values.length,
      ...emit
        .dims(like)
        .slice(2)
        .map(() => 1),
    ],
    values,
  );
}

function crossEntropy(
  emit: Emitter,
  logits: string,
  targets: string,
  weights?: readonly number[],
  smoothing = 0,
): string {
  const classes = emit.dims(logits)[1];
  const logShares = emit.op('LogSoftmax', [logits], { axis: 1 });
  const smooth = smoothing
    ? emit.add(emit.scale(targets, 1 - smoothing), emit.scalar(targets, smoothing / classes))
    : targets;
  const weighted = (value: string) => (weights ? emit.mul(value, perClass(emit, logits, weights)) : value);
  const sum = total(emit, emit.mul(weighted(smooth), logShares));
  // By the weights of the labels themselves. A batch of classes of weight 0 has nothing to say: 0, not 0/0.
  const labels = total(emit, weighted(targets));
  const among = emit.add(labels, emit.mask('Equal', labels, emit.scalar(labels, 0)));
  return emit.op('Neg', [emit.div(sum, among)]);
}

/** (1 − t)·x + (1 + (p − 1)·t)·softplus(−x), softplus in the form that does not overflow. */
function binaryCrossEntropy(emit: Emitter, logits: string, targets: string, positive?: readonly number[]): string {
  const one = emit.scalar(logits, 1);
  const negative = emit.op('Neg', [logits]);
  const small = emit.op('Log', [emit.add(one, emit.op('Exp', [emit.op('Neg', [emit.op('Abs', [logits])])]))]);
  const softplus = emit.add(emit.op('Relu', [negative]), small);
  const factor = positive
    ? emit.add(
        one,
        emit.mul(
          targets,
          perClass(
            emit,
            logits,
            positive.map((weight) => weight - 1),
          ),
        ),
      )
    : undefined;
  const second = factor ? emit.mul(factor, softplus) : softplus;
  return mean(emit, emit.add(emit.mul(emit.sub(one, targets), logits), second));
}

const diceSmooth = 1e-5;

/** Mean over samples and channels of 1 − soft Dice. */
function diceLoss(emit: Emitter, shares: string, targets: string): string {
  const axes = emit.dims(shares).flatMap((_, axis) => (axis < 2 ? [] : [axis]));
  const sums = (value: string) => emit.reduceSum(value, axes, false);
  const smooth = emit.scalar(shares, diceSmooth);
  const above = emit.add(emit.scale(sums(emit.mul(shares, targets)), 2), smooth);
  const below = emit.add(emit.add(sums(shares), sums(targets)), smooth);
  return emit.sub(emit.scalar(shares, 1), mean(emit, emit.div(above, below)));
}
