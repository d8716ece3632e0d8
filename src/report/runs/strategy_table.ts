import { meanDefined } from '../../metrics/inputs.js';
import type { ComparisonSummary, StrategyComparison } from '../../statistics/compare_strategies.js';
import { tableHtml } from '../page/table_html.js';
import { comparedRuns, type ReportGrid } from './grid.js';
import { metricLabel } from './metrics.js';
import { number, pText, signed, speedUpText } from './numbers.js';

/** A metric's strategies side by side: areas, last values, tests against the reference, labels saved. */
export function strategyTable(grid: ReportGrid, metric: string): string {
  const { summary, fullySupervised } = grid.comparison.metrics[metric];
  const { reference, range, strategies } = summary;
  const best = Math.max(...strategies.map(({ area }) => area.mean).filter(Number.isFinite));
  const full = fullySupervised === null ? '' : ` With all labels: ${number(fullySupervised)}.`;
  const over = range ? `, from ${range.from} to ${range.to} labels` : '';
  return tableHtml({
    caption: `${capitalised(metricLabel(metric))}. Area: mean height of the learning curve${over}; differences and tests (t, Wilcoxon) are paired by seed, against ${reference}.${full}`,
    columns: [
      ...['strategy', 'seeds', 'area ± s.d.', 'last', 'difference [95 %]'],
      ...['p\u00a0(t)', 'p\u00a0(Wilcoxon)', 'p\u00a0(t,\u00a0Holm)', 'labels saved', 'seeds won'],
    ],
    rows: strategies.map((strategy) => rowOf(grid, metric, summary, strategy)),
    right: [1, 2, 3, 4, 5, 6, 7, 8, 9],
    strong: strategies.flatMap(({ area }, i) => (area.mean === best ? [i] : [])),
  });
}

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function rowOf(
  grid: ReportGrid,
  metric: string,
  { reference, strategies }: ComparisonSummary,
  { strategy, seeds, area, test, speedUp }: StrategyComparison,
): (string | number)[] {
  const own = [
    strategy,
    seeds.length,
    Number.isFinite(area.deviation) ? `${number(area.mean)} ± ${number(area.deviation)}` : number(area.mean),
    number(lastValue(grid, strategy, metric)),
  ];
  if (!test) return [...own, '', '', '', '', '', ''];
  const { meanDifference, low, high, pValue } = test.tTest;
  const interval = Number.isFinite(low) ? ` [${signed(low)}, ${signed(high)}]` : '';
  return [
    ...own,
    `${signed(meanDifference)}${interval}`,
    ...[pText(pValue), pText(test.wilcoxon.pValue), pText(test.holm.tTest), speedUpText(speedUp)],
    seedsWon(
      { seeds, area },
      strategies.find((other) => other.strategy === reference),
    ),
  ];
}

/** Mean over seeds of what a strategy's runs reached in their last round. */
export const lastValue = (grid: ReportGrid, strategy: string, metric: string): number =>
  meanDefined(
    comparedRuns(grid)
      .filter((run) => run.strategy === strategy)
      .map(({ rounds }) => rounds.at(-1)!.metrics.get(metric) ?? NaN),
  );

/** In how many of the seeds that both have the area is larger than the reference's. */
function seedsWon(
  { seeds, area }: Pick<StrategyComparison, 'seeds' | 'area'>,
  reference: StrategyComparison | undefined,
): string {
  if (!reference) return '';
  const pairs = seeds.flatMap((seed, i) => {
    const other = reference.seeds.indexOf(seed);
    return other < 0 ? [] : [[area.bySeed[i], reference.area.bySeed[other]]];
  });
  return `${pairs.filter(([own, other]) => own > other).length} of ${pairs.length}`;
}
