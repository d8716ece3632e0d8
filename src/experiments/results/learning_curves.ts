import { fullySupervised } from '../../loop/run_config.js';
import { learningCurves as curvesFigure } from '../../report/figures/learning_curves.js';
import { meanCurves } from '../../report/runs/mean_curves.js';
import { metricLabel } from '../../report/runs/metrics.js';
import type { FinishedExperiment } from '../run_experiment.js';
import type { Result } from './result.js';
import { variantTitle } from './words.js';

/** The metric by labels, a figure per grid; published values stand hollow at the ends of their curves. */
export function learningCurves({ experiment, grids }: FinishedExperiment): Result {
  const { metric } = experiment;
  return {
    figures: grids.map(({ plan, summary }) => {
      const published = experiment.published[plan.name] ?? {};
      const curves = meanCurves(summary.runs, metric);
      const level = summary.comparison.metrics[metric]?.fullySupervised;
      return curvesFigure({
        name: `curves-${plan.name}`,
        title: variantTitle(`${metricLabel(metric)} by labels`, plan, grids),
        caption: 'Mean over seeds after each round.',
        ...{ xLabel: 'labels', yLabel: metricLabel(metric), curves },
        ...(level != null && { level: { label: fullySupervised, value: level } }),
        marks: curves.flatMap(({ name, points }) => {
          const last = points.at(-1);
          const paper = published[name];
          return paper && last ? [{ name, x: last.x, y: paper.value }] : [];
        }),
      });
    }),
  };
}
