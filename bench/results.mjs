/**
 * Rows of every benchmark: written to bench/results/<file>.json, and from all of those the tables of bench/README.md.
 * A row is {bench, peer, ours, theirs, unit, ratio, threads, machine, date, versions}, ratio above 1 = we are faster
 * (or smaller, or better); `detail` is optional.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('results/', import.meta.url));
const readme = fileURLToPath(new URL('README.md', import.meta.url));
const marker = '<!-- Everything below is written by bench/results.mjs from bench/results/*.json. -->';

/** Units in which less is better; all others are rates. */
const costs = new Set(['ns', 'µs', 'ms', 's', 'kB', 'MB', 'GB', 'loss']);

/** Units of what was reached, not of how fast. */
const scores = new Set(['AUC', 'Dice', 'loss']);

/**
 * A row from two measurements in the same unit.
 * @param {{bench: string, peer: string, ours: number, theirs: number, unit: string, threads: number,
 *   versions: Record<string, string>, detail?: string}} measured
 */
export function row({ bench, peer, ours, theirs, unit, threads, versions, detail }) {
  const ratio = costs.has(unit) ? theirs / ours : ours / theirs;
  const all = { sightline: ownVersion(), node: process.versions.node, ...versions };
  const date = new Date().toISOString().slice(0, 10);
  return {
    bench,
    peer,
    ours: digits(ours, unit),
    theirs: digits(theirs, unit),
    unit,
    ratio: digits(ratio, unit),
    threads,
    machine: machine(),
    date,
    versions: all,
    detail,
  };
}

/**
 * Replaces bench/results/<file>.json and writes the tables anew.
 * @throws Error when a row lacks a field or holds a number that is not finite: such a row would pass for a result
 */
export function writeRows(file, rows) {
  for (const r of rows) {
    for (const field of ['bench', 'peer', 'unit', 'machine', 'date']) {
      if (typeof r[field] !== 'string' || !r[field]) throw new Error(`a row of ${file} has no ${field}`);
    }
    for (const field of ['ours', 'theirs', 'ratio', 'threads']) {
      if (!Number.isFinite(r[field])) throw new Error(`${file}, ${r.bench} against ${r.peer}: ${field} is ${r[field]}`);
    }
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}${file}.json`, `${JSON.stringify(rows, null, 2)}\n`);
  writeTables();
}

/** Writes the tables of bench/README.md from all results; the text above the marker stays. */
export function writeTables() {
  const intro = existsSync(readme) ? readFileSync(readme, 'utf8').split(marker, 1)[0].trimEnd() : '# Benchmarks';
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
  const tables = files
    .sort()
    .map((name) => table(name.replace('.json', ''), JSON.parse(readFileSync(folder + name, 'utf8'))));
  writeFileSync(readme, `${[intro, marker, ...tables].join('\n\n')}\n`);
}

function table(title, rows) {
  // What all rows share stands above the table; what differs gets a column.
  const shared = (field) => new Set(rows.map((r) => JSON.stringify(r[field]))).size <= 1;
  const versions = (v) =>
    Object.entries(v)
      .map(([name, number]) => `${name} ${number}`)
      .join(', ');
  const extra = ['machine', 'date'].filter((field) => !shared(field));
  const detailed = rows.some((r) => r.detail);
  const reached = rows.every((r) => scores.has(r.unit));
  const header = [
    'bench',
    'against',
    'ours',
    'theirs',
    'unit',
    'ratio',
    'threads',
    ...(detailed ? ['ours in detail'] : []),
    ...extra,
  ];
  const lines = rows.map((r) => [
    r.bench,
    r.peer,
    r.ours,
    r.theirs,
    r.unit,
    `**${r.ratio}**`,
    r.threads,
    ...(detailed ? [r.detail ?? ''] : []),
    ...extra.map((field) => r[field]),
  ]);
  const about = [
    ...(shared('machine') && rows.length ? [rows[0].machine] : []),
    ...(shared('date') && rows.length ? [rows[0].date] : []),
    versions(Object.assign({}, ...rows.map((r) => r.versions))),
  ];
  const markdown = [
    header,
    header.map((name) => (['ours', 'theirs', 'ratio', 'threads'].includes(name) ? '---:' : '---')),
    ...lines,
  ];
  return `## ${title}\n\n${about.join('; ')}. A ratio above 1: we are ${reached ? 'better' : 'faster'}.\n\n${markdown.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}`;
}

/** CPU, cores, memory and, when known, what it is. */
export function machine() {
  const [{ model }] = cpus();
  let name = model.trim();
  if (process.platform === 'linux' && !/\d/.test(name)) {
    // Virtual machines hide the model's name: family and model number tell which it is.
    try {
      const field = (label) =>
        execFileSync('lscpu', { encoding: 'utf8' }).match(new RegExp(`^${label}:\\s*(.+)$`, 'm'))?.[1];
      name += ` (family ${field('CPU family')}, model ${field('Model')})`;
    } catch {
      // lscpu is not everywhere
    }
  }
  return `${name}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform} ${process.arch}`;
}

function ownVersion() {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}

/** Three significant digits: more is noise. Of scores four decimals: differences are small. */
function digits(value, unit) {
  return Number(scores.has(unit) ? value.toFixed(4) : value.toPrecision(3));
}
