import { curveRows, definedCurves, hasInterval, widened, type NamedCurve } from './curve.js';
import { columnWidth, type Figure, type FigureTheme } from './figure.js';
import type { LearningCurvesInput } from './learning_curves.js';
import { stylesOf } from './palette.js';
import { fitted, nothingToDraw, px, svgElement, svgSymbol, svgText } from './svg.js';

export interface CurvesAgainstInput extends Omit<LearningCurvesInput, 'marks' | 'at'> {
  /** Name of the curve that stands in every panel. */
  reference: string;
}

const [columns, height, gapX] = [3, 190, 14];
const margin = { top: 30, bottom: 26, left: 48 };

/** A small panel per curve: the curve with its band over the reference's, all with the same axes. */
export function curvesAgainst(input: CurvesAgainstInput): Figure {
  const { name, title, caption, reference } = input;
  const curves = definedCurves(input.curves);
  return {
    ...{ name, title },
    caption: `${caption} Bands: 95 % intervals of the mean. Grey, in every panel: ${reference}.`,
    table: {
      columns: ['series', input.xLabel, input.yLabel, 'low', 'high'],
      rows: curveRows(curves),
    },
    draw: (theme) => drawPanels(theme, { ...input, curves }),
  };
}

function drawPanels(theme: FigureTheme, { curves, reference, ...input }: CurvesAgainstInput): string {
  const { Plot } = theme;
  const styles = input.styles ?? stylesOf(curves.map(({ name }) => name));
  const baseline = curves.find(({ name }) => name === reference);
  const others = curves.filter((curve) => curve !== baseline);
  if (!others.length) return nothingToDraw(theme, columnWidth, 'One strategy alone: nothing to compare.');
  const points = curves.flatMap((curve) => curve.points);
  const domain = {
    x: widened(
      points.map(({ x }) => x),
      1,
    ),
    y: widened(
      points.flatMap((point) => (hasInterval(point) ? [point.low!, point.high!] : [point.y])),
      0.01,
    ),
  };
  const used = Math.min(columns, others.length);
  const width = (columnWidth - (used - 1) * gapX) / used;
  const marksOf = ({ name, points }: NamedCurve, own: boolean) => {
    const { colour, dash } = own ? styles(name) : { colour: 'random' as const, dash: '' };
    const stroke = theme.colour(colour);
    return [
      Plot.areaY(points.filter(hasInterval), { x: 'x', y1: 'low', y2: 'high', fill: stroke, fillOpacity: 0.18 }),
      Plot.lineY(points, { x: 'x', y: 'y', stroke, strokeWidth: own ? 2 : 1.6, strokeDasharray: dash || undefined }),
    ];
  };
  const panels = others.map((curve, i) => {
    const panel = theme.panel({
      ...{ width, height, marginTop: margin.top, marginBottom: margin.bottom, marginLeft: margin.left, marginRight: 8 },
      x: { domain: domain.x, label: null, ticks: 3, tickSize: 3 },
      y: { domain: domain.y, nice: true, label: null, ticks: 4, tickSize: 0, grid: true },
      marks: [...(baseline ? marksOf(baseline, false) : []), ...marksOf(curve, true)],
    });
    const title =
      svgSymbol(theme, styles(curve.name), margin.left + 4, 14, 3.8) +
      svgText(theme, fitted(theme, curve.name, width - margin.left - 20, 12), margin.left + 14, 14);
    const [x, y] = [(i % columns) * (width + gapX), 18 + Math.floor(i / columns) * height];
    return `<g transform="translate(${px(x)},${px(y)})">${panel.svg}${title}</g>`;
  });
  const bottom = 18 + Math.ceil(others.length / columns) * height;
  const labels =
    svgText(theme, input.yLabel, 0, 10, { colour: 'muted' }) +
    svgText(theme, input.xLabel, columnWidth - 8, bottom + 8, { anchor: 'end', colour: 'muted' });
  return svgElement(theme, columnWidth, bottom + 18, panels.join('') + labels);
}
