import { composePage, theme, type Placed } from './canvas.js';
import type { ColormapName } from './colormap.js';
import { drawOutline, roiColour } from './contour.js';
import { blendHeat, renderColourBar } from './heat.js';
import { checkSubject, fitSize, renderPicture, type Subject } from './picture.js';
import { expectArgument } from '../core/errors.js';
import { resampleMap } from './resample.js';
import { drawText, ellipsise, loadTypeface, measureText, wrapText, type Typeface } from './typesetting.js';

export interface ContactTile extends Subject {
  /** Place in the ranking, 1 = label first. */
  rank: number;
  id: string;
  /** Second line under the tile: "0.812 · glioma 0.93". */
  detail?: string;
}

export interface ContactSheetOptions {
  /** Tiles per row, default 6. */
  columns?: number;
  title: string;
  subtitle?: string;
  /** How the sheet came about: model, strategy, settings. Wrapped. */
  footer?: string;
  /** Default `inferno`. */
  colormap?: ColormapName;
}

/** Side of a tile's picture, in pixels. */
const side = 208;
const margin = 24;
const gap = 14;
const captionHeight = 44;
const titleStyle = { size: 22, weight: 'bold', fill: theme.text } as const;
const subtitleStyle = { size: 14, fill: theme.muted } as const;
const footerStyle = { size: 12, fill: theme.muted } as const;
const idStyle = { size: 12.5, fill: theme.text } as const;
const detailStyle = { size: 12, fill: theme.muted } as const;
const badgeStyle = { size: 13, weight: 'bold', fill: '#16181c', anchor: 'middle' } as const;
const legendStyle = { size: 12, fill: theme.muted } as const;

/**
 * The selection at a glance: a grid of heatmaps over their images with regions of interest, rank badges and ids.
 * Tiles are drawn as they come, so that only thumbnails are held: hand over a generator to read pictures one by one.
 * @returns a PNG file (8-bit RGB); equal input gives equal bytes
 * @throws SightlineError E_ARGUMENT for a bad column count; E_SHAPE, E_ROI as `renderOverlay`
 */
export async function renderContactSheet(
  tiles: Iterable<ContactTile> | AsyncIterable<ContactTile>,
  options: ContactSheetOptions,
): Promise<Buffer> {
  const columns = options.columns ?? 6;
  expectArgument(
    Number.isInteger(columns) && columns >= 1 && columns <= 24,
    'columns',
    'a whole number from 1 to 24',
    columns,
  );
  const map = options.colormap ?? 'inferno';
  const face = await loadTypeface();
  // Few columns still leave room for the legend beside the title.
  const width = Math.max(2 * margin + columns * side + (columns - 1) * gap, 520);
  const inside = width - 2 * margin;

  const header = drawHeader(face, options, width, map);
  const panels: Placed[] = [...header.panels];
  let under = '';
  let over = header.svg;
  let count = 0;
  for await (const tile of tiles) {
    checkSubject(tile);
    const x = margin + (count % columns) * (side + gap);
    const y = header.height + Math.floor(count / columns) * (side + captionHeight + gap);
    const drawn = await drawTile(face, tile, x, y, map, count);
    panels.push(drawn.panel);
    under += drawn.under;
    over += drawn.over;
    count++;
  }
  const rows = Math.ceil(count / columns);
  let bottom = header.height + rows * (side + captionHeight) + Math.max(rows - 1, 0) * gap;
  if (count === 0) {
    over += drawText(face, 'No images.', margin, bottom + 20, subtitleStyle);
    bottom += 32;
  }
  const footer = options.footer ? wrapText(face, options.footer, inside, footerStyle) : [];
  if (footer.length) {
    over += `<path d="M${margin} ${bottom + 12.5}h${inside}" stroke="${theme.line}"/>`;
    over += footer.map((line, i) => drawText(face, line, margin, bottom + 34 + i * 17, footerStyle)).join('');
    bottom += 22 + footer.length * 17;
  }
  return composePage({ width, height: bottom + margin }, panels, { under, over });
}

