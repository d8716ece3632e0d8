import type * as Plot from '@observablehq/plot';
import type { ColourName } from './palette.js';

/** A figure of a page or a paper: what it is called, what it says, the numbers behind it and how it is drawn. */
export interface Figure {
  /** File stem, unique on a page. */
  name: string;
  title: string;
  /** What it shows and how to read it, as sentences. */
  caption: string;
  /** The numbers that are drawn. */
  table: { columns: string[]; rows: (string | number)[][] };
  /** The whole as an SVG element, see `svgElement`. Pure: equal themes give equal text. */
  draw(theme: FigureTheme): string;
}

/** A panel drawn by Observable Plot. */
export interface Panel {
  /** A <g> element. */
  svg: string;
  /** Where a value of x or y lies, in pixels of the panel. */
  at(scale: 'x' | 'y', value: number | string): number;
}

/** What a figure is drawn with. */
export interface FigureTheme {
  /** A colour as SVG takes it: a CSS variable on a page, a number on paper. */
  colour(name: ColourName): string;
  /** Room around a figure, pixels. */
  padding: number;
  /** `font-family` */
  font: string;
  /** Width in pixels of a line of text. */
  textWidth(text: string, size: number): number;
  /** Marks and scales. */
  Plot: typeof Plot;
  /** Draws axes and marks; the size, margins and fonts are the caller's, see `Plot.plot`. */
  panel(options: Plot.PlotOptions): Panel;
}

/** Width of a figure that fits a column, pixels. */
export const columnWidth = 640;
/** Em sizes in pixels; on a phone figures are shrunk to 93 % at most, so that nothing falls below 11 px. */
export const fontSize = { text: 13, tick: 12 } as const;
