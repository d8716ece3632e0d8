import { composePage, theme, type Placed } from './canvas.js';
import type { ColormapName } from './colormap.js';
import { drawOutline, roiColour } from './contour.js';
import { blendHeat, renderColourBar } from './heat.js';
import { checkSubject, fitSize, renderPicture, type Size, type Subject } from './picture.js';
import { resampleMap } from './resample.js';
import { drawText, ellipsise, loadTypeface, measureText, wrapText, type Typeface } from './typesetting.js';

export interface OverlayInput extends Subject {
  caption: {
    /** Rank and id: "#3 · bt0017". Shortened in the middle when too long. */
    title: string;
    /** Prediction, criteria and remarks, one paragraph each; wrapped between criteria (" · "). */
    lines: string[];
  };
}

export interface OverlayOptions {
  /** Default `inferno`. */
  colormap?: ColormapName;
}

/** Least and largest longer side of a panel, in pixels. */
const panelRange = { least: 384, most: 768 };
const margin = 16;
const gap = 12;
const heading = 28;
const bar = { width: 14, labels: 34 };
const titleStyle = { size: 18, weight: 'bold', fill: theme.text } as const;
const lineStyle = { size: 14, fill: theme.muted } as const;
const labelStyle = { size: 12.5, fill: theme.muted } as const;

/**
 * Two panels side by side: the image with its region of interest outlined, and the saliency map over the image
 * with the same outline and a colour bar; below them a caption. The heat's opacity grows with the saliency, so
 * that the anatomy stays visible.
 * @returns a PNG file (8-bit RGB); equal input gives equal bytes
 * @throws SightlineError E_SHAPE, E_ROI or E_ARGUMENT when picture, saliency and ROI do not fit each other
 */
export async function renderOverlay(input: OverlayInput, options: OverlayOptions = {}): Promise<Buffer> {
  checkSubject(input);
  const face = await loadTypeface();
  const { picture, roi, caption } = input;
  const panel = fitSize(picture, panelRange.least, panelRange.most);
  const slot = Math.max(panel.width, 240); // room for the heading over a narrow image
  const left = margin;
  const right = left + slot + gap;
  const top = margin + heading;
  const width = right + slot + gap + bar.width + bar.labels + margin;

  const plain = await renderPicture(picture, panel);
  const heated = Uint8Array.from(plain);
  const map = options.colormap ?? 'inferno';
  blendHeat(heated, resampleMap(input.saliency, input.saliency.covers, picture, panel), map);
  const inset = Math.floor((slot - panel.width) / 2);
  const barX = right + slot + gap;
  const panels: Placed[] = [
    { rgb: plain, ...panel, x: left + inset, y: top },
    { rgb: heated, ...panel, x: right + inset, y: top },
    { rgb: renderColourBar(bar.width, panel.height, map), width: bar.width, height: panel.height, x: barX, y: top },
  ];

  const inside = width - 2 * margin;
  const title = ellipsise(face, caption.title, inside - 24, titleStyle, 'middle');
  const lines = caption.lines.flatMap((line) => wrapText(face, line, inside - 24, lineStyle));
  const stripY = top + panel.height + gap;
  const stripHeight = 20 + 20 + lines.length * 21;
  const page: Size = { width, height: stripY + stripHeight + margin };

  const outlined = roi ? drawOutlines(roi, picture, panel, [left + inset, right + inset], top) : '';
  const over = [
    drawText(face, 'Image', left + inset, margin + 15, labelStyle),
    outlined && drawRoiKey(face, left + inset + panel.width, margin + 15),
    drawText(face, 'Saliency', right + inset, margin + 15, labelStyle),
    outlined,
    drawScale(face, barX, top, panel.height),
    `<rect x="${margin}" y="${stripY}" width="${inside}" height="${stripHeight}" rx="6" fill="${theme.strip}"/>`,
    drawText(face, title, margin + 12, stripY + 26, titleStyle),
    ...lines.map((line, i) => drawText(face, line, margin + 12, stripY + 50 + i * 21, lineStyle)),
  ].join('');
  return composePage(page, panels, { over });
}

/** The outline over both panels, clipped to them. */
function drawOutlines(roi: Uint8Array, picture: Size, panel: Size, xs: number[], y: number): string {
  return xs
    .map((x, i) => {
      const outline = drawOutline(roi, picture, panel, x, y);
      const clip = `<clipPath id="p${i}"><rect x="${x}" y="${y}" width="${panel.width}" height="${panel.height}"/></clipPath>`;
      return outline && `${clip}<g clip-path="url(#p${i})">${outline}</g>`;
    })
    .join('');
}

/** "━ ROI", ending at x. */
function drawRoiKey(face: Typeface, x: number, baseline: number): string {
  const start = x - measureText(face, 'ROI', labelStyle);
  const y = baseline - 4.5;
  return (
    drawText(face, 'ROI', start, baseline, labelStyle) +
    `<path d="M${start - 26} ${y}h18" stroke="${roiColour}" stroke-width="2.5"/>`
  );
}

/** Ticks and numbers of the colour bar, and a frame. */
function drawScale(face: Typeface, x: number, y: number, height: number): string {
  const end = x + bar.width;
  const tick = (value: number): string => {
    const at = y + (1 - value) * (height - 1) + 0.5;
    // The outermost numbers are moved inwards so that they end with the bar.
    const baseline = at + (value === 1 ? 10 : value === 0 ? 0 : 4.5);
    return (
      `<path d="M${end} ${at}h4" stroke="${theme.muted}"/>` +
      drawText(face, value === 0.5 ? '0.5' : String(value), end + 7, baseline, labelStyle)
    );
  };
  const frame = `<rect x="${x - 0.5}" y="${y - 0.5}" width="${bar.width + 1}" height="${height + 1}" fill="none" stroke="${theme.line}"/>`;
  return frame + [0, 0.5, 1].map(tick).join('');
}
