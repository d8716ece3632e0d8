import type { Markish } from '@observablehq/plot';
import { columnWidth, type FigureTheme, type Panel } from './figure.js';
import type { Styles } from './palette.js';
import { fitted, longest, svgElement, svgSymbol, svgText } from './svg.js';

/** Rows of strategies with a common x axis. */
export interface RowsDrawing {
  names: readonly string[];
  styles: Styles;
  xLabel: string;
  /** Ends of the axis. */
  domain: [number, number];
  /** As `Plot`'s tick format. */
  tickFormat?: string;
  /** What is said at the right of each row. */
  remarks?: readonly string[];
  /** Under the rest. */
  marks: readonly Markish[];
  /** A vertical line with its name on top. */
  level?: { label: string; x: number };
  /** Over the rest. */
  over: (panel: Panel) => string;
}

const rowHeight = 30;
const margin = { top: 32, bottom: 44, left: 20 };
const nameWidth = 190;

/** A figure of a row per strategy, its symbol and name at the left. */
export function drawRows(theme: FigureTheme, drawing: RowsDrawing): string {
  const { names, styles, remarks = [], level } = drawing;
  const { Plot } = theme;
  const left = margin.left + Math.min(nameWidth, longest(theme, names)) + 12;
  const right = 22 + (remarks.length ? longest(theme, remarks) + 8 : 0);
  const height = margin.top + margin.bottom + rowHeight * names.length;
  const panel = theme.panel({
    ...{ width: columnWidth, height, marginTop: margin.top, marginBottom: margin.bottom },
    ...{ marginLeft: left, marginRight: right },
    x: {
      ...{ domain: drawing.domain, label: drawing.xLabel, labelAnchor: 'center', labelArrow: 'none' },
      ...{ grid: true, ticks: 6, tickSize: 0, tickFormat: drawing.tickFormat },
    },
    y: { type: 'band', domain: names, axis: null, padding: 0 },
    marks: [
      ...(level
        ? [Plot.ruleX([level.x], { stroke: theme.colour('muted'), strokeDasharray: '4 3', strokeWidth: 1.3 })]
        : []),
      ...drawing.marks,
    ],
  });
  const named = names.map((name, i) => {
    const y = panel.at('y', name);
    return [
      svgSymbol(theme, styles(name), 8, y, 4),
      svgText(theme, fitted(theme, name, nameWidth, 12), margin.left, y),
      remarks[i] ? svgText(theme, remarks[i], columnWidth - right + 14, y, { colour: 'muted' }) : '',
    ].join('');
  });
  const levelName = level
    ? svgText(
        theme,
        level.label,
        Math.min(panel.at('x', level.x), columnWidth - theme.textWidth(level.label, 12) / 2),
        10,
        {
          anchor: 'middle',
          colour: 'muted',
        },
      )
    : '';
  return svgElement(theme, columnWidth, height, panel.svg + named.join('') + levelName + drawing.over(panel));
}

/** Where the k-th of `count` points of a row lies, as an offset in pixels: side by side, so that equal values are seen. */
export const stagger = (k: number, count: number): number =>
  count < 2 ? 0 : (k / (count - 1) - 0.5) * Math.min(14, 3 * (count - 1));
