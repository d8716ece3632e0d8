import { expectArgument, SightlineError } from '../core/errors.js';

/**
 * The rules that every metric here follows.
 *   - A metric that the data do not define (0/0: a class that is absent, one class only, no samples) is NaN, never a made-up
 *     0 or 1, and means over classes leave NaN out (`meanDefined`).
 *   - A NaN score or probability (a model that diverged) makes whatever depends on it NaN.
 *   - Arguments that can only be a mistake (lengths that do not fit, labels outside the classes, logits where
 *     probabilities belong) throw SightlineError E_ARGUMENT.
 */
export type Values = ArrayLike<number>;

/** How far outside [0, 1] rounding in float16 or float32 may carry a probability. */
const outside = 1e-3;

/** How far from 1 the probabilities of a sample may sum. */
const sumSlack = 1e-2;

/** Mean of the values that are not NaN; NaN when there is none. */
export function meanDefined(values: Iterable<number>): number {
  let sum = 0;
  let count = 0;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    sum += value;
    count++;
  }
  return sum / count;
}

export function hasNaN(values: Values): boolean {
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) return true;
  return false;
}

export function expectLength(values: { length: number }, length: number, name: string): void {
  expectArgument(values.length === length, name, `${length} values`, values.length);
}

export function expectClasses(classes: number, least: number): void {
  expectArgument(Number.isInteger(classes) && classes >= least, 'classes', `an integer of ${least} or more`, classes);
}

/** Throws E_ARGUMENT unless every label is an integer in lowest … classes − 1. */
export function expectLabels(labels: Values, classes: number, name = 'labels', lowest = 0): void {
  for (let i = 0; i < labels.length; i++) {
    if (Number.isInteger(labels[i]) && labels[i] >= lowest && labels[i] < classes) continue;
    throw new SightlineError('E_ARGUMENT', {
      where: `${name}[${i}]`,
      what: `expected an integer from ${lowest} to ${classes - 1}, received ${labels[i]}`,
      remedy: 'Number the classes from 0 in the order of the model’s outputs, and leave unlabelled samples out.',
    });
  }
}

/**
 * Probabilities [N,K] as float64, brought into [0, 1] where rounding left it; NaN stays. Throws E_ARGUMENT for values further
 * outside and, with `sumToOne`, for rows that do not sum to 1 (within 0.01).
 */
export function readProbabilities(values: Values, classes: number, sumToOne: boolean): Float64Array {
  const out = new Float64Array(values.length);
  for (let row = 0; row < values.length; row += classes) {
    let sum = 0;
    for (let i = row; i < row + classes; i++) {
      const value = values[i];
      if (value < -outside || value > 1 + outside) throw notProbabilities(i, `${value}`);
      out[i] = Number.isNaN(value) ? NaN : Math.min(1, Math.max(0, value));
      sum += value;
    }
    if (sumToOne && Math.abs(sum - 1) > sumSlack) throw notProbabilities(row, `a sample whose classes sum to ${sum}`);
  }
  return out;
}

function notProbabilities(index: number, received: string): SightlineError {
  return new SightlineError('E_ARGUMENT', {
    where: `probabilities[${index}]`,
    what: `expected probabilities in [0, 1], received ${received}`,
    remedy: 'Apply the softmax (one label per sample) or the sigmoid (several) to logits first.',
  });
}

/** 1 where the label is `positive`, else 0. */
export function isClass(labels: Values, positive: number): Uint8Array {
  return Uint8Array.from(labels, (label) => Number(label === positive));
}

/** Column `column` of a row-major matrix of `width` columns, as float64. */
export function columnOf(values: Values, width: number, column: number): Float64Array {
  const out = new Float64Array(values.length / width);
  for (let i = 0; i < out.length; i++) out[i] = values[i * width + column];
  return out;
}
