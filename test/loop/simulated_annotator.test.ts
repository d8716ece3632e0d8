import { describe, expect, it } from 'vitest';
import { SimulatedAnnotator } from 'sightline';

const classes = ['healthy', 'nodule', 'effusion'];
const ids = Array.from({ length: 6000 }, (_, i) => `image-${i}`);
const share = (answers: string[], of: string) => answers.filter((answer) => answer === of).length / answers.length;

describe('a simulated annotator', () => {
  it('knows the truth without noise', () => {
    const annotator = new SimulatedAnnotator({ classes });
    expect(ids.every((id) => annotator.label(id, 'nodule') === 'nodule')).toBe(true);
    expect(annotator.labels('a', ['effusion', 'healthy'])).toEqual(['healthy', 'effusion']);
    expect(annotator.labels('a', [])).toEqual([]);
  });

  it('errs at the rate, between the other classes alike', () => {
    const annotator = new SimulatedAnnotator({ classes, noise: { rate: 0.3 }, seed: 1 });
    const answers = ids.map((id) => annotator.label(id, 'nodule'));
    // Standard errors below 0.006.
    expect(Math.abs(share(answers, 'nodule') - 0.7)).toBeLessThan(0.02);
    expect(Math.abs(share(answers, 'healthy') - 0.15)).toBeLessThan(0.02);
    expect(Math.abs(share(answers, 'effusion') - 0.15)).toBeLessThan(0.02);
  });

  it('errs by a confusion matrix', () => {
    const confusion = [
      [1, 0, 0],
      [0.2, 0.7, 0.1],
      [0, 1, 0],
    ];
    const annotator = new SimulatedAnnotator({ classes, noise: { confusion } });
    const answers = ids.map((id) => annotator.label(id, 'nodule'));
    expect(Math.abs(share(answers, 'healthy') - 0.2)).toBeLessThan(0.02);
    expect(Math.abs(share(answers, 'effusion') - 0.1)).toBeLessThan(0.02);
    expect(ids.every((id) => annotator.label(id, 'healthy') === 'healthy')).toBe(true);
    expect(ids.every((id) => annotator.label(id, 'effusion') === 'nodule')).toBe(true);
  });

  it('flips each of several labels alone', () => {
    const annotator = new SimulatedAnnotator({ classes, noise: { missed: 0.25, invented: 0.1 } });
    const answers = ids.map((id) => annotator.labels(id, ['nodule']));
    const rate = (name: string) => answers.filter((answer) => answer.includes(name)).length / ids.length;
    expect(Math.abs(rate('nodule') - 0.75)).toBeLessThan(0.02);
    expect(Math.abs(rate('healthy') - 0.1)).toBeLessThan(0.015);
    expect(Math.abs(rate('effusion') - 0.1)).toBeLessThan(0.015);
    const both = answers.filter((a) => a.includes('healthy') && a.includes('effusion')).length / ids.length;
    expect(Math.abs(both - 0.01)).toBeLessThan(0.006);
    expect(new SimulatedAnnotator({ classes, noise: { rate: 1 } }).labels('a', ['nodule'])).toEqual([
      'healthy',
      'effusion',
    ]);
  });

  it('gives one answer per sample, in whatever order it is asked', () => {
    const settings = { classes, noise: { rate: 0.5 }, seed: 7 };
    const [first, again] = [new SimulatedAnnotator(settings), new SimulatedAnnotator(settings)];
    const forth = ids.map((id) => first.label(id, 'nodule'));
    const back = ids.toReversed().map((id) => again.label(id, 'nodule'));
    expect(back.toReversed()).toEqual(forth);
    expect(ids.map((id) => first.label(id, 'nodule'))).toEqual(forth);
  });

  it('errs elsewhere with another seed or name', () => {
    const wrong = (settings: { seed?: number; name?: string }) => {
      const annotator = new SimulatedAnnotator({ classes, noise: { rate: 0.5 }, ...settings });
      return ids.map((id) => annotator.label(id, 'nodule') !== 'nodule');
    };
    const plain = wrong({});
    for (const other of [wrong({ seed: 1 }), wrong({ name: 'second reader' })]) {
      const both = plain.filter((error, i) => error && other[i]).length / ids.length;
      expect(Math.abs(both - 0.25)).toBeLessThan(0.025);
    }
  });

  it('keeps its errors when the rate rises', () => {
    const answers = [0.1, 0.2, 0.6].map((rate) => {
      const annotator = new SimulatedAnnotator({ classes, noise: { rate } });
      return ids.map((id) => annotator.label(id, 'healthy'));
    });
    ids.forEach((_, i) => {
      for (let k = 1; k < answers.length; k++) {
        if (answers[k - 1][i] !== 'healthy') expect(answers[k][i]).toBe(answers[k - 1][i]);
      }
    });
  });

  it('is always wrong at rate 1', () => {
    const annotator = new SimulatedAnnotator({ classes, noise: { rate: 1 } });
    expect(ids.some((id) => annotator.label(id, 'nodule') === 'nodule')).toBe(false);
  });

  it('refuses what does not fit', () => {
    const make = (noise: object) => () => new SimulatedAnnotator({ classes, noise: noise as { rate: number } });
    expect(make({ rate: 1.2 })).toThrow(/annotator.rate: expected a probability/);
    expect(make({ rate: NaN })).toThrow(/annotator.rate/);
    expect(make({ missed: 0.1, invented: -1 })).toThrow(/annotator.invented/);
    expect(make({ confusion: [[1]] })).toThrow(/annotator.confusion: expected 3 rows/);
    expect(
      make({
        confusion: [
          [1, 0, 0],
          [0, 1],
          [0, 0, 1],
        ],
      }),
    ).toThrow(/confusion\[1\]: expected 3 probabilities/);
    expect(
      make({
        confusion: [
          [1, 0, 0],
          [0, 0.5, 0],
          [0, 0, 1],
        ],
      }),
    ).toThrow(/sum to 1, received 0.5/);
    expect(() => new SimulatedAnnotator({ classes: ['a', 'a'] })).toThrow(/distinct names/);
    const annotator = new SimulatedAnnotator({ classes });
    expect(() => annotator.label('x7', 'fracture')).toThrow(/label of x7: expected one of healthy, nodule, effusion/);
    expect(() => annotator.labels('x7', ['fracture'])).toThrow(/label of x7/);
    const identity = classes.map((_, i) => classes.map((_, k) => Number(i === k)));
    expect(() => new SimulatedAnnotator({ classes, noise: { confusion: identity } }).labels('a', [])).toThrow(
      /confusion matrix/,
    );
    const several = new SimulatedAnnotator({ classes, noise: { missed: 0, invented: 0 } });
    expect(() => several.label('a', 'nodule')).toThrow(/does not fit the samples' labels/);
    const single = new SimulatedAnnotator({ classes: ['a'], noise: { rate: 0.5 } });
    expect(() => single.label('x', 'a')).toThrow(/two or more to err between/);
    expect(new SimulatedAnnotator({ classes: ['a'] }).label('x', 'a')).toBe('a');
  });
});
