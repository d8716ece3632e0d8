import { curveRows, definedCurves, hasInterval, widened, type NamedCurve } from './curve.js';
import { columnWidth, fontSize, type Figure, type FigureTheme, type Panel } from './figure.js';
import { stylesOf, type Styles } from './palette.js';
import {
  fitted,
  longest,
  nothingToDraw,
  px,
  spreadLabels,
  svgElement,
  svgLine,
  svgSample,
  svgSymbol,
  svgText,
} from './svg.js';

export interface LearningCurvesInput {
  name: string;
  title: string;
  /** What is drawn and where it is from, a sentence each; how to read it is added. */
  caption: string;
  xLabel: string;
  yLabel: string;
  curves: readonly NamedCurve[];
  /** A level to compare with: training on all labels. */
  level?: { label: string; value: number };
  /** Published values, shown hollow in the look of the curve of the same name. */
  marks?: readonly { name: string; x: number; y: number }[];
  /** Looks of the names. Default: by the order of the curves. */
  styles?: Styles;
  /** A vertical line: the best model of a training. */
  at?: { label: string; x: number };
}

/** More bands than these hide each other: `curvesAgainst` shows them one by one. */
export const mostBands = 4;
/** Symbols nearer than this, in pixels, make a chain of a line. */
const symbolSpacing = 14;

/** Curves over labels (or batches): means with intervals, named at their ends, in the order in which they end. */
export function learningCurves(input: LearningCurvesInput): Figure {
  const { name, title, curves, level, marks = [] } = input;
  const shown = definedCurves(curves);
  const banded = shown.length <= mostBands;
  const intervals = shown.some(({ points }) => points.some(hasInterval));
  return {
    name,
    title,
    caption: [
      input.caption,
      ...(intervals && banded ? ['Bands: 95 % intervals of the mean.'] : []),
      ...(marks.length ? ['Hollow: published values.'] : []),
    ].join(' '),
    table: {
      columns: ['series', input.xLabel, input.yLabel, 'low', 'high'],
      rows: [
        ...curveRows(shown),
        ...(level ? [[level.label, NaN, level.value, NaN, NaN]] : []),
        ...marks.map((mark) => [`${mark.name} (published)`, mark.x, mark.y, NaN, NaN]),
      ],
    },
    draw: (theme) => drawCurves(theme, { ...input, curves: shown }, banded),
  };
}

const gap = 17;
const margin = { top: 34, bottom: 46, left: 54 };

function drawCurves(theme: FigureTheme, input: LearningCurvesInput, banded: boolean): string {
  const { curves, level, marks = [], at } = input;
  const styles = input.styles ?? stylesOf(curves.map(({ name }) => name));
  if (!curves.length) return nothingToDraw(theme, columnWidth);
  const ends = curves.map(({ name, points }) => ({ name, y: points.at(-1)!.y, style: styles(name) }));
  const labels = [
    ...ends,
    ...(level ? [{ name: level.label, y: level.value, style: styles('fully-supervised') }] : []),
  ];
  const gutter =
    22 +
    32 +
    44 +
    Math.min(
      170,
      longest(
        theme,
        labels.map(({ name }) => name),
      ),
    );
  const height = Math.max(360, gap * labels.length + margin.top + margin.bottom);
  const panel = drawPanel(theme, input, styles, banded, height, gutter);
  const right = columnWidth - gutter;
  const wanted = labels.map(({ y }) => panel.at('y', y));
  const spread = spreadLabels(wanted, gap, margin.top - 4, height - margin.bottom + 4);
  const named = labels.map(({ name, y, style }, i) => {
    const last = curves[i]?.points.at(-1);
    const from = last ? panel.at('x', last.x) : right;
    return [
      // From the end of the line to its name.
      svgLine(theme, 'rule', `M${px(from + 5)},${px(wanted[i])}L${px(right + 12)},${px(spread[i])}h8`),
      svgSample(theme, style, right + 20, spread[i]),
      svgText(theme, fitted(theme, name, 170, fontSize.tick), right + 52, spread[i]),
      svgText(theme, shortNumber(y), columnWidth - 2, spread[i], { anchor: 'end', colour: 'muted' }),
    ].join('');
  });
  const points = curves.map(({ name, points }) => {
    const spacing = (panel.at('x', points.at(-1)!.x) - panel.at('x', points[0].x)) / Math.max(1, points.length - 1);
    const drawn = spacing >= symbolSpacing ? points : points.slice(-1);
    return drawn.map(({ x, y }) => svgSymbol(theme, styles(name), panel.at('x', x), panel.at('y', y), 3.2)).join('');
  });
  const published = marks.map(({ name, x, y }) =>
    svgSymbol(theme, styles(name), panel.at('x', x), panel.at('y', y), 4.5, true),
  );
  const marked = at
    ? svgText(theme, at.label, panel.at('x', at.x), margin.top - 8, {
        // Beside the axis and its numbers, wherever the line is.
        anchor: panel.at('x', at.x) < columnWidth / 2 ? 'start' : 'end',
        colour: 'muted',
      })
    : '';
  return svgElement(theme, columnWidth, height, [panel.svg, ...named, ...points, ...published, marked].join(''));
}

