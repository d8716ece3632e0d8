import type { RunRecord } from '../../loop/outcome.js';
import { meanDefined } from '../../metrics/inputs.js';
import { finalValues as finalValuesFigure } from '../../report/figures/final_values.js';
import { pairedTTest } from '../../statistics/paired_t_test.js';
import type { FinishedExperiment, FinishedGrid } from '../run_experiment.js';
import type { Result, ResultTable } from './result.js';
import { metricLabel } from '../../report/runs/metrics.js';
import { number, pText, signed } from '../../report/runs/numbers.js';
import { meanAndSpread, variantTitle } from './words.js';

/** A strategy at the end of its runs. */
interface Ending {
  strategy: string;
  /** Metric of the last round by seed. */
  bySeed: Map<number, number>;
  /** Labels then, mean over seeds. */
  labelled: number;
  published?: { value: number; p?: number };
}

/** The metric after the last round beside the published value, with paired tests against the experiment's reference. */
export function finalValues(finished: FinishedExperiment): Result {
  const { experiment, grids } = finished;
  const endings = grids.map((grid) => endingsOf(grid, experiment.metric, experiment.published[grid.plan.name]));
  const tables = grids.map((grid, i) => gridTable(finished, grid, endings[i]));
  return {
    tables: grids.length > 1 ? [variantsTable(finished, endings), ...tables] : tables,
    figures: grids.map((grid, i) => {
      const { plan } = grid;
      return finalValuesFigure({
        name: `final-${plan.name}`,
        title: variantTitle(`${metricLabel(experiment.metric)} at the end`, plan, grids),
        caption: 'Mean over seeds after the last round, with the 95 % interval of the mean.',
        xLabel: metricLabel(experiment.metric),
        values: endings[i].map(({ strategy, bySeed, published }) => {
          const values = [...bySeed.values()];
          // The interval of a mean is that of the differences from nothing.
          const { low, high } = pairedTTest(
            values,
            values.map(() => 0),
          );
          return { name: strategy, value: meanDefined(values), low, high, published: published?.value };
        }),
      });
    }),
  };
}

function endingsOf(
  { plan, summary }: FinishedGrid,
  metric: string,
  published: Readonly<Record<string, { value: number; p?: number }>> = {},
): Ending[] {
  const order = (plan.run.strategies as (string | { name?: string; strategy: string })[]).map((entry) =>
    typeof entry === 'string' ? entry : (entry.name ?? entry.strategy),
  );
  return order.flatMap((strategy) => {
    const own = summary.runs.filter((run) => run.strategy === strategy && run.rounds.length > 0);
    if (!own.length) return [];
    const last = (run: RunRecord) => run.rounds.at(-1)!;
    return [
      {
        strategy,
        bySeed: new Map(own.map((run) => [run.seed, last(run).metrics.get(metric) ?? NaN])),
        labelled: meanDefined(own.map((run) => last(run).labelled)),
        published: published[strategy],
      },
    ];
  });
}

function gridTable(
  { experiment }: FinishedExperiment,
  { plan }: FinishedGrid,
  endings: readonly Ending[],
): ResultTable {
  const reference = endings.find(({ strategy }) => strategy === experiment.reference);
  const anyPublished = endings.some(({ published }) => published !== undefined);
  const rows = endings.map((ending) => {
    const test = reference && ending !== reference ? testOf(ending, reference) : null;
    return [
      ending.strategy,
      ...(anyPublished ? [ending.published ? number(ending.published.value, 4) : ''] : []),
      meanAndSpread([...ending.bySeed.values()]),
      String(ending.bySeed.size),
      String(Math.round(ending.labelled)),
      test ? signed(test.meanDifference) : '',
      test ? pText(test.pValue) : '',
      ...(anyPublished ? [ending.published?.p === undefined ? '' : pText(ending.published.p)] : []),
    ];
  });
  return {
    title: `${metricLabel(experiment.metric)} at the end: ${plan.title}`,
    columns: [
      'strategy',
      ...(anyPublished ? ['published'] : []),
      ...['here, mean ± s.d.', 'seeds', 'labels', `− ${experiment.reference}`, 'p'],
      ...(anyPublished ? ['published p'] : []),
    ],
    rows,
    note: `p: paired t-test over seeds against ${experiment.reference}.`,
  };
}

function testOf({ bySeed }: Ending, reference: Ending) {
  const seeds = [...bySeed.keys()].filter((seed) => reference.bySeed.has(seed));
  return pairedTTest(
    seeds.map((seed) => bySeed.get(seed)!),
    seeds.map((seed) => reference.bySeed.get(seed)!),
  );
}

/** Strategies down, variants across. */
function variantsTable({ experiment, grids }: FinishedExperiment, endings: readonly Ending[][]): ResultTable {
  const strategies = [...new Set(endings.flatMap((own) => own.map(({ strategy }) => strategy)))];
  return {
    title: `${metricLabel(experiment.metric)} at the end`,
    columns: ['strategy', ...grids.map(({ plan }) => plan.title)],
    rows: strategies.map((strategy) => [
      strategy,
      ...endings.map((own) => {
        const found = own.find((ending) => ending.strategy === strategy);
        return found ? meanAndSpread([...found.bySeed.values()]) : '';
      }),
    ]),
    note: 'Mean ± standard deviation over seeds, after the last round.',
  };
}
