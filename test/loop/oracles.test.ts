import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import {
  FileOracle,
  openOracle,
  SimulatedOracle,
  TerminalOracle,
  type Answer,
  type Query,
  type Sample,
} from 'sightline';

const query = (id: string, more: Partial<Query> = {}): Query => ({
  id,
  path: `/images/${id}.png`,
  rank: 1,
  score: 0.5,
  predicted: 'ill',
  confidence: 0.75,
  reason: 'highest xal',
  ...more,
});
const context = { round: 3, folder: '' };
const collect = () => {
  const answers: Answer[] = [];
  return { answers, onAnswers: async (some: readonly Answer[]) => void answers.push(...some) };
};

describe('the simulated oracle', () => {
  const boxes = [{ x0: 0, y0: 0, x1: 2, y1: 2 }];
  const sample = (id: string, more: Partial<Sample>): Sample => ({ index: 0, id, path: '', ...more });
  const samples = [
    sample('a', { label: 'ill', mask: '/a.png' }),
    sample('b', { label: 'healthy', boxes }),
    sample('c', {}),
    sample('d', {}),
  ];
  const classes = ['healthy', 'ill'];

  it('answers with label, region and cost, and skips what has no label, told once', async () => {
    const notices: string[] = [];
    const oracle = new SimulatedOracle({ classes, samples, cost: { ill: 3 }, onNotice: (one) => notices.push(one) });
    const { answers, onAnswers } = collect();
    await oracle.ask([query('a'), query('b'), query('c')], context, onAnswers);
    await oracle.ask([query('d')], { ...context, round: 4 }, onAnswers);
    expect(answers).toEqual([
      { id: 'a', label: 'ill', labels: ['ill'], mask: '/a.png', cost: 3 },
      { id: 'b', label: 'healthy', labels: ['healthy'], boxes, cost: 1 },
      { id: 'c', skipped: true, cost: 0 },
      { id: 'd', skipped: true, cost: 0 },
    ]);
    expect(notices).toEqual([expect.stringMatching(/skipped.*1 in round 3/)]);
  });

  it('errs by its noise, the same in any order', async () => {
    const many = Array.from({ length: 200 }, (_, i) => sample(`s${i}`, { label: 'ill' }));
    const ask = async (ids: string[]) => {
      const { answers, onAnswers } = collect();
      const oracle = new SimulatedOracle({ classes, samples: many, noise: { rate: 0.3 }, seed: 5 });
      await oracle.ask(
        ids.map((id) => query(id)),
        context,
        onAnswers,
      );
      return new Map(answers.map(({ id, label }) => [id, label]));
    };
    const ids = many.map(({ id }) => id);
    const first = await ask(ids);
    expect(await ask([...ids].reverse())).toEqual(new Map([...first].reverse()));
    const wrong = [...first.values()].filter((label) => label === 'healthy').length;
    expect(wrong).toBeGreaterThan(35);
    expect(wrong).toBeLessThan(85);
  });

  it('gives several labels where samples have them, priced by the dearest', async () => {
    const several = [sample('a', { label: 'y|x' }), sample('b', { label: 'y' })];
    const oracle = new SimulatedOracle({ classes: ['x', 'y'], samples: several, cost: { x: 2, y: 5 } });
    const { answers, onAnswers } = collect();
    await oracle.ask([query('a'), query('b')], context, onAnswers);
    expect(answers.map(({ label, labels, cost }) => ({ label, labels, cost }))).toEqual([
      { label: 'x|y', labels: ['x', 'y'], cost: 5 },
      { label: 'y', labels: ['y'], cost: 5 },
    ]);
  });
});

describe('the oracle of a configuration', () => {
  it('is the one that it names', async () => {
    const sources = { classes: ['x', 'y'], samples: [{ index: 0, id: 'a', path: '', label: 'y' }] };
    const { answers, onAnswers } = collect();
    const noise = {
      confusion: [
        [1, 0],
        [1, 0],
      ],
    };
    await openOracle({ kind: 'simulated', cost: 4, seed: 0, noise }, sources).ask([query('a')], context, onAnswers);
    expect(answers).toEqual([{ id: 'a', label: 'x', labels: ['x'], cost: 4 }]);
    expect(openOracle({ kind: 'terminal' }, sources)).toBeInstanceOf(TerminalOracle);
    expect(openOracle({ kind: 'files', wait: false }, sources)).toBeInstanceOf(FileOracle);
  });
});

