import { escapeMarkup } from '../figures/svg.js';

export interface TableContent {
  columns: readonly string[];
  /** The first cell names its row. Numbers stand right; they come as they are to be read. */
  rows: readonly (readonly (string | number)[])[];
  /** Said before it. */
  caption?: string;
  /** Columns set to the right, by position. Default: those whose cells are all numbers, signs and units. */
  right?: readonly number[];
  /** Rows to point out, by position. */
  strong?: readonly number[];
}

/** A table that scrolls in its own box where it is wider than the page. */
export function tableHtml({ columns, rows, caption, right, strong = [] }: TableContent): string {
  const alignsRight = columns.map((_, j) =>
    right ? right.includes(j) : j > 0 && rows.every((row) => isNumeric(row[j])),
  );
  const kind = (j: number): string => (alignsRight[j] ? ' class="number"' : '');
  const head = columns.map((name, j) => `<th scope="col"${kind(j)}>${escapeMarkup(name)}</th>`);
  const body = rows.map((row, i) => {
    const cells = row.map((value, j) =>
      j === 0
        ? `<th scope="row"${kind(j)}>${escapeMarkup(String(value))}</th>`
        : `<td${kind(j)}>${escapeMarkup(String(value))}</td>`,
    );
    return `<tr${strong.includes(i) ? ' class="strong"' : ''}>${cells.join('')}</tr>`;
  });
  return (
    `<div class="scroll" tabindex="0" role="group" aria-label="${escapeMarkup(caption ?? 'Table')}"><table>${caption ? `<caption>${escapeMarkup(caption)}</caption>` : ''}` +
    `<thead><tr>${head.join('')}</tr></thead>\n<tbody>${body.join('\n')}</tbody></table></div>\n`
  );
}

const isNumeric = (value: string | number | undefined): boolean =>
  typeof value === 'number' || value === undefined || /^([+−≥≤<]?\d[\d.,  ]*([×%s]|\s%)?.*|–|)$/.test(value);