/** Title, subtitle and, on the right, what the colours mean. */
function drawHeader(face: Typeface, options: ContactSheetOptions, width: number, map: ColormapName) {
  const legend = drawLegend(face, width - margin, margin, map);
  const room = width - 2 * margin - legend.width - 24;
  const subtitle = options.subtitle ? wrapText(face, options.subtitle, room, subtitleStyle) : [];
  const svg =
    drawText(face, ellipsise(face, options.title, room, titleStyle), margin, margin + 20, titleStyle) +
    subtitle.map((line, i) => drawText(face, line, margin, margin + 44 + i * 20, subtitleStyle)).join('');
  return { svg: svg + legend.svg, panels: [legend.panel], height: margin + 42 + Math.max(subtitle.length, 1) * 20 };
}

/** "━ ROI   0 ▒▓█ 1 saliency", its right edge at x. */
function drawLegend(face: Typeface, x: number, y: number, map: ColormapName) {
  const scale = { width: 110, height: 10 };
  const baseline = y + 16;
  const one = x - measureText(face, '1', legendStyle);
  const barX = Math.round(one - 6 - scale.width);
  const label = 'saliency 0';
  const labelX = barX - 6 - measureText(face, label, legendStyle);
  const roiX = labelX - 24 - measureText(face, 'ROI', legendStyle);
  const svg =
    drawText(face, '1', one, baseline, legendStyle) +
    drawText(face, label, labelX, baseline, legendStyle) +
    drawText(face, 'ROI', roiX, baseline, legendStyle) +
    `<path d="M${roiX - 25} ${baseline - 4.5}h18" stroke="${roiColour}" stroke-width="2.5"/>`;
  const upright = renderColourBar(1, scale.width, map);
  const rgb = new Uint8Array(scale.width * scale.height * 3);
  for (let column = 0; column < scale.width; column++) {
    const from = (scale.width - 1 - column) * 3;
    for (let row = 0; row < scale.height; row++)
      rgb.set(upright.subarray(from, from + 3), (row * scale.width + column) * 3);
  }
  return { svg, panel: { rgb, ...scale, x: barX, y: baseline - 9 }, width: x - (roiX - 25) };
}

async function drawTile(face: Typeface, tile: ContactTile, x: number, y: number, map: ColormapName, serial: number) {
  const size = fitSize(tile.picture, side, side);
  const at = { x: x + Math.floor((side - size.width) / 2), y: y + Math.floor((side - size.height) / 2) };
  const rgb = Uint8Array.from(await renderPicture(tile.picture, size));
  blendHeat(rgb, resampleMap(tile.saliency, tile.saliency.covers, tile.picture, size), map);

  const rank = String(tile.rank);
  const badge = Math.max(24, measureText(face, rank, badgeStyle) + 12);
  const outline = tile.roi ? drawOutline(tile.roi, tile.picture, size, at.x, at.y, 1.6) : '';
  const over = [
    `<clipPath id="t${serial}"><rect x="${at.x}" y="${at.y}" width="${size.width}" height="${size.height}"/></clipPath>`,
    outline && `<g clip-path="url(#t${serial})">${outline}</g>`,
    `<rect x="${x + 6}" y="${y + 6}" width="${badge}" height="22" rx="11" fill="${theme.accent}" stroke="#000" stroke-opacity="0.6"/>`,
    drawText(face, rank, x + 6 + badge / 2, y + 21.7, badgeStyle),
    drawText(face, ellipsise(face, tile.id, side, idStyle, 'middle'), x, y + side + 18, idStyle),
    tile.detail ? drawText(face, ellipsise(face, tile.detail, side, detailStyle), x, y + side + 36, detailStyle) : '',
  ].join('');
  const under = `<rect x="${x}" y="${y}" width="${side}" height="${side}" fill="${theme.panel}"/>`;
  return { panel: { rgb, ...size, ...at }, under, over };
}
