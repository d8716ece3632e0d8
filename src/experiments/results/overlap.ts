import { overlapByRoundFigure, selectionOverlap } from '../../report/figures/selection_overlap.js';
import { overlapPairs } from '../../report/runs/choice_sections.js';
import type { FinishedExperiment } from '../run_experiment.js';
import type { Result } from './result.js';
import { percent } from './words.js';

/** How much of what one strategy has chosen another has chosen, too (IDEAL Fig. 16). */
export function overlap({ grids }: FinishedExperiment): Result {
  const shown = grids.map(({ plan, summary }) => ({
    plan,
    strategies: summary.comparison.strategies,
    pairs: overlapPairs(summary.comparison),
  }));
  return {
    tables: shown.map(({ pairs }) => ({
      title: 'Selections in common by the last round',
      columns: ['strategies', 'in common', 'by chance'],
      rows: pairs.map(({ first, second, rounds }) => {
        const last = rounds.at(-1);
        return [`${first}, ${second}`, percent(last?.share), percent(last?.chance)];
      }),
      note: 'Mean over seeds of the share of all that was chosen so far; the initial set is no choice.',
    })),
    figures: shown.flatMap(({ plan, strategies, pairs }) => [
      selectionOverlap({
        ...{ name: `overlap-${plan.name}`, title: 'Selections in common by the last round', strategies, pairs },
        caption: 'Share of what both have chosen by the last round, mean over seeds.',
      }),
      overlapByRoundFigure({
        ...{ name: `overlap-by-round-${plan.name}`, title: 'Selections in common, round by round', pairs },
        caption: 'Share of all that two strategies have chosen so far, mean over seeds.',
      }),
    ]),
  };
}
