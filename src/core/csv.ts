/** Rows as the text of a CSV file. Numbers to 8 digits; NaN and infinite ones become empty cells. */
export function csvText(rows: readonly (readonly (string | number)[])[]): string {
  return `${rows.map((row) => row.map(cell).join()).join('\n')}\n`;
}

function cell(value: string | number): string {
  if (typeof value === 'number') return Number.isFinite(value) ? String(Number(value.toPrecision(8))) : '';
  return /[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
