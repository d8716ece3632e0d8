import { compareRuns } from '../../loop/comparison.js';
import { meanDefined } from '../../metrics/inputs.js';
import { boxPlots } from '../../report/figures/box_plots.js';
import type { FinishedExperiment } from '../run_experiment.js';
import type { Result } from './result.js';
import { trainingSizeOf } from '../../report/runs/grid.js';
import { number } from '../../report/runs/numbers.js';
import { meanAndSpread, variantTitle } from './words.js';

/** nDCG of the first rankings against that of the experiment's reference (IDEAL eq. 4–5). */
export function ndcg({ experiment, grids }: FinishedExperiment): Result {
  const { reference } = experiment;
  const compared = grids.map((grid) => {
    const options = { trainingSize: trainingSizeOf(grid.summary.runs), rankingReference: reference };
    return { ...grid, rankings: compareRuns(grid.summary.runs, options).rankings };
  });
  return {
    tables: compared.map(({ plan, rankings }) => ({
      title: variantTitle(`nDCG against ${reference}`, plan, grids),
      columns: ['strategy', 'nDCG, mean ± s.d.', 'by chance', 'p', 'seeds'],
      rows: rankings.map(({ strategy, bySeed, p }) => [
        ...[strategy, meanAndSpread(bySeed), number(rankings[0].chance), String(p), String(bySeed.length)],
      ]),
      note: 'Of the first ranking, over the whole pool; p: positions that count. Graded relevance keeps chance far above 0.',
    })),
    figures: compared.map(({ plan, rankings }) =>
      boxPlots({
        name: `ndcg-${plan.name}`,
        title: variantTitle(`Rankings against that of ${reference}`, plan, grids),
        caption: 'Normalised discounted cumulative gain of each strategy’s first ranking (IDEAL eq. 4–5).',
        xLabel: 'nDCG',
        groups: rankings.map(({ strategy, bySeed }) => ({ name: strategy, values: bySeed })),
        chance: meanDefined(rankings.map(({ chance }) => chance)),
      }),
    ),
  };
}
