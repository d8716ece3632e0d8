import type { StrategyComparison } from '../../statistics/compare_strategies.js';
import { finalValues } from '../figures/final_values.js';
import { escapeMarkup } from '../figures/svg.js';
import { figureHtml } from '../page/figure_html.js';
import { comparedRuns, type ReportGrid, type ReportSection } from './grid.js';
import { metricLabel, shownMetrics } from './metrics.js';
import { counted, number, pText, signed } from './numbers.js';
import { strategyTable } from './strategy_table.js';

/** Probability below which a difference is called significant. */
const significance = 0.05;

/** The metric that a grid is judged by; undefined where no run has one. */
export const mainMetric = (grid: ReportGrid): string | undefined =>
  shownMetrics(comparedRuns(grid)).find((metric) => metric in grid.comparison.metrics);

/** What the grid says, in words, as a picture and as a table. */
export async function summarySections(grid: ReportGrid): Promise<ReportSection[]> {
  const metric = mainMetric(grid);
  const section = { id: `${grid.id}-summary`, title: 'Summary', level: 3 as const };
  if (metric === undefined) return [{ ...section, html: '<p class="lead">No metric of any round is there yet.</p>' }];
  const figures = differenceFigures(grid, metric);
  const drawn = await Promise.all(figures.map(figureHtml));
  return [
    {
      ...section,
      figures,
      html: `<p class="lead">${summaryInWords(grid, metric)}</p>\n${drawn.join('')}${strategyTable(grid, metric)}`,
    },
  ];
}

/** Who leads by how much, and whether that is more than chance. Markup. */
export function summaryInWords(grid: ReportGrid, metric: string): string {
  const { summary, fullySupervised } = grid.comparison.metrics[metric];
  const { reference, range } = summary;
  const ranked = summary.strategies
    .filter(({ area }) => Number.isFinite(area.mean))
    .sort((a, b) => b.area.mean - a.area.mean);
  const [leader, next] = ranked;
  if (!leader) return `The runs have no numbers of labels in common, so that their curves cannot be compared.`;
  const over = range ? `, ${range.from} to ${range.to} labels` : '';
  const judged = `By the area under the learning curve (${escapeMarkup(metricLabel(metric))}${over})`;
  const full =
    fullySupervised === null ? '' : ` Training on all ${grid.trainingSize} labels reaches ${number(fullySupervised)}.`;
  if (!next) {
    return `The only strategy is ${strong(leader)}: its learning curve has a mean height of ${number(leader.area.mean)} (${counted(leader.seeds.length, 'seed')}).${full}`;
  }
  const lead =
    leader.strategy === reference || !leader.test
      ? `${judged}, ${strong(leader)} leads with ${number(leader.area.mean)}; the next is ${strong(next)}, ${signed(next.area.mean - leader.area.mean)}${tested(next)}.`
      : `${judged}, ${strong(leader)} leads: ${signed(leader.test.tTest.meanDifference)} against ${escapeMarkup(reference)}${tested(leader)}.`;
  return `${lead} ${verdict(summary.strategies, reference)}${full}`;
}

const strong = ({ strategy }: StrategyComparison): string => `<strong>${escapeMarkup(strategy)}</strong>`;

/** " (95 % interval …; paired t-test over 5 seeds, p = 0.12)" */
function tested({ test }: StrategyComparison): string {
  if (!test || !Number.isFinite(test.tTest.pValue)) return '';
  const { low, high, pValue, count } = test.tTest;
  return ` (95\u00a0% interval ${signed(low)} to ${signed(high)}; paired t-test over ${counted(count, 'seed')}, p\u00a0${equals(pValue)}, Wilcoxon p\u00a0${equals(test.wilcoxon.pValue)})`;
}

const equals = (p: number): string => (pText(p).startsWith('<') ? pText(p) : `=\u00a0${pText(p)}`);

function verdict(strategies: readonly StrategyComparison[], reference: string): string {
  const tests = strategies.filter(({ test }) => test && Number.isFinite(test.holm.tTest));
  if (!tests.length) return 'With fewer than two seeds in common there is no test: a single run says little.';
  const found = tests.filter(({ test }) => test!.holm.tTest < significance);
  const correction = tests.length > 1 ? `, corrected for ${tests.length} comparisons (Holm)` : '';
  if (!found.length) return `Nothing is significant at 5 %${correction}.`;
  const names = found.map((one) => `${strong(one)} (${signed(one.test!.tTest.meanDifference)})`);
  return `Significantly different from ${escapeMarkup(reference)} at 5 %${correction}: ${names.join(', ')}.`;
}

/** Differences of area from the reference, where there are any. */
function differenceFigures({ comparison, prefix, styles }: ReportGrid, metric: string) {
  const { reference, strategies } = comparison.metrics[metric].summary;
  const tested = strategies.filter(({ test }) => Number.isFinite(test?.tTest.meanDifference));
  if (!tested.length) return [];
  return [
    finalValues({
      name: `${prefix}difference`,
      title: `Area under the learning curve against ${reference}`,
      caption: `Difference of the areas (${metricLabel(metric)}), mean over seeds, with the 95 % interval of the paired t-test. Right of the line: better than ${reference}.`,
      xLabel: `difference of ${metricLabel(metric)}`,
      values: tested.map(({ strategy, test }) => {
        const { meanDifference: value, low, high } = test!.tTest;
        return { name: strategy, value, low, high };
      }),
      level: { label: reference, value: 0 },
      styles,
    }),
  ];
}
