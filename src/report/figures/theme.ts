import type { PlotOptions } from '@observablehq/plot';
import { loadTypeface, measureText } from '../typesetting.js';
import { fontSize, type FigureTheme } from './figure.js';
import { colours } from './palette.js';

/** `page`: colours follow the page's theme. `paper`: on white, for files and prints. */
export type Medium = 'page' | 'paper';

const loaded = new Map<Medium, Promise<FigureTheme>>();

/** What figures are drawn with. Plot and its document are loaded when the first figure is drawn: that takes half a second. */
export function loadTheme(medium: Medium): Promise<FigureTheme> {
  const known = loaded.get(medium) ?? makeTheme(medium);
  loaded.set(medium, known);
  return known;
}

async function makeTheme(medium: Medium): Promise<FigureTheme> {
  const [Plot, { parseHTML }, face] = await Promise.all([
    import('@observablehq/plot'),
    import('linkedom'),
    loadTypeface(),
  ]);
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  return {
    colour: (name) => (medium === 'page' ? `var(--figure-${name})` : colours[name].light),
    padding: medium === 'page' ? 0 : 14,
    font: medium === 'page' ? 'inherit' : 'DejaVu Sans, Verdana, sans-serif',
    textWidth: (text, size) => measureText(face, text, { size }),
    Plot,
    panel(options: PlotOptions) {
      const plot = Plot.plot({ ...options, document: document as unknown as Document, className: 'plot' });
      const scales = { x: plot.scale('x'), y: plot.scale('y') };
      return {
        svg: tidied(plot.outerHTML),
        at(name, value) {
          const scale = scales[name]!;
          // Of a band scale, the middle of the band.
          return (scale.apply(value) as number) + (scale.bandwidth ?? 0) / 2;
        },
      };
    },
  };
}

/** Plot's SVG element as a group: without its style sheet and names, which the figure has itself, and with short numbers. */
function tidied(html: string): string {
  return html
    .replace(/^<svg[^>]*>/, `<g text-anchor="middle" font-size="${fontSize.tick}">`)
    .replace(/<\/svg>$/, '</g>')
    .replace(/<style>[\s\S]*?<\/style>/, '')
    .replace(/<[^>]+>/g, (tag) =>
      tag
        .replace(/ aria-[a-z]+="[^"]*"/g, '')
        .replace(/-?\d+\.\d{3,}(?:e-?\d+)?/g, (number) => String(Math.round(Number(number) * 100) / 100)),
    );
}
