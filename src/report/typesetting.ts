import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import opentype from 'opentype.js';
import type { Font } from 'opentype.js';

/**
 * Text as SVG outlines from the DejaVu Sans files of the npm package. No font has to be installed, fontconfig
 * is never asked, pictures are the same on every machine, and since ids become outlines and never markup,
 * nothing in them needs escaping.
 *
 * Characters are set one by one from left to right without shaping: complete for Latin, Greek and Cyrillic;
 * scripts that join or run from right to left stay recognisable only; a missing glyph shows as a box.
 */
export interface Typeface {
  regular: Font;
  bold: Font;
}

export type Weight = keyof Typeface;

export interface TextStyle {
  /** Em size in pixels. */
  size: number;
  weight?: Weight;
  fill?: string;
  anchor?: 'start' | 'middle' | 'end';
}

let loading: Promise<Typeface> | undefined;

/** The report's typeface, parsed once per process. */
export function loadTypeface(): Promise<Typeface> {
  loading ??= Promise.all([parseFont('DejaVuSans.ttf'), parseFont('DejaVuSans-Bold.ttf')]).then(([regular, bold]) => ({
    regular,
    bold,
  }));
  return loading;
}

async function parseFont(file: string): Promise<Font> {
  const bytes = await readFile(createRequire(import.meta.url).resolve(`dejavu-fonts-ttf/ttf/${file}`));
  return opentype.parse(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** Width of one line in pixels. */
export function measureText(face: Typeface, text: string, { size, weight = 'regular' }: TextStyle): number {
  const font = face[weight];
  let advance = 0;
  for (const character of printable(text)) advance += font.charToGlyph(character).advanceWidth ?? 0;
  return (advance * size) / font.unitsPerEm;
}

/** One line of text as an SVG path element, its baseline at (x, y). */
export function drawText(face: Typeface, text: string, x: number, y: number, style: TextStyle): string {
  const { size, weight = 'regular', fill = '#fff', anchor = 'start' } = style;
  const font = face[weight];
  const width = anchor === 'start' ? 0 : measureText(face, text, style);
  let pen = anchor === 'middle' ? x - width / 2 : anchor === 'end' ? x - width : x;
  let outline = '';
  for (const character of printable(text)) {
    const glyph = font.charToGlyph(character);
    outline += glyph.getPath(pen, y, size).toPathData(2);
    pen += ((glyph.advanceWidth ?? 0) * size) / font.unitsPerEm;
  }
  return outline && `<path fill="${fill}" d="${outline}"/>`;
}

/** The text, shortened with "…" to fit `width` pixels: in the middle for ids (both ends tell them apart), else at the end. */
export function ellipsise(
  face: Typeface,
  text: string,
  width: number,
  style: TextStyle,
  where: 'middle' | 'end' = 'end',
): string {
  if (measureText(face, text, style) <= width) return text;
  const characters = [...printable(text)];
  for (let kept = characters.length - 1; kept > 0; kept--) {
    const head = where === 'end' ? kept : Math.ceil(kept / 2);
    const tail = kept - head;
    const short = `${characters.slice(0, head).join('')}…${tail > 0 ? characters.slice(-tail).join('') : ''}`;
    if (measureText(face, short, style) <= width) return short;
  }
  return '…';
}

/** Lines no wider than `width` pixels, broken at " · " first (between criteria), else at blanks, else shortened. */
export function wrapText(face: Typeface, text: string, width: number, style: TextStyle): string[] {
  const lines: string[] = [];
  let line = '';
  for (const phrase of printable(text).split(separator)) {
    const joined = line ? line + separator + phrase : phrase;
    if (measureText(face, joined, style) <= width) {
      line = joined;
      continue;
    }
    if (line) lines.push(line);
    line = '';
    for (const word of phrase.split(' ')) {
      const longer = line ? `${line} ${word}` : word;
      if (line && measureText(face, longer, style) > width) {
        lines.push(line);
        line = word;
      } else {
        line = longer;
      }
    }
  }
  lines.push(line);
  return lines.map((each) => ellipsise(face, each, width, style));
}

const separator = ' · ';

/** Control characters and lone surrogates have no glyph worth drawing. */
function printable(text: string): string {
  return text.replace(/\p{C}/gu, (character) => (/\s/.test(character) ? ' ' : '\u{fffd}'));
}
