import { curveOf, type RunOutcome } from '../../loop/comparison.js';
import { fullySupervised } from '../../loop/config/types.js';
import { curveBand } from '../../statistics/curve_band.js';
import type { Figure } from '../figures/figure.js';
import type { NamedCurve } from '../figures/curve.js';
import { learningCurves } from '../figures/learning_curves.js';
import { metricLabel, metricStem } from './metrics.js';

/** Mean learning curves of strategies with their bands, by the number of labels; fully supervised runs have none. */
export function meanCurves(runs: readonly RunOutcome[], metric: string): NamedCurve[] {
  const compared = runs.filter(({ strategy, rounds }) => strategy !== fullySupervised && rounds.length > 0);
  return [...new Set(compared.map(({ strategy }) => strategy))].map((name) => {
    const own = compared.filter(({ strategy }) => strategy === name);
    const { labelled, mean, low, high } = curveBand(own.map((run) => curveOf(run, metric)));
    return { name, points: Array.from(labelled, (x, i) => ({ x, y: mean[i], low: low[i], high: high[i] })) };
  });
}

/** Learning curves of some metrics, a figure each: what `sightline run` draws when it has ended. */
export const curveFigures = (runs: readonly RunOutcome[], metrics: readonly string[]): Figure[] =>
  metrics.map((metric) =>
    learningCurves({
      name: metricStem(metric),
      title: metricLabel(metric),
      caption: 'Mean over seeds after each round.',
      ...{ xLabel: 'labels', yLabel: metricLabel(metric), curves: meanCurves(runs, metric) },
    }),
  );
