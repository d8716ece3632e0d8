import { columnWidth, fontSize, type FigureTheme } from './figure.js';
import { fitted, longest, px, svgElement, svgText } from './svg.js';

/** Numbers by row and column of strategies. */
export interface MatrixDrawing {
  rows: readonly string[];
  columns: readonly string[];
  /** NaN: an empty cell. */
  value: (row: number, column: number) => number;
  /** The strongest colour. */
  most: number;
  format: (value: number) => string;
  /** What rows and columns are. */
  rowLabel: string;
  columnLabel: string;
  /** Rows from here on stand apart: sums and means. */
  apart?: number;
}

const nameWidth = 170;
/** A small matrix stays small. */
const least = 420;
/** Of the strongest cell: text has to be read on it. */
const strongest = 0.75;

/** A heat matrix with its numbers in the cells, wider than a column where it has to be. */
export function drawMatrix(theme: FigureTheme, drawing: MatrixDrawing): string {
  const { rows, columns, apart = Infinity } = drawing;
  const left = Math.min(nameWidth, longest(theme, rows)) + 28;
  const cell = Math.max(42, Math.min(76, (columnWidth - left - 24) / columns.length));
  const height = columns.length > 12 ? 26 : 32;
  const leaning = longest(theme, columns) > cell - 6;
  const rise = Math.min(nameWidth, longest(theme, columns));
  // Names that lean by 40° reach up, and to the right of the last column.
  const top = 30 + (leaning ? 0.65 * rise + 14 : 20);
  const width = Math.max(least, left + cell * columns.length + (leaning ? 0.77 * rise : 0) + 8);
  const rowTop = (row: number): number => top + row * height + (row >= apart ? 8 : 0);
  const cells = rows.flatMap((_, row) =>
    columns.map((_, column) => {
      const value = drawing.value(row, column);
      if (!Number.isFinite(value)) return '';
      const [x, y] = [left + column * cell, rowTop(row)];
      const opacity = strongest * Math.min(1, Math.max(0, value / drawing.most || 0));
      return (
        `<rect x="${px(x + 1)}" y="${px(y + 1)}" width="${px(cell - 2)}" height="${px(height - 2)}" rx="2" fill="${theme.colour('heat')}" fill-opacity="${px(opacity)}"/>` +
        svgText(theme, drawing.format(value), x + cell / 2, y + height / 2, { anchor: 'middle' })
      );
    }),
  );
  const rowNames = rows.map((name, row) =>
    svgText(theme, fitted(theme, name, nameWidth, fontSize.tick), left - 8, rowTop(row) + height / 2, {
      anchor: 'end',
    }),
  );
  const columnNames = columns.map((name, column) => {
    const x = left + (column + 0.5) * cell;
    const text = fitted(theme, name, nameWidth, fontSize.tick);
    return leaning
      ? svgText(theme, text, x - 4, top - 10, { rotate: -40 })
      : svgText(theme, text, x, top - 12, { anchor: 'middle' });
  });
  const look = { colour: 'muted' } as const;
  const labels = [
    svgText(theme, drawing.columnLabel, left, 12, look),
    svgText(theme, drawing.rowLabel, left - 8, top - 12, { ...look, anchor: 'end' }),
  ];
  const bottom = rowTop(rows.length - 1) + height + 6;
  return svgElement(theme, width, bottom, [...cells, ...rowNames, ...columnNames, ...labels].join(''));
}