function drawPanel(
  theme: FigureTheme,
  input: LearningCurvesInput,
  styles: Styles,
  banded: boolean,
  height: number,
  gutter: number,
): Panel {
  const { Plot } = theme;
  const { curves, level, marks = [], at } = input;
  const bounds = banded
    ? curves.flatMap(({ points }) => points.filter(hasInterval).flatMap(({ low, high }) => [low!, high!]))
    : [];
  const ys = [...curves.flatMap(({ points }) => points.map(({ y }) => y)), ...bounds, ...marks.map(({ y }) => y)];
  const xs = [...curves.flatMap(({ points }) => points.map(({ x }) => x)), ...marks.map(({ x }) => x)];
  if (level && Number.isFinite(level.value)) ys.push(level.value);
  return theme.panel({
    ...{ width: columnWidth, height, marginTop: margin.top, marginBottom: margin.bottom },
    ...{ marginLeft: margin.left, marginRight: gutter },
    x: {
      domain: widened(xs, 1),
      label: input.xLabel,
      tickSize: 4,
      ticks: 6,
      labelAnchor: 'center',
      labelArrow: 'none',
    },
    y: {
      domain: widened(ys, 0.01),
      nice: true,
      grid: true,
      label: input.yLabel,
      tickSize: 0,
      labelArrow: 'none',
      ticks: 6,
    },
    marks: [
      ...(level && Number.isFinite(level.value)
        ? [Plot.ruleY([level.value], { stroke: theme.colour('text'), strokeDasharray: '6 4', strokeOpacity: 0.8 })]
        : []),
      ...(at ? [Plot.ruleX([at.x], { stroke: theme.colour('muted'), strokeDasharray: '3 3' })] : []),
      ...curves.flatMap(({ name, points }) => {
        const { colour, dash } = styles(name);
        const interval = points.filter(hasInterval);
        const line = {
          x: 'x',
          y: 'y',
          stroke: theme.colour(colour),
          strokeWidth: 2,
          strokeDasharray: dash || undefined,
        };
        return [
          ...(banded
            ? [Plot.areaY(interval, { x: 'x', y1: 'low', y2: 'high', fill: theme.colour(colour), fillOpacity: 0.13 })]
            : []),
          Plot.lineY(points, line),
        ];
      }),
    ],
  });
}

/** Three significant digits after the leading zeros of a metric, none of a count. */
const shortNumber = (value: number): string =>
  !Number.isFinite(value) ? '–' : Math.abs(value) < 10 ? value.toFixed(3) : String(Math.round(value));
