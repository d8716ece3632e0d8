import { fontSize, type FigureTheme } from './figure.js';
import type { ColourName, SeriesStyle, SymbolName } from './palette.js';

/** Text made safe inside elements and attributes. Characters that XML 1.0 does not allow become "\ufffd". */
export function escapeMarkup(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/gu, '\ufffd') // eslint-disable-line no-control-regex
    .replace(/[&<>"']/g, (character) => entities[character]);
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** A number as an attribute: two decimals at most. */
export const px = (value: number): string => String(Math.round(value * 100) / 100);

/** The root element of a figure: on a page without a ground of its own, on paper on white and with room around it. */
export function svgElement(theme: FigureTheme, width: number, height: number, content: string): string {
  const { padding } = theme;
  const [w, h] = [px(width + 2 * padding), px(height + 2 * padding)];
  const ground = padding
    ? `<rect x="${-padding}" y="${-padding}" width="${w}" height="${h}" fill="${theme.colour('background')}"/>`
    : '';
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="${-padding} ${-padding} ${w} ${h}"` +
    ` font-family="${theme.font}" font-size="${fontSize.tick}" fill="${theme.colour('text')}" color="${theme.colour('text')}">${ground}${content}</svg>`
  );
}

export interface TextLook {
  size?: number;
  colour?: ColourName;
  anchor?: 'start' | 'middle' | 'end';
  weight?: 'bold';
  /** Degrees, around (x, y). */
  rotate?: number;
}

/** A line of text with its middle at height y. */
export function svgText(theme: FigureTheme, text: string, x: number, y: number, look: TextLook = {}): string {
  const { size = fontSize.tick, colour = 'text', anchor = 'start', weight, rotate } = look;
  const place = rotate ? `transform="translate(${px(x)},${px(y)}) rotate(${rotate})"` : `x="${px(x)}" y="${px(y)}"`;
  return (
    `<text ${place} dy="0.35em" font-size="${size}" text-anchor="${anchor}" fill="${theme.colour(colour)}"` +
    `${weight ? ` font-weight="${weight}"` : ''}>${escapeMarkup(text)}</text>`
  );
}

/** The text, cut in its middle with "…" to fit `width` pixels. */
export function fitted(theme: FigureTheme, text: string, width: number, size: number): string {
  const characters = [...text];
  for (let kept = characters.length; kept > 1; kept--) {
    const [head, tail] = [Math.ceil(kept / 2), Math.floor(kept / 2)];
    const short =
      kept === characters.length ? text : `${characters.slice(0, head).join('')}…${characters.slice(-tail).join('')}`;
    if (theme.textWidth(short, size) <= width) return short;
  }
  return characters.length > 1 ? '…' : text;
}

/** Width of the longest of some texts, pixels. */
export const longest = (theme: FigureTheme, texts: readonly string[], size: number = fontSize.tick): number =>
  Math.max(0, ...texts.map((text) => theme.textWidth(text, size)));

const outlines: Record<SymbolName, (r: number) => string> = {
  circle: (r) => `M${px(-r)},0a${px(r)},${px(r)} 0 1,0 ${px(2 * r)},0a${px(r)},${px(r)} 0 1,0 ${px(-2 * r)},0Z`,
  square: (r) => `M${px(-0.88 * r)},${px(-0.88 * r)}h${px(1.76 * r)}v${px(1.76 * r)}h${px(-1.76 * r)}Z`,
  triangle: (r) => `M0,${px(-1.25 * r)}L${px(1.15 * r)},${px(0.8 * r)}H${px(-1.15 * r)}Z`,
  diamond: (r) => `M0,${px(-1.35 * r)}L${px(1.2 * r)},0L0,${px(1.35 * r)}L${px(-1.2 * r)},0Z`,
  down: (r) => `M0,${px(1.25 * r)}L${px(1.15 * r)},${px(-0.8 * r)}H${px(-1.15 * r)}Z`,
  bar: (r) => `M${px(-0.4 * r)},${px(-1.35 * r)}h${px(0.8 * r)}v${px(2.7 * r)}h${px(-0.8 * r)}Z`,
  cross: (r) => {
    const [a, b] = [px(0.42 * r), px(1.15 * r)];
    return `M-${a},-${b}H${a}V-${a}H${b}V${a}H${a}V${b}H-${a}V${a}H-${b}V-${a}H-${a}Z`;
  },
};

/** A strategy's symbol of radius r around (x, y). @param hollow only its outline: published values, values that are bounds */
export function svgSymbol(
  theme: FigureTheme,
  style: SeriesStyle,
  x: number,
  y: number,
  r = 3.5,
  hollow = false,
): string {
  const colour = theme.colour(style.colour);
  const look = hollow
    ? `fill="${theme.colour('background')}" stroke="${colour}" stroke-width="1.6"`
    : `fill="${colour}" stroke="${theme.colour('background')}" stroke-width="0.7"`;
  return `<path d="${outlines[style.symbol](r)}" transform="translate(${px(x)},${px(y)})" ${look}/>`;
}

/** A piece of a strategy's line with its symbol, 26 pixels wide: what a legend shows. */
export function svgSample(theme: FigureTheme, style: SeriesStyle, x: number, y: number): string {
  const dash = style.dash && ` stroke-dasharray="${style.dash}"`;
  return (
    `<path d="M${px(x)},${px(y)}h26" stroke="${theme.colour(style.colour)}" stroke-width="2" fill="none"${dash}/>` +
    svgSymbol(theme, style, x + 13, y)
  );
}

export const svgLine = (theme: FigureTheme, colour: ColourName, path: string, more = ''): string =>
  `<path d="${path}" fill="none" stroke="${theme.colour(colour)}"${more && ` ${more}`}/>`;

/** What stands where there is nothing to draw. */
export const nothingToDraw = (theme: FigureTheme, width: number, what = 'No values.'): string =>
  svgElement(theme, width, 72, svgText(theme, what, width / 2, 36, { colour: 'muted', anchor: 'middle', size: 13 }));

/** Positions of labels: near where they are wanted, `gap` apart and between `from` and `to` where they fit. Order is kept. */
export function spreadLabels(wanted: readonly number[], gap: number, from: number, to: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b] || a - b);
  const placed = wanted.slice();
  let floor = from;
  for (const i of order) floor = (placed[i] = Math.max(wanted[i], floor)) + gap;
  let ceiling = to;
  for (const i of order.toReversed()) {
    placed[i] = Math.min(placed[i], ceiling);
    ceiling = placed[i] - gap;
  }
  return placed;
}
