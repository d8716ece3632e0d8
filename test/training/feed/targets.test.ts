import { describe, expect, it } from 'vitest';
import { SightlineError } from '../../../src/core/errors.js';
import type { Sample } from '../../../src/data/types.js';
import { labelsOf } from '../../../src/training/feed/labels.js';
import { Targets, type TargetSettings } from '../../../src/training/feed/targets.js';

const labelled = (...labels: (string | undefined)[]): Sample[] =>
  labels.map((label, index) => ({
    index,
    id: `s${index}`,
    path: `/${index}.png`,
    ...(label !== undefined && { label }),
  }));

const shape = { channels: 1, height: 1, width: 4 };

function written(targets: Targets, sample: Sample, roi = [0, 1, 1, 0]): number[] {
  const out = new Float32Array(targets.dims(shape).reduce((a, b) => a * b, 1)).fill(9);
  targets.write(sample, { image: Float32Array.of(0.5, -1, 2, 0), roi: Uint8Array.from(roi) }, out);
  return [...out];
}

function problem(settings: TargetSettings, samples: Sample[]): SightlineError {
  try {
    Targets.learn(settings, samples);
  } catch (error) {
    if (error instanceof SightlineError) return error;
  }
  throw new Error('no SightlineError');
}

describe('classes', () => {
  it('are the sorted labels of the training set, or a given list in its order', () => {
    const samples = labelled('b', 'a', 'c', 'a');
    const learnt = Targets.learn({ kind: 'classes' }, samples);
    expect([learnt.classes, learnt.counts]).toEqual([
      ['a', 'b', 'c'],
      [2, 1, 1],
    ]);
    expect(samples.map((s) => written(learnt, s))).toEqual([
      [0, 1, 0],
      [1, 0, 0],
      [0, 0, 1],
      [1, 0, 0],
    ]);
    const notices: string[] = [];
    const given = Targets.learn({ kind: 'classes', classes: ['c', 'x', 'b', 'a'] }, samples, (m) => notices.push(m));
    expect([given.counts, written(given, samples[0])]).toEqual([
      [1, 0, 1, 2],
      [0, 0, 1, 0],
    ]);
    expect(notices).toEqual(['No training sample has the class x: the model cannot learn it.']);
  });

  it('refuse labels that are missing, unknown or all the same', () => {
    expect(problem({ kind: 'classes' }, labelled('a', undefined, 'b'))).toMatchObject({
      code: 'E_MANIFEST',
      message: expect.stringMatching(/1 of 3 samples have no label: s1/),
    });
    expect(problem({ kind: 'classes', classes: ['a', 'b'] }, labelled('a', 'B'))).toMatchObject({
      code: 'E_MANIFEST',
      message: expect.stringMatching(/"B" not among the classes \(a, b\)/),
    });
    expect(problem({ kind: 'classes' }, labelled('a', 'a')).message).toMatch(/every training sample is "a"/);
    expect(problem({ kind: 'classes', classes: ['a', 'b'] }, labelled('b')).message).toMatch(/is "b"/);
    expect(problem({ kind: 'classes', classes: ['a', 'b', 'a'] }, labelled('a', 'b')).code).toBe('E_ARGUMENT');
  });

  it('of a training set hold for others, whatever classes those have', () => {
    const targets = Targets.learn({ kind: 'classes' }, labelled('a', 'b'));
    expect(() => targets.check(labelled('b', 'b'))).not.toThrow();
    expect(() => targets.check(labelled('b', 'c'))).toThrow(/"c" not among/);
    expect(() => targets.check(labelled('b', undefined))).toThrow(/no label/);
  });
});

describe('several labels', () => {
  it('are joined by a bar or listed as JSON', () => {
    expect(labelled('a| b', '["b", "c d"]', '[]', '[x', 'a||', undefined).map(labelsOf)).toEqual([
      ['a', 'b'],
      ['b', 'c d'],
      [],
      ['[x'],
      ['a'],
      [],
    ]);
  });

  it('become multi-hot; labels that stand for none become zeros', () => {
    const samples = labelled('mass|edema', 'clear', 'edema|edema');
    const targets = Targets.learn({ kind: 'multi-label', none: ['clear'] }, samples);
    expect([targets.classes, targets.counts]).toEqual([
      ['edema', 'mass'],
      [2, 1],
    ]);
    expect(samples.map((s) => written(targets, s))).toEqual([
      [1, 1],
      [0, 0],
      [1, 0],
    ]);
  });

  it('of one class against its opposite make one output', () => {
    const targets = Targets.learn({ kind: 'multi-label', none: ['normal'] }, labelled('lesion', 'normal'));
    expect(targets.dims(shape)).toEqual([1]);
    expect(problem({ kind: 'multi-label', none: ['normal'] }, labelled('lesion', 'lesion')).code).toBe('E_MANIFEST');
    expect(problem({ kind: 'multi-label', none: ['n'] }, labelled('n', 'n')).message).toMatch(/no training sample/);
  });
});

describe('masks', () => {
  const samples: Sample[] = [
    { index: 0, id: 'a', path: '/a', label: 'p', mask: '/m' },
    { index: 1, id: 'b', path: '/b', label: 'q', boxes: [{ x0: 0, y0: 0, x1: 1, y1: 1 }] },
    { index: 2, id: 'c', path: '/c' },
  ];

  it('become one channel, background and inside, or a channel per class', () => {
    const notices: string[] = [];
    const learn = (channels?: 'inside' | 'background' | 'classes') =>
      Targets.learn({ kind: 'mask', channels }, samples, (m) => notices.push(m));
    expect([learn().dims(shape), written(learn(), samples[0])]).toEqual([
      [1, 1, 4],
      [0, 1, 1, 0],
    ]);
    expect(written(learn('background'), samples[0])).toEqual([1, 0, 0, 1, 0, 1, 1, 0]);
    const byClass = learn('classes');
    expect([byClass.classes, byClass.counts, byClass.dims(shape)]).toEqual([
      ['p', 'q'],
      [1, 1],
      [3, 1, 4],
    ]);
    expect(written(byClass, samples[1])).toEqual([1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 0]);
    expect(written(byClass, samples[2], [0, 0, 0, 0])).toEqual([1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(notices[0]).toMatch(/^1 of 3 training samples have no mask/);
  });

  it('must exist, with labels where those name the channel', () => {
    expect(problem({ kind: 'mask' }, labelled('a', 'b'))).toMatchObject({ code: 'E_ROI' });
    const unlabelled = samples.map(({ label: _, ...sample }) => sample);
    expect(problem({ kind: 'mask', channels: 'classes' }, unlabelled).message).toMatch(/2 of 3 samples have no label/);
    expect(() => Targets.learn({ kind: 'mask' }, unlabelled)).not.toThrow();
  });
});

it('images are their own targets for autoencoders', () => {
  const targets = Targets.learn({ kind: 'image' }, labelled(undefined));
  expect([targets.dims(shape), written(targets, labelled(undefined)[0])]).toEqual([
    [1, 1, 4],
    [0.5, -1, 2, 0],
  ]);
});
