import { columnWidth, type Figure, type FigureTheme } from './figure.js';
import { stylesOf, type Styles } from './palette.js';
import { drawRows, stagger } from './rows.js';
import { seedColumns } from './share_bars.js';
import { nothingToDraw, svgSymbol } from './svg.js';

export interface BoxPlotsInput {
  name: string;
  title: string;
  caption: string;
  /** What the values are, with unit. */
  xLabel: string;
  groups: readonly { name: string; values: readonly number[] }[];
  /** What chance would give. */
  chance?: number;
  styles?: Styles;
}

/** Distribution of a number over seeds by strategy: quartile boxes with every value as a symbol. */
export function boxPlots(input: BoxPlotsInput): Figure {
  const groups = input.groups.map(({ name, values }) => ({ name, values: values.filter(Number.isFinite) }));
  const seeds = Math.max(0, ...groups.map(({ values }) => values.length));
  const { chance } = input;
  return {
    name: input.name,
    title: input.title,
    caption: [
      input.caption,
      'Boxes: quartiles with the median; symbols: single seeds.',
      ...(chance !== undefined && Number.isFinite(chance) ? ['Dashed: a random order.'] : []),
    ].join(' '),
    table: {
      columns: ['strategy', ...seedColumns(seeds), 'chance'],
      rows: groups.map(({ name, values }) => [
        ...[name, ...Array.from({ length: seeds }, (_, k) => values[k] ?? NaN)],
        chance ?? NaN,
      ]),
    },
    draw: (theme) => drawBoxes(theme, { ...input, groups }),
  };
}

function drawBoxes(theme: FigureTheme, { groups, chance, xLabel, styles: given }: BoxPlotsInput): string {
  const { Plot } = theme;
  const styles = given ?? stylesOf(groups.map(({ name }) => name));
  const all = [...groups.flatMap(({ values }) => values), chance ?? NaN].filter(Number.isFinite);
  if (!groups.length || !all.length) return nothingToDraw(theme, columnWidth);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const room = (high - low || 0.1) * 0.08;
  return drawRows(theme, {
    ...{ names: groups.map(({ name }) => name), styles, xLabel, domain: [low - room, high + room] },
    remarks: groups.map(({ values }) => (values.length ? '' : 'no value')),
    ...(chance !== undefined && Number.isFinite(chance) && { level: { label: 'chance', x: chance } }),
    marks: groups.flatMap(({ name, values }) =>
      values.length < 2
        ? []
        : Plot.boxX(
            values.map((value) => ({ name, value })),
            {
              ...{
                x: 'value',
                y: 'name',
                stroke: theme.colour(styles(name).colour),
                strokeWidth: 1.6,
                insetTop: 7,
                insetBottom: 7,
              },
              ...{ fill: theme.colour(styles(name).colour), fillOpacity: 0.22, r: 0 },
            },
          ),
    ),
    over: (panel) =>
      groups
        .flatMap(({ name, values }) =>
          values.map((value, k) =>
            svgSymbol(theme, styles(name), panel.at('x', value), panel.at('y', name) + stagger(k, values.length), 3),
          ),
        )
        .join(''),
  });
}
