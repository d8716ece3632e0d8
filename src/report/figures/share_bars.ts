import { columnWidth, type Figure, type FigureTheme } from './figure.js';
import { stylesOf, type Styles } from './palette.js';
import { drawRows, stagger } from './rows.js';
import { nothingToDraw, svgSymbol } from './svg.js';

/** Share of the training data with which a strategy reaches a level. */
export interface StrategyShare {
  name: string;
  /** In [0, 1], by seed; null: not reached. */
  bySeed: readonly (number | null)[];
  /** Over seeds, those that do not reach the level counted as last; null where it falls on one of these. */
  median: number | null;
  /** A paper's share. */
  published?: number;
}

export interface ShareBarsInput {
  name: string;
  title: string;
  /** What the level is, a sentence. */
  caption: string;
  shares: readonly StrategyShare[];
  /** Largest share that the runs have labelled: where those stand that did not reach the level. */
  budget: number;
  styles?: Styles;
}

/** How much of the training data each strategy needs to reach a level: median as a bar, seeds as symbols. */
export function shareBars(input: ShareBarsInput): Figure {
  const { name, title, budget } = input;
  const shares = input.shares.map((one) => ({ ...one, bySeed: one.bySeed.filter((share) => !Number.isNaN(share)) }));
  const anyPublished = shares.some(({ published }) => published !== undefined);
  const seeds = Math.max(0, ...shares.map(({ bySeed }) => bySeed.length));
  return {
    name,
    title,
    caption: [
      input.caption,
      'Bars: median over seeds; symbols: single seeds; hollow symbols at the dashed line: not reached with the labels of the run.',
      ...(anyPublished ? ['Hollow diamonds: published shares.'] : []),
    ].join(' '),
    table: {
      columns: ['strategy', 'median share', 'reached', 'published share', ...seedColumns(seeds)],
      rows: shares.map(({ name, median, bySeed, published }) => [
        ...[name, median ?? 'not reached', `${reached(bySeed)} of ${bySeed.length}`, published ?? ''],
        ...Array.from({ length: seeds }, (_, k) => (k < bySeed.length ? (bySeed[k] ?? 'not reached') : '')),
      ]),
    },
    draw: (theme) => drawShares(theme, shares, budget, input.styles ?? stylesOf(shares.map((share) => share.name))),
  };
}

export const seedColumns = (count: number): string[] => Array.from({ length: count }, (_, k) => `run ${k + 1}`);

const reached = (bySeed: readonly (number | null)[]): number => bySeed.filter((share) => share !== null).length;

function drawShares(theme: FigureTheme, shares: readonly StrategyShare[], budget: number, styles: Styles): string {
  if (!shares.length) return nothingToDraw(theme, columnWidth);
  const { Plot } = theme;
  const values = shares.flatMap(({ bySeed, published }) => [...bySeed, published ?? null]).filter((v) => v !== null);
  const most = Math.min(1, Math.max(Number.isFinite(budget) ? budget : 0, ...values) * 1.06) || 1;
  const bars = shares.filter(({ median }) => median !== null);
  return drawRows(theme, {
    ...{ names: shares.map(({ name }) => name), styles, domain: [0, most], tickFormat: '.0%' },
    xLabel: 'labelled share of the training data',
    remarks: shares.map(({ median, bySeed }) => {
      const count = reached(bySeed);
      if (!count) return 'not reached';
      const of = count < bySeed.length ? ` (${count} of ${bySeed.length})` : '';
      return median === null ? `${count} of ${bySeed.length} seeds` : `${(100 * median).toFixed(0)} %${of}`;
    }),
    ...(Number.isFinite(budget) && { level: { label: 'labels of the runs', x: budget } }),
    marks: bars.map(({ name, median }) =>
      Plot.barX([{ name, median }], {
        ...{
          x: 'median',
          y: 'name',
          fill: theme.colour(styles(name).colour),
          fillOpacity: 0.28,
          insetTop: 6,
          insetBottom: 6,
        },
      }),
    ),
    over: (panel) =>
      shares
        .map(({ name, bySeed, published }) => {
          const y = panel.at('y', name);
          const seeds = bySeed.map((share, k) =>
            svgSymbol(
              theme,
              styles(name),
              panel.at('x', Math.min(share ?? (budget || most), most)),
              y + stagger(k, bySeed.length),
              ...([3, share === null] as const),
            ),
          );
          const diamond = { ...styles(name), symbol: 'diamond' as const };
          const paper = published === undefined ? '' : svgSymbol(theme, diamond, panel.at('x', published), y, 6, true);
          return seeds.join('') + paper;
        })
        .join(''),
  });
}
