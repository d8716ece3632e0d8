import { fullySupervised } from '../../loop/run_config.js';
import { shareBars } from '../../report/figures/share_bars.js';
import type { FinishedExperiment } from '../run_experiment.js';
import type { Result } from './result.js';
import { trainingSizeOf } from '../../report/runs/grid.js';
import { metricLabel } from '../../report/runs/metrics.js';
import { percent, variantTitle } from './words.js';

/** How much of the pool each strategy needs to pass the level of training on all of it, beside the published shares. */
export function shareOfData({ experiment, grids }: FinishedExperiment): Result {
  const compared = grids.flatMap((grid) => {
    const found = grid.summary.comparison.metrics[experiment.metric];
    return found ? [{ ...grid, found, published: experiment.publishedShares[grid.plan.name] ?? {} }] : [];
  });
  return {
    tables: compared.map(({ plan, found, published }) => ({
      title: variantTitle('Share of the data to the level', plan, grids),
      columns: ['strategy', ...(anyPublished(published) ? ['published'] : []), 'here, median', 'seeds that reach it'],
      rows: found.summary.strategies.map(({ strategy, shareToTarget: { median, reached, bySeed } }) => [
        strategy,
        ...(anyPublished(published) ? [published[strategy] === undefined ? '' : percent(published[strategy])] : []),
        median === null ? 'not reached' : percent(median),
        `${reached} of ${bySeed.length}`,
      ]),
      note:
        found.fullySupervised === null
          ? `Level: what ${found.summary.reference} reaches at the end, ${found.summary.targetLevel.toFixed(3)} (no run labelled the whole pool).`
          : `Level: the whole pool labelled, ${found.fullySupervised.toFixed(3)}.`,
    })),
    figures: compared.map(({ found, published, plan, summary }) => {
      const choosing = summary.runs.filter(({ strategy }) => strategy !== fullySupervised);
      const most = Math.max(...choosing.map(({ rounds }) => rounds.at(-1)?.labelled ?? 0));
      return shareBars({
        name: `share-${plan.name}`,
        title: variantTitle('Share of the data to reach the level of all labels', plan, grids),
        caption: `Level: ${metricLabel(experiment.metric)} ${found.summary.targetLevel.toFixed(3)}.`,
        budget: Math.min(1, most / trainingSizeOf(summary.runs)),
        shares: found.summary.strategies.map(({ strategy, shareToTarget: { median, bySeed } }) => ({
          ...{ name: strategy, median, bySeed },
          published: published[strategy],
        })),
      });
    }),
  };
}

const anyPublished = (shares: Readonly<Record<string, number>>): boolean => Object.keys(shares).length > 0;
