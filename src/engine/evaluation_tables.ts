import { csvText } from '../core/csv.js';
import type { Sample } from '../data/types.js';
import { rocCurve } from '../metrics/curves.js';
import type { ClassifierEvaluation } from '../metrics/evaluation.js';
import type { EvaluatedModel } from './evaluated_model.js';

/** What a model says of a sample, and what is true of it. */
export interface Prediction {
  sample: Sample;
  /** Class number, or 0 and 1 for each of several labels; masks: empty. */
  truth: readonly number[];
  /** One per output; masks: empty. */
  probabilities: readonly number[];
  mask: { dice: number; right: number; pixels: number } | null;
}

/** Texts of CSV files. */
export interface EvaluationTables {
  predictions: string;
  roc?: string;
  calibration?: (evaluation: ClassifierEvaluation) => string;
}

/** Predictions a sample a line, ROC points of every class, reliability bins. */
export function classifierTables(
  { kind, labels, outputs }: EvaluatedModel,
  predictions: readonly Prediction[],
): EvaluationTables {
  const several = kind === 'labels';
  const single = outputs === 1;
  const scored = single ? [labels[1]] : labels;
  const truthFor = (truth: readonly number[], k: number) =>
    several ? truth[k] : Number(truth[0] === (single ? 1 : k));
  const rows = predictions.map(({ sample, truth, probabilities }) => {
    const best = single ? Number(probabilities[0] >= 0.5) : probabilities.indexOf(Math.max(...probabilities));
    const predicted = several ? labels.filter((_, k) => probabilities[k] >= 0.5).join('|') : (labels[best] ?? '');
    const label = several ? labels.filter((_, k) => truth[k]).join('|') : labels[truth[0]];
    return [sample.id, label, predicted, ...probabilities];
  });
  const points = scored.flatMap((name, k) => {
    const { thresholds, falsePositiveRate, truePositiveRate } = rocCurve(
      predictions.map(({ probabilities }) => probabilities[k]),
      predictions.map(({ truth }) => truthFor(truth, k)),
    );
    return Array.from(thresholds, (threshold, i) => [name, threshold, falsePositiveRate[i], truePositiveRate[i]]);
  });
  return {
    predictions: csvText([['id', 'label', 'predicted', ...scored.map((name) => `p_${name}`)], ...rows]),
    roc: csvText([['class', 'threshold', 'false_positive_rate', 'true_positive_rate'], ...points]),
    calibration: ({ reliability }) =>
      csvText([
        ['low', 'high', 'count', 'confidence', 'frequency'],
        ...reliability.bins.map(({ low, high, count, confidence, frequency }) => [
          ...[low, high, count, confidence, frequency],
        ]),
      ]),
  };
}

export function maskTable(predictions: readonly Prediction[]): EvaluationTables {
  const rows = predictions.map(({ sample, mask }) => [sample.id, mask!.dice, mask!.right / mask!.pixels]);
  return { predictions: csvText([['id', 'dice', 'pixel_accuracy'], ...rows]) };
}
