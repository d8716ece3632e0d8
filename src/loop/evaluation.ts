import type { Sample } from '../data/types.js';
import { scorePass } from '../engine/score_pass.js';
import { evaluateClassifier } from '../metrics/evaluate_classifier.js';
import type { ClassifierEvaluation } from '../metrics/evaluation.js';
import { summariseAttention } from '../metrics/attention.js';
import type { StoredMetric } from '../store/run_schema.js';
import type { ValidationMetrics } from '../training/validation.js';
import { roundFolder, type RunContext } from './round.js';
import { passOptions } from './scoring_options.js';

/** Of the classifier on the test set. */
const classifierMetrics = [
  ...(['auc', 'accuracy', 'balancedAccuracy', 'f1', 'kappa', 'averagePrecision'] as const),
  ...(['logLoss', 'brier', 'calibrationError'] as const),
] satisfies (keyof ClassifierEvaluation)[];

/**
 * What a round's model is worth on the test set, and where it looks there: metrics of the classifier, and over the samples with
 * a region of interest the agreement of its saliency maps with the expert's (XAL's interpretability).
 */
export async function evaluateRound(
  run: RunContext,
  round: number,
  model: string,
  test: readonly Sample[],
): Promise<StoredMetric[]> {
  if (!test.length) return [];
  const regions = test.some(({ mask, boxes }) => mask !== undefined || (boxes?.length ?? 0) > 0);
  const pass = await scorePass({
    ...passOptions(run, 'test', regions),
    // The same for all strategies, whatever they themselves go by.
    ...(regions && { explain: run.config.scoring.explain }),
    ...{ model, samples: test, attention: regions, resume: true },
    out: roundFolder(run, round, 'test'),
  });
  await run.store.quarantine(round, pass.quarantined);
  if (pass.quarantined.length && round === 0) {
    const { id, message } = pass.quarantined[0];
    run.onNotice(
      `Left out of all evaluations: ${pass.quarantined.length} of ${test.length} test images (${id}: ${message})`,
    );
  }
  const truth = Array.from(pass.positions, (position) => run.classes.indexOf(test[position].label!));
  const evaluation = evaluateClassifier(pass.probabilities.data, truth, { classes: pass.probabilities.dims[1] });
  const metrics = classifierMetrics.map((metric): StoredMetric => ({
    part: 'test',
    metric,
    value: evaluation[metric],
  }));
  if (!pass.attention) return metrics;
  const attention = summariseAttention(pass.attention, truth);
  const agreement = { dice: attention.dice, pointing: attention.pointing, energy: attention.energy };
  return [
    ...metrics,
    ...Object.entries({ ...agreement, roiShare: attention.roiShare }).map(([metric, value]) => ({
      ...{ part: 'test attention', metric, value },
    })),
  ];
}

/** Metrics of a training, as the store keeps them; those that the task does not have are left out. */
export function trainingMetrics(part: string, metrics: ValidationMetrics | null | undefined): StoredMetric[] {
  return Object.entries(metrics ?? {}).flatMap(([metric, value]: [string, number | null]) =>
    value === null ? [] : [{ part, metric, value }],
  );
}
