import { curveOf } from '../../loop/comparison.js';
import { fullySupervised } from '../../loop/run_config.js';
import { learningCurves as curvesFigure } from '../../report/figures/learning_curves.js';
import { curveBand } from '../../statistics/curve_band.js';
import type { FinishedExperiment } from '../run_experiment.js';
import type { Result } from './result.js';

/** The metric by labels, a figure per grid; published values of the end stand at the end of the curves. */
export function learningCurves({ experiment, grids }: FinishedExperiment): Result {
  const { metric } = experiment;
  return {
    figures: grids.map(({ plan, summary }) => {
      const published = experiment.published[plan.name] ?? {};
      const strategies = [...new Set(summary.runs.map(({ strategy }) => strategy))].filter(
        (name) => name !== fullySupervised,
      );
      const curves = strategies.map((name) => {
        const own = summary.runs.filter((run) => run.strategy === name && run.rounds.length > 0);
        const { labelled, mean, low, high } = curveBand(own.map((run) => curveOf(run, metric)));
        return { name, points: Array.from(labelled, (x, i) => ({ x, y: mean[i], low: low[i], high: high[i] })) };
      });
      const level = summary.comparison.metrics[metric]?.fullySupervised;
      return curvesFigure({
        name: `curves-${plan.name}`,
        title: `${metric} by labels${grids.length > 1 ? `: ${plan.title}` : ''}`,
        caption: `Mean over seeds.`,
        ...{ xLabel: 'labels', yLabel: metric, curves },
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
