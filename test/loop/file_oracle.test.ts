import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileOracle, type Answer, type Query } from 'sightline';

const classes = ['no', 'no finding', 'Effusion'];
const queries: Query[] = ['a', 'b', 'c'].map((id, i) => ({
  id,
  path: `/images/${id}, ${i}.png`,
  ...(i === 2 && { slice: 4 }),
  rank: i + 1,
  score: i === 0 ? null : 1 / 3,
  predicted: i === 0 ? null : 'Effusion',
  confidence: i === 0 ? null : 0.875,
  reason: 'highest entropy',
}));

let folder: string;
let answers: Answer[];
let notices: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sightline-files-'));
  answers = [];
  notices = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const ask = (settings = {}, signal?: AbortSignal, of = queries) =>
  new FileOracle({ classes, pollSeconds: 0.02, onNotice: (one) => notices.push(one), ...settings }).ask(
    of,
    { round: 3, folder, signal },
    async (some) => void answers.push(...some),
  );
const file = (kind = 'csv') => join(folder, 'answers', `round-03.${kind}`);
const given = () => answers.map(({ id, label, skipped }) => `${id}:${skipped ? 'skip' : label}`);

async function until(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !condition();) {
    if (Date.now() > end) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Writes answers before anybody asks. */
async function answered(text: string, kind = 'csv'): Promise<void> {
  await expect(ask({ wait: false })).rejects.toMatchObject({ code: 'E_PAUSED' });
  notices = [];
  writeFileSync(file(kind), text);
}

describe('the file oracle', () => {
  it('writes the queries for any tool to read', async () => {
    await expect(ask({ wait: false })).rejects.toMatchObject({
      code: 'E_PAUSED',
      where: file(),
      what: '3 of 3 answers are missing: a, b, c',
    });
    expect(readFileSync(join(folder, 'queries', 'round-03.csv'), 'utf8')).toBe(
      'id,path,slice,rank,score,predicted,confidence,reason,label,mask,boxes,note\n' +
        'a,"/images/a, 0.png",,1,,,,highest entropy,,,,\n' +
        'b,"/images/b, 1.png",,2,0.33333333,Effusion,0.875,highest entropy,,,,\n' +
        'c,"/images/c, 2.png",4,3,0.33333333,Effusion,0.875,highest entropy,,,,\n',
    );
    expect(notices[0]).toMatch(/3 queries are in .*round-03\.csv; answers \(id,label\) are read from .*round-03\.csv/);
  });

  it('goes on while a file is written in pieces, and takes no half line for an answer', async () => {
    const asked = ask({ pollSeconds: 0.5 });
    await until(() => existsSync(join(folder, 'answers')));
    writeFileSync(file(), 'id,label\nb,effusion\na,no');
    await until(() => answers.length > 0);
    appendFileSync(file(), ' finding\nc,Effusion');
    await asked;
    expect(given()).toEqual(['b:Effusion', 'a:no finding', 'c:Effusion']);
    expect(answers[0]).toEqual({ id: 'b', label: 'Effusion', labels: ['Effusion'], cost: 1 });
    expect(notices).toHaveLength(1);
  });

  it('tells once what is wrong, row by row, and takes the mended file', async () => {
    const asked = ask();
    await until(() => existsSync(join(folder, 'answers')));
    writeFileSync(file(), 'id,label,mask,cost\na,efusion,,\nx,no,,\nb,no,none.png,\nc,no,,-1\n,no,,\n');
    await until(() => notices.length > 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(notices).toHaveLength(2);
    expect(notices[1].split('; ')).toEqual([
      'answers/round-03.csv: row 2: unknown class "efusion" (classes: no, no finding, Effusion)',
      'answers/round-03.csv: row 3: nobody asked for the id "x"',
      `answers/round-03.csv: row 4: no such mask file: ${join(folder, 'answers', 'none.png')}`,
      'answers/round-03.csv: row 5: expected a cost from 0, received "-1"',
      'answers/round-03.csv: row 6: no id',
    ]);
    writeFileSync(join(folder, 'answers', 'none.png'), '');
    writeFileSync(file(), 'id,label,mask,cost,skip\na,Effusion,,2.5,\nb,no,none.png,,\nc,,,,yes\n');
    await asked;
    expect(answers).toEqual([
      { id: 'a', label: 'Effusion', labels: ['Effusion'], cost: 2.5 },
      { id: 'b', label: 'no', labels: ['no'], mask: join(folder, 'answers', 'none.png'), cost: 1 },
      { id: 'c', skipped: true, cost: 1 },
    ]);
  });

  it('hands a changed answer on again, and of two rows takes the last', async () => {
    const asked = ask();
    await until(() => existsSync(join(folder, 'answers')));
    writeFileSync(file(), 'id,label\na,no\na,Effusion\n');
    await until(() => answers.length === 1);
    writeFileSync(file(), 'id,label\na,no\nb,no\nc,no\n');
    await asked;
    expect(given()).toEqual(['a:Effusion', 'a:no', 'b:no', 'c:no']);
  });

  it('reads JSON lines, and what spreadsheets write', async () => {
    await answered('{"id":"a","label":"no","boxes":[[1,2,3,4]]}\n{"id":"b","label":\n["c"]\n', 'jsonl');
    writeFileSync(file(), '\uFEFFID;Label;boxes;note\r\nb;Effusion;"0;0;5;5";"two\nlines"\r\nc;no;;\r\n');
    await ask();
    expect(answers.toSorted((x, y) => (x.id < y.id ? -1 : 1))).toEqual([
      { id: 'a', label: 'no', labels: ['no'], boxes: [{ x0: 1, y0: 2, x1: 3, y1: 4 }], cost: 1 },
      { id: 'b', label: 'Effusion', labels: ['Effusion'], boxes: [{ x0: 0, y0: 0, x1: 5, y1: 5 }], cost: 1 },
      { id: 'c', label: 'no', labels: ['no'], cost: 1 },
    ]);
  });

  it('names unusable files', async () => {
    await answered('name,class\na,no\n');
    writeFileSync(file('jsonl'), 'no JSON\n');
    await expect(ask({ wait: false })).rejects.toMatchObject({ code: 'E_PAUSED' });
    expect(notices[1]).toMatch(/csv: expected the columns id and label, received name, class/);
    expect(notices[2]).toMatch(/jsonl: row 1: not a JSON object/);
    writeFileSync(file(), 'id,label\n"a,no\n');
    await expect(ask({ wait: false })).rejects.toMatchObject({ code: 'E_PAUSED' });
    expect(notices.some((one) => /not readable as CSV/.test(one))).toBe(true);
  });

  it('keeps the answers of an interrupted round, and its queries', async () => {
    await answered('id,label\na,no\n');
    await expect(ask({ wait: false })).rejects.toMatchObject({ what: '2 of 3 answers are missing: b, c' });
    expect(given()).toEqual(['a:no']);
    const written = readFileSync(join(folder, 'queries', 'round-03.csv'), 'utf8');
    appendFileSync(file(), 'b,no\nc,no\n');
    // The loop asks for what is missing; the row of a is known, and no mistake.
    await ask({}, undefined, queries.slice(1));
    expect(readFileSync(join(folder, 'queries', 'round-03.csv'), 'utf8')).toBe(written);
    expect(given().slice(-2)).toEqual(['b:no', 'c:no']);
    expect(notices.filter((one) => /nobody asked/.test(one))).toEqual([]);
  });

  it('stops waiting on a signal, and asks nobody for nothing', async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 30);
    await expect(ask({ pollSeconds: 30 }, abort.signal)).rejects.toMatchObject({ code: 'E_PAUSED' });
    await ask({ wait: false }, undefined, []);
  });

  it('takes several labels in the order of the classes', async () => {
    await answered('id,label\na,Effusion|no\nb,no\nc,no|what\n');
    await expect(ask({ wait: false, several: true })).rejects.toMatchObject({ what: '1 of 3 answers are missing: c' });
    expect(given()).toEqual(['a:no|Effusion', 'b:no']);
  });
});
