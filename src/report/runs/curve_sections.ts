import { curvesAgainst } from '../figures/curves_against.js';
import { learningCurves, mostBands } from '../figures/learning_curves.js';
import { shareBars } from '../figures/share_bars.js';
import { figureHtml } from '../page/figure_html.js';
import { comparedRuns, type ReportGrid, type ReportSection } from './grid.js';
import { meanCurves } from './mean_curves.js';
import { metricLabel, metricStem, shownMetrics } from './metrics.js';
import { counted, number } from './numbers.js';
import { strategyTable } from './strategy_table.js';
import { mainMetric } from './summary.js';

/** Learning curves of every metric shown; its table too, where the summary has not that of this metric. */
export async function curveSections(grid: ReportGrid): Promise<ReportSection[]> {
  const metrics = shownMetrics(comparedRuns(grid)).filter((metric) => metric in grid.comparison.metrics);
  const drawn = await Promise.all(
    metrics.map(async (metric) => {
      const figures = curveFigures(grid, metric);
      const table =
        metric === mainMetric(grid)
          ? ''
          : `<details><summary>Numbers of ${metricLabel(metric)}</summary>${strategyTable(grid, metric)}</details>`;
      return { figures, html: (await Promise.all(figures.map(figureHtml))).join('') + table };
    }),
  );
  if (!drawn.length) return [];
  return [
    {
      ...{ id: `${grid.id}-curves`, title: 'Learning curves', level: 3 },
      html: drawn.map(({ html }) => html).join('\n'),
      figures: drawn.flatMap(({ figures }) => figures),
    },
  ];
}

function curveFigures(grid: ReportGrid, metric: string) {
  const { comparison, prefix, styles } = grid;
  const { summary, fullySupervised } = comparison.metrics[metric];
  const [label, curves] = [metricLabel(metric), meanCurves(comparedRuns(grid), metric)];
  const shared = { xLabel: 'labels', yLabel: label, curves, styles };
  const seeds = comparison.seeds.length;
  const main = learningCurves({
    ...shared,
    name: `${prefix}curves-${metricStem(metric)}`,
    title: `Learning curves: ${label}`,
    caption: `Mean over ${seedsInWords(summary.strategies)} after each round; the names are in the order of the last values.`,
    ...(fullySupervised !== null && { level: { label: 'fully supervised', value: fullySupervised } }),
  });
  const others = curves.filter(({ name }) => name !== summary.reference).length;
  if (curves.length <= mostBands || others === curves.length || seeds < 2) return [main];
  const against = curvesAgainst({
    ...shared,
    name: `${prefix}bands-${metricStem(metric)}`,
    title: `${label}, each strategy against ${summary.reference}`,
    caption: 'Mean over seeds.',
    reference: summary.reference,
  });
  return [main, against];
}

/** "5 seeds", "2 to 5 seeds". */
function seedsInWords(strategies: readonly { seeds: readonly unknown[] }[]): string {
  const counts = strategies.map(({ seeds }) => seeds.length);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  return least === most ? counted(most, 'seed') : `${least} to ${most} seeds`;
}

/** How many labels the strategies need to reach the level of all labels. */
export async function shareSections(grid: ReportGrid): Promise<ReportSection[]> {
  const metric = mainMetric(grid);
  if (metric === undefined) return [];
  const { summary, fullySupervised } = grid.comparison.metrics[metric];
  if (!Number.isFinite(summary.targetLevel)) return [];
  const most = Math.max(...comparedRuns(grid).map(({ rounds }) => rounds.at(-1)!.labelled));
  const level =
    fullySupervised === null
      ? `what ${summary.reference} reaches in the end (${number(summary.targetLevel)})`
      : `the level of training on all labels (${number(summary.targetLevel)})`;
  const figure = shareBars({
    name: `${grid.prefix}labels-needed`,
    title: 'Labels needed',
    caption: `Share of the ${grid.trainingSize} training images whose labels are needed to reach ${level} in ${metricLabel(metric)}.`,
    shares: summary.strategies.map(({ strategy, shareToTarget: { bySeed, median } }) => ({
      ...{ name: strategy, bySeed, median },
    })),
    budget: most / grid.trainingSize,
    styles: grid.styles,
  });
  const html = await figureHtml(figure);
  return [{ id: `${grid.id}-labels`, title: 'Labels needed', level: 3, html, figures: [figure] }];
}