describe('the terminal oracle', () => {
  const classes = ['glioma', 'meningioma', 'pituitary'];

  /** @param typed lines, all there before the first question: a pipe */
  async function sitting(typed: string, ids: string[], settings = {}) {
    const input = new PassThrough();
    const output = new PassThrough();
    const oracle = new TerminalOracle({ classes, input, output, ...settings });
    input.end(typed);
    const { answers, onAnswers } = collect();
    let error: unknown;
    await oracle
      .ask(
        ids.map((id) => query(id)),
        context,
        onAnswers,
      )
      .catch((thrown: unknown) => (error = thrown));
    oracle.close();
    return { answers, error, shown: String(output.read() ?? '') };
  }
  const given = (answers: Answer[]) => answers.map(({ id, label, skipped }) => `${id}:${skipped ? 'skip' : label}`);

  it('takes numbers, names in any case, and skips; says what it did not understand', async () => {
    const { answers, error, shown } = await sitting('2\nGLIOMA\nxyz\n9\ns\n3\n', ['a', 'b', 'c', 'd']);
    expect(error).toBeUndefined();
    expect(given(answers)).toEqual(['a:meningioma', 'b:glioma', 'c:skip', 'd:pituitary']);
    expect(shown).toContain(
      '[1/4 · round 3] a\n  /images/a.png\n  predicted ill (0.75) · rank 1, score 0.5000 · highest xal',
    );
    expect(shown).toContain('1 glioma   2 meningioma   3 pituitary   s skip   u undo   q leave');
    expect(shown).toContain('unknown class "xyz" (classes: glioma, meningioma, pituitary). Type a number from 1 to 3');
    expect(shown).toContain('unknown class "9"');
  });

  it('goes back to the last one, and an empty line keeps what was answered', async () => {
    const { answers, shown } = await sitting('u\n1\n1\nu\nu\n\n2\n3\n', ['a', 'b', 'c']);
    // a, b; back to b, back to a; a is kept, b answered anew; c.
    expect(given(answers)).toEqual(['a:glioma', 'b:glioma', 'b:meningioma', 'c:pituitary']);
    expect(shown).toContain('answered before: glioma (Enter keeps it)');
  });

  it.each(['1\nq\n', '1\n'])('pauses when the person leaves or the input ends: %j', async (typed) => {
    const { answers, error } = await sitting(typed, ['a', 'b', 'c']);
    expect(given(answers)).toEqual(['a:glioma']);
    expect(error).toMatchObject({ code: 'E_PAUSED', what: '2 of 3 answers are missing: b, c' });
    expect((error as Error).message).toMatch(/Answers so far are kept; run again with --resume\./);
  });

  it('takes classes that are called like numbers or commands', async () => {
    const { answers } = await sitting('2\n1\ns\n', ['a', 'b', 'c'], { classes: ['2', '1', 's'] });
    expect(given(answers)).toEqual(['a:2', 'b:1', 'c:s']);
  });

  it('takes several labels, and lines for the next round from the same pipe', async () => {
    const input = new PassThrough();
    const oracle = new TerminalOracle({ classes, several: true, input, output: new PassThrough() });
    input.end('3,1\nglioma, 2\n');
    const { answers, onAnswers } = collect();
    await oracle.ask([query('a')], context, onAnswers);
    await oracle.ask([query('b')], { ...context, round: 4 }, onAnswers);
    oracle.close();
    expect(given(answers)).toEqual(['a:glioma|pituitary', 'b:glioma|meningioma']);
  });

  it('waits until an answer is stored before it asks on, and ends on a signal', async () => {
    const input = new PassThrough();
    const abort = new AbortController();
    const stored: string[] = [];
    const oracle = new TerminalOracle({ classes, input, output: new PassThrough() });
    input.write('1\n');
    const asked = oracle.ask([query('a'), query('b')], { ...context, signal: abort.signal }, async ([{ id }]) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      stored.push(id);
      setTimeout(() => abort.abort(), 20);
    });
    await expect(asked).rejects.toMatchObject({ code: 'E_PAUSED' });
    expect(stored).toEqual(['a']);
  });

  it('lets go of a terminal between rounds, and takes Ctrl-C for leaving', async () => {
    const modes: boolean[] = [];
    const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (raw: boolean) => modes.push(raw) });
    const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
    const oracle = new TerminalOracle({ classes, input, output });
    const { answers, onAnswers } = collect();
    const first = oracle.ask([query('a')], context, onAnswers);
    input.write('1\r');
    await first;
    expect(modes).toEqual([true, false]);
    const second = oracle.ask([query('b')], { ...context, round: 4 }, onAnswers);
    input.write('\x03');
    await expect(second).rejects.toMatchObject({ code: 'E_PAUSED', where: 'round 4' });
    expect(modes).toEqual([true, false, true, false]);
    expect(given(answers)).toEqual(['a:glioma']);
  });
});
