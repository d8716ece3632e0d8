import { mkdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'csv-parse/sync';
import { csvText } from '../core/csv.js';
import { SightlineError } from '../core/errors.js';
import { writeFileAtomic } from '../core/files.js';
import { readAnswers, wholeLines, type AnswerRules } from './answer_file.js';
import { paused, type AnswerListener, type Oracle, type OracleContext, type Query } from './oracle.js';

export interface FileOracleSettings {
  classes: readonly string[];
  /** Several labels a sample, joined by `|`. Default false. */
  several?: boolean;
  /** For answers; else pause. Default true. */
  wait?: boolean;
  /** Seconds between looks at the file. Default 1. */
  pollSeconds?: number;
  onNotice?: (message: string) => void;
}

/**
 * Any labelling tool: the queries of a round are written to `<run>/queries/round-03.csv`, and answers are read from
 * `<run>/answers/round-03.csv` or `.jsonl` while they come. The file may grow, be rewritten and be mended: an answer that
 * changes takes the place of the earlier, what is wrong is told once, and the round goes on when every query is answered.
 */
export class FileOracle implements Oracle {
  readonly #rules: Omit<AnswerRules, 'asked'>;
  readonly #wait: boolean;
  readonly #pollSeconds: number;
  readonly #onNotice: (message: string) => void;

  constructor({ classes, several = false, wait = true, pollSeconds = 1, onNotice }: FileOracleSettings) {
    this.#rules = { classes, several };
    this.#wait = wait;
    this.#pollSeconds = pollSeconds;
    this.#onNotice = onNotice ?? (() => {});
  }

  /** @throws SightlineError E_PAUSED, E_OUTPUT, E_DISK_FULL */
  async ask(
    queries: readonly Query[],
    { round, folder, signal }: OracleContext,
    onAnswers: AnswerListener,
  ): Promise<void> {
    if (queries.length === 0) return;
    const name = `round-${String(round).padStart(2, '0')}`;
    const { path, asked } = await writeQueries(folder, name, queries);
    await makeFolder(join(folder, 'answers'));
    const files = ['csv', 'jsonl'].map((kind) => join(folder, 'answers', `${name}.${kind}`));
    this.#onNotice(`${queries.length} queries are in ${path}; answers (id,label) are read from ${files[0]}.`);

    const missing = new Set(queries.map(({ id }) => id));
    const known = new Map<string, string>();
    const told = new Set<string>();
    const before = new Map<string, string>();
    for (;;) {
      for (const file of files) {
        const text = await readIfThere(file);
        // A line without an end may still be written; it counts once the file has rested, or where nobody waits.
        const rested = before.get(file) === text || !this.#wait;
        before.set(file, text);
        const { answers, problems } = readAnswers(file, rested ? text : wholeLines(text), { ...this.#rules, asked });
        const placed = problems.map((problem) => `${relative(folder, file)}: ${problem}`);
        const fresh = rested ? placed.filter((problem) => !told.has(problem)) : [];
        for (const problem of fresh) told.add(problem);
        if (fresh.length) this.#onNotice(summary(fresh));
        const news = answers.filter((answer) => known.get(answer.id) !== JSON.stringify(answer));
        if (news.length) await onAnswers(news);
        for (const answer of news) {
          known.set(answer.id, JSON.stringify(answer));
          missing.delete(answer.id);
        }
      }
      if (missing.size === 0) return;
      if (!this.#wait || signal?.aborted) throw paused(files[0], [...missing], queries.length);
      await sleep(this.#pollSeconds * 1000, undefined, { signal }).catch(() => undefined);
    }
  }
}

const listed = 10;

function summary(problems: readonly string[]): string {
  const rest = problems.length - listed;
  return `${problems.slice(0, listed).join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`;
}

/** Columns of the queries; the last four are for those who label with a spreadsheet. */
const columns = ['id', 'path', 'slice', 'rank', 'score', 'predicted', 'confidence', 'reason'];
const forAnswers = ['label', 'mask', 'boxes', 'note'];

/**
 * The file of queries. One that has them all stays as it is: in a resumed round it lists those, too, that were answered before.
 * Where a round asks once more, the new ones follow.
 * @returns every id in it
 */
async function writeQueries(
  folder: string,
  name: string,
  queries: readonly Query[],
): Promise<{ path: string; asked: Set<string> }> {
  const path = join(folder, 'queries', `${name}.csv`);
  await makeFolder(join(folder, 'queries'));
  const earlier = await rowsIn(path);
  const asked = new Set(earlier.map((row) => row.id));
  const fresh = queries.filter(({ id }) => !asked.has(id));
  if (fresh.length) {
    const rows = fresh.map(({ id, path: image, slice, rank, score, predicted, confidence, reason }) => [
      ...[id, image, slice ?? '', rank, score ?? '', predicted ?? '', confidence ?? '', reason],
      ...forAnswers.map(() => ''),
    ]);
    const header = [...columns, ...forAnswers];
    const before = earlier.map((row) => header.map((column) => row[column] ?? ''));
    await writeFileAtomic(path, csvText([header, ...before, ...rows]));
  }
  return { path, asked: new Set([...asked, ...fresh.map(({ id }) => id)]) };
}

async function rowsIn(path: string): Promise<(Record<string, string> & { id: string })[]> {
  try {
    const rows = parse(await readFile(path, 'utf8'), { columns: true, relax_column_count: true });
    return (rows as Record<string, string>[]).filter((row): row is Record<string, string> & { id: string } => !!row.id);
  } catch {
    return []; // none yet, or one that somebody has changed beyond reading: it is written anew
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw SightlineError.from(error, 'E_OUTPUT', { where: path, remedy: 'Choose an output folder you may write to.' });
  }
}

/** Empty where there is no such file, or none that can be read just now. */
async function readIfThere(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
