/** A fenced block of the tutorial. Its info string says what it is: "sh exit=75", "yaml title=study.yaml", "text". */
export interface Block {
  language: string;
  /** File that the reader writes. */
  title?: string;
  /** Status that the commands end with. */
  exit: number;
  text: string;
  /** Of the opening fence, from 1. */
  line: number;
}

/** The blocks of a Markdown text in their order. @throws where an info string has a key that nobody reads */
export function readBlocks(markdown: string): Block[] {
  const blocks: Block[] = [];
  const lines = markdown.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const opening = /^```(\w+)\s*(.*)$/.exec(lines[at]);
    if (!opening) continue;
    const end = lines.indexOf('```', at + 1);
    const info = new Map(opening[2].split(' ').flatMap((pair) => (pair ? [pair.split('=') as [string, string]] : [])));
    for (const key of info.keys())
      if (!['title', 'exit'].includes(key)) throw new Error(`line ${at + 1}: unknown key ${key}`);
    blocks.push({
      ...{ language: opening[1], title: info.get('title'), exit: Number(info.get('exit') ?? 0) },
      ...{ text: lines.slice(at + 1, end).join('\n') + '\n', line: at + 1 },
    });
    at = end;
  }
  return blocks;
}

/**
 * What stays of a printed line from one model, machine and day to the next: its words. Class names are one word, extensions of
 * files and units above a second none.
 */
export const wordsOf = (line: string): string =>
  line
    .replace(/\b(normal|lesion)\b/g, 'class')
    .replace(/\.dcm\b|\b(min|h)\b/g, '')
    .replace(/[^a-z]+/gi, ' ')
    .trim();

/** Rows of a table by column. */
export function readTable(csv: string): Record<string, string>[] {
  const [header, ...rows] = csv.trim().split(/\r?\n/);
  const names = header.split(',');
  return rows.map((row) => Object.fromEntries(row.split(',').map((cell, i) => [names[i], cell])));
}
