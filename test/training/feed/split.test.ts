import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SightlineError } from '../../../src/core/errors.js';
import { Rng } from '../../../src/core/rng.js';
import type { Sample } from '../../../src/data/types.js';
import { splitParts, splitSamples, type Split, type SplitSettings } from '../../../src/training/feed/split.js';

const sample = (index: number, more: Partial<Sample>): Sample => ({
  index,
  id: `s${index}`,
  path: `/${index}`,
  ...more,
});
const ids = (split: Split) => splitParts.map((part) => split[part].map(({ id }) => id).join(' '));

function failure(samples: Sample[], settings: SplitSettings): SightlineError {
  try {
    splitSamples(samples, settings);
  } catch (error) {
    if (error instanceof SightlineError) return error;
  }
  throw new Error('no SightlineError');
}

/** Patients of 1 to 6 samples, a fifth of them with a label of every twentieth. */
function cohort(patients: number, seed = 1): Sample[] {
  const rng = new Rng(seed, 'cohort');
  const samples: Sample[] = [];
  for (let p = 0; p < patients; p++) {
    const label = rng.uniform() < 0.05 ? 'rare' : rng.uniform() < 0.3 ? 'some' : 'most';
    for (let n = 1 + rng.int(6); n > 0; n--) samples.push(sample(samples.length, { patient: `p${p}`, label }));
  }
  return samples;
}

describe('a split by column', () => {
  const folds = ['1', '2', '3', '4', '5', '9', undefined].map((fold, i) => sample(i, { fold, label: 'a' }));

  it('takes the values of each part and tells what is left over', () => {
    const notices: string[] = [];
    const values = { training: ['1', '2', '3'], validation: ['4'], test: ['5'] };
    const split = splitSamples(folds, { by: 'fold', values }, (m) => notices.push(m));
    expect(ids(split)).toEqual(['s0 s1 s2', 's3', 's4']);
    expect(notices).toEqual(['2 of 7 samples belong to no part of the split and are left out.']);
  });

  it('knows the usual names of a split', () => {
    const samples = ['Train', 'val', 'test', 'train'].map((split, i) => sample(i, { split }));
    expect(ids(splitSamples(samples, { by: 'split' }))).toEqual(['s0 s3', 's1', 's2']);
  });

  it('refuses values nobody has, a value in two parts, an empty column, unknown names', () => {
    const by = (values: object) => failure(folds, { by: 'fold', values });
    expect(by({ training: ['1'], test: ['6'] })).toMatchObject({
      code: 'E_ARGUMENT',
      message: expect.stringMatching(/6/),
    });
    expect(by({ training: ['1'], test: ['1'] }).message).toMatch(/1 in training and test/);
    expect(by({ test: ['1'] }).code).toBe('E_POOL_EMPTY');
    expect(failure(folds, { by: 'split' }).code).toBe('E_MANIFEST');
    expect(failure(folds, { by: 'fold' }).message).toMatch(/which of its values \(1, 2, 3, 4, 5, 9\)/);
    expect(failure([sample(0, { split: 'x' })], { by: 'split' }).message).toMatch(/\(x\)/);
  });

  it('tells of patients and labels that make its figures doubtful, naming no patient', () => {
    const notices: string[] = [];
    const rows = [
      { split: 'train', patient: 'Doe', label: 'a' },
      { split: 'test', patient: 'Doe', label: 'a' },
      { split: 'train', patient: 'Roe', label: 'b' },
    ];
    const samples = rows.map((row, i) => sample(i, row));
    splitSamples(samples, { by: 'split' }, (m) => notices.push(m));
    expect(notices[0]).toMatch(/^1 patients have samples in more than one part/);
    expect(notices[1]).toBe('The test part has no sample with the label b.');
    expect(notices.join()).not.toMatch(/Doe/);
  });
});

describe('a split by ids', () => {
  it('takes lists and refuses ids that do not exist', () => {
    const samples = [0, 1, 2].map((i) => sample(i, {}));
    expect(ids(splitSamples(samples, { by: 'ids', ids: { training: ['s2', 's0'], test: ['s1'] } }))).toEqual([
      's0 s2',
      '',
      's1',
    ]);
    expect(failure(samples, { by: 'ids', ids: { training: ['s0'], test: ['s7'] } }).message).toMatch(/s7/);
  });
});

describe('a split by patient', () => {
  it('keeps patients whole and shares of samples and labels close', () => {
    const samples = cohort(400);
    const split = splitSamples(samples, { by: 'patient' });
    expect(splitParts.reduce((n, part) => n + split[part].length, 0)).toBe(samples.length);
    const parts = splitParts.map((part) => new Set(split[part].map((s) => s.patient)));
    for (const [i, a] of parts.entries())
      for (const b of parts.slice(i + 1)) expect([...a].some((p) => b.has(p))).toBe(false);
    const shares = [0.7, 0.1, 0.2];
    for (const label of [undefined, 'rare', 'some', 'most']) {
      const of = (list: Sample[]) => list.filter((s) => !label || s.label === label).length;
      const total = of(samples);
      // Within one patient's samples of the exact share.
      splitParts.forEach((part, i) => expect(Math.abs(of(split[part]) - shares[i] * total)).toBeLessThanOrEqual(6));
    }
  });

  it('depends on the seed alone, and differs by it', () => {
    const samples = cohort(60);
    const of = (seed: number) => ids(splitSamples(samples, { by: 'patient', seed }));
    expect(of(4)).toEqual(of(4));
    expect(of(4)).not.toEqual(of(5));
  });

  it('never shares a patient, whatever the cohort', () => {
    const row = fc.record({
      patient: fc.option(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 's1'), { nil: undefined }),
      label: fc.option(fc.constantFrom('x', 'y', 'x|y'), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 30 }), fc.integer(), (rows, seed) => {
        const samples = rows.map((r, i) => sample(i, r));
        const groups = new Set(samples.map((s) => s.patient ?? `\0${s.id}`)).size;
        const settings = { by: 'patient', seed } as const;
        if (groups < 3) {
          expect(failure(samples, settings).code).toMatch(/E_ARGUMENT|E_POOL_EMPTY/);
          return;
        }
        const split = splitSamples(samples, settings);
        const seen = new Map<string, string>();
        for (const part of splitParts) {
          expect(split[part].length).toBeGreaterThan(0);
          for (const s of split[part]) {
            const key = s.patient ?? `\0${s.id}`;
            expect(seen.get(key) ?? part).toBe(part);
            seen.set(key, part);
          }
        }
      }),
    );
  });

  it('refuses shares that do not add up, and takes parts without a share', () => {
    const samples = cohort(20);
    expect(failure(samples, { by: 'patient', shares: { training: 0.7, test: 0.2 } }).code).toBe('E_ARGUMENT');
    expect(failure(samples, { by: 'patient', shares: { training: 1.2, test: -0.2 } }).code).toBe('E_ARGUMENT');
    const split = splitSamples(samples, { by: 'patient', shares: { training: 0.5, validation: 0.5 } });
    expect(split.test).toEqual([]);
    expect(Math.abs(split.training.length - split.validation.length)).toBeLessThanOrEqual(6);
  });
});
