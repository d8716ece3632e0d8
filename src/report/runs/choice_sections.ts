import type { GridComparison } from '../../loop/comparison.js';
import { boxPlots } from '../figures/box_plots.js';
import type { Figure } from '../figures/figure.js';
import { penaltyMatrixFigure } from '../figures/penalty_matrix.js';
import { overlapByRoundFigure, selectionOverlap, type PairOverlap } from '../figures/selection_overlap.js';
import { figureHtml } from '../page/figure_html.js';
import type { ReportGrid, ReportSection } from './grid.js';
import { metricLabel } from './metrics.js';
import { mainMetric } from './summary.js';

/** Whether strategies choose the same images: rankings against a reference's, selections in common. */
export async function choiceSections({ comparison, id, prefix, styles }: ReportGrid): Promise<ReportSection[]> {
  const { rankings, strategies } = comparison;
  const figures: Figure[] = [];
  if (rankings.length) {
    const { reference, p, chance } = rankings[0];
    figures.push(
      boxPlots({
        ...{ name: `${prefix}ndcg`, title: `First rankings against that of ${reference}`, styles, chance },
        caption: `nDCG of the pool's first ranking (${p} images, all strategies with the same model), ${reference}'s being ideal; 1: the same order.`,
        xLabel: 'nDCG',
        groups: rankings.map(({ strategy, bySeed }) => ({ name: strategy, values: bySeed })),
      }),
    );
  }
  const pairs = overlapPairs(comparison).filter(({ rounds }) => rounds.length > 0);
  if (pairs.length) {
    const rounds = Math.max(...pairs.map((pair) => pair.rounds.length));
    figures.push(
      selectionOverlap({
        ...{ name: `${prefix}overlap`, title: 'Selections in common', strategies, pairs },
        caption: `Share of all that a strategy has chosen by round ${rounds} that the other has chosen too, mean over seeds; the initial set is not counted.`,
      }),
      overlapByRoundFigure({
        ...{ name: `${prefix}overlap-rounds`, title: 'Selections in common by round', pairs },
        caption: 'The same shares round by round, a line per pair of strategies. Dashed: two random selections.',
      }),
    );
  }
  if (!figures.length) return [];
  const html = (await Promise.all(figures.map(figureHtml))).join('');
  return [{ id: `${id}-choices`, title: 'What is chosen', level: 3, html, figures }];
}

/** What pairs of strategies have chosen in common, all rounds so far together; rounds are counted from 1. */
export const overlapPairs = ({ overlaps }: GridComparison): PairOverlap[] =>
  overlaps.map(({ first, second, overlap }) => ({
    ...{ first, second },
    rounds: overlap.map(({ round, total: { share, chance } }) => ({ round: round + 1, share, chance })),
  }));

/** Pairwise wins. */
export async function penaltySections(grid: ReportGrid): Promise<ReportSection[]> {
  const metric = mainMetric(grid);
  if (metric === undefined || grid.comparison.seeds.length < 2) return [];
  const { strategies, wins, penalties } = grid.comparison.metrics[metric].penalties;
  if (strategies.length < 2) return [];
  const figure = penaltyMatrixFigure({
    ...{ name: `${grid.prefix}penalties`, title: 'Pairwise penalty matrix', strategies, wins, penalties },
    caption:
      `Part of the rounds in which the strategy of the row beats that of the column (${metricLabel(metric)}; paired t-test over seeds, 5 %, not corrected). ` +
      'Last row: how much a strategy is beaten on average; less is better (Ash et al., ICLR 2020).',
  });
  const html = await figureHtml(figure);
  return [{ id: `${grid.id}-penalties`, title: 'Who beats whom', level: 3, html, figures: [figure] }];
}
