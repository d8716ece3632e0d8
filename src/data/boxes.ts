import type { Box } from './types.js';

/**
 * Boxes from a manifest cell: `x0;y0;x1;y1`, several joined by `|`; or a JSON array of [x0, y0, x1, y1] or
 * {x0, y0, x1, y1} (one box may stand alone). Returns what is wrong as a phrase when they do not parse.
 */
export function parseBoxes(cell: unknown): Box[] | string {
  let value = cell;
  if (typeof cell === 'string') {
    const text = cell.trim();
    if (text.startsWith('[') || text.startsWith('{')) {
      try {
        value = JSON.parse(text);
      } catch {
        return `not JSON: ${short(text)}`;
      }
    } else
      value = text.split('|').map((part) => part.split(';').map((n) => (n.trim() === '' ? Number.NaN : Number(n))));
  }
  const list = isNumbers(value) || !Array.isArray(value) ? [value] : (value as unknown[]);
  const boxes: Box[] = [];
  for (const item of list) {
    const numbers = isNumbers(item) ? item.map(Number) : corners(item);
    if (!numbers || numbers.length !== 4 || !numbers.every(Number.isFinite))
      return `expected x0;y0;x1;y1, received ${short(cell)}`;
    const [x0, y0, x1, y1] = numbers;
    if (x1 <= x0 || y1 <= y0) return `x1 <= x0 or y1 <= y0 in ${numbers.join(';')}`;
    boxes.push({ x0, y0, x1, y1 });
  }
  return boxes;
}

function isNumbers(value: unknown): value is (number | bigint)[] {
  return Array.isArray(value) && value.length > 0 && value.every((n) => typeof n === 'number' || typeof n === 'bigint');
}

function corners(item: unknown): number[] | undefined {
  if (typeof item !== 'object' || item === null) return undefined;
  const { x0, y0, x1, y1 } = item as Record<string, unknown>;
  return [x0, y0, x1, y1].map((n) => (typeof n === 'number' || typeof n === 'bigint' ? Number(n) : Number.NaN));
}

function short(value: unknown): string {
  const text =
    typeof value === 'string'
      ? value
      : JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? Number(v) : v));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
