import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { csvText } from '../../core/csv.js';
import { SightlineError } from '../../core/errors.js';
import { writeFileAtomic } from '../../core/files.js';
import type { Figure } from './figure.js';
import { escapeMarkup } from './svg.js';
import { loadTheme, type Medium } from './theme.js';

/** A page, its download, a file and its picture want the same drawing. */
const drawn: Record<Medium, WeakMap<Figure, string>> = { page: new WeakMap(), paper: new WeakMap() };

/**
 * A figure as an SVG element; equal figures give equal text. A figure is drawn once: it must not change afterwards.
 * @param medium 'page': to stand in a page of `renderPage`; 'paper': a file's whole content
 */
export async function figureSvg(figure: Figure, medium: Medium): Promise<string> {
  const known = drawn[medium].get(figure);
  if (known !== undefined) return known;
  // The name of the picture; its caption says more.
  const named = `<svg role="img" aria-label="${escapeMarkup(figure.title)}" `;
  const svg = figure.draw(await loadTheme(medium)).replace(/^<svg /, named);
  drawn[medium].set(figure, svg);
  return svg;
}

/** Pixels of a PNG per pixel of the drawing. */
const scale = 2;

/**
 * Figures on white, one above the other, as a PNG (8-bit RGBA, two pixels per pixel). Set in DejaVu Sans of the npm package: no
 * font has to be installed. Equal figures give equal bytes.
 */
export async function figurePng(...figures: readonly Figure[]): Promise<Uint8Array> {
  const svgs = await Promise.all(figures.map((figure) => figureSvg(figure, 'paper')));
  const { Resvg } = await import('@resvg/resvg-js');
  const require = createRequire(import.meta.url);
  const drawing = new Resvg(svgs.length === 1 ? svgs[0] : stacked(svgs), {
    background: '#ffffff',
    fitTo: { mode: 'zoom', value: scale },
    font: {
      fontFiles: ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((file) =>
        require.resolve(`dejavu-fonts-ttf/ttf/${file}`),
      ),
      loadSystemFonts: false,
      defaultFontFamily: 'DejaVu Sans',
    },
  });
  return drawing.render().asPng();
}

function stacked(svgs: readonly string[]): string {
  let [width, height] = [0, 0];
  const placed = svgs.map((svg) => {
    const [w, h] = ['width', 'height'].map((side) => Number(new RegExp(` ${side}="([\\d.]+)"`).exec(svg)?.[1]));
    const at = svg.replace(/^<svg /, `<svg y="${height}" `);
    [width, height] = [Math.max(width, w), height + h];
    return at;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${placed.join('')}</svg>`;
}

/** The numbers behind a figure. */
export const figureCsv = ({ table }: Figure): string => csvText([table.columns, ...table.rows]);

/**
 * Writes <name>.svg, <name>.png and <name>.csv, each whole or not at all.
 * @throws SightlineError E_OUTPUT, E_DISK_FULL
 */
export async function writeFigure(folder: string, figure: Figure): Promise<{ svg: string; png: string; csv: string }> {
  await mkdir(folder, { recursive: true }).catch((error) => {
    throw SightlineError.from(error, 'E_OUTPUT', {
      where: folder,
      what: 'the folder of the figures cannot be created',
    });
  });
  const file = (extension: string): string => join(folder, `${figure.name}.${extension}`);
  const files = { svg: file('svg'), png: file('png'), csv: file('csv') };
  await writeFileAtomic(files.svg, `${await figureSvg(figure, 'paper')}\n`);
  await writeFileAtomic(files.png, await figurePng(figure));
  await writeFileAtomic(files.csv, figureCsv(figure));
  return files;
}
