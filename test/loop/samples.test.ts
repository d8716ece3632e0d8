import { describe, expect, it } from 'vitest';
import { asFinding, checkPatients, findingClasses, switchedSplit, type Sample, type Split } from 'sightline';

let serial = 0;
const sample = (more: Partial<Sample>): Sample => ({ index: serial, id: `s${serial++}`, path: '', ...more });
const told = () => {
  const notices: string[] = [];
  return { notices, onNotice: (message: string) => void notices.push(message) };
};

describe('the leak check', () => {
  const split: Split = {
    training: [sample({ patient: 'Mary' }), sample({ patient: 'Zoe' }), sample({ patient: 'Zoe' })],
    validation: [sample({ patient: 'John' })],
    test: [sample({ patient: 'Mary' }), sample({ patient: 'Zoe' })],
  };

  it('counts shared patients and names none', () => {
    expect(() => checkPatients(split)).toThrow(/split: 2 patients are in both training and test\./);
    expect(() => checkPatients(split)).not.toThrow(/Mary|Zoe/);
    const { notices, onNotice } = told();
    checkPatients(split, true, onNotice);
    expect(notices).toEqual(['2 patients are in both training and test: figures will look better than they are.']);
  });

  it('passes clean splits, and tells once of samples without patients', () => {
    const { notices, onNotice } = told();
    checkPatients({ ...split, test: [] }, false, onNotice);
    expect(notices).toEqual([]);
    checkPatients(
      { training: [sample({}), sample({ patient: 'a' })], validation: [], test: [sample({})] },
      false,
      onNotice,
    );
    expect(notices).toEqual([expect.stringMatching(/^2 of 3 samples have no patient/)]);
  });
});

describe('a finding against the rest', () => {
  it('makes two classes of several labels', () => {
    const labels = ['Effusion|Mass', 'No Finding', '["Effusion"]', 'Mass', undefined, 'effusion'];
    const two = asFinding(
      labels.map((label) => sample({ label })),
      'Effusion',
    ).map(({ label }) => label);
    expect(two).toEqual(['Effusion', 'no Effusion', 'Effusion', 'no Effusion', undefined, 'Effusion']);
    expect(findingClasses('Effusion')).toEqual(['no Effusion', 'Effusion']);
  });

  it('refuses a finding that does not occur', () => {
    expect(() => asFinding([sample({ label: 'Mass' })], 'Effusion')).toThrow(
      /no sample has the label "Effusion"\. Labels there are: Mass/,
    );
    expect(() => asFinding([sample({})], 'Effusion')).toThrow(/The samples have no labels/);
  });
});

describe('a data set switched to', () => {
  const first: Split = {
    training: [sample({ id: 'a', label: 'Effusion', patient: '1' }), sample({ id: 'second:a', label: 'no Effusion' })],
    validation: [],
    test: [],
  };
  const settings = {
    finding: 'Effusion',
    labels: ['no Effusion', 'Effusion'],
    allowSharedPatients: false,
    switch: { round: 2, data: '', labelled: 'keep' as const, finding: 'Pleural Effusion' },
  };

  it('takes the classes of the first and gets ids of its own', () => {
    const second: Split = {
      training: [sample({ id: 'a', label: 'Pleural Effusion|Edema' }), sample({ id: 'second:a', label: 'Edema' })],
      validation: [sample({ id: 'b', label: 'Edema' })],
      test: [],
    };
    const { notices, onNotice } = told();
    const split = switchedSplit(first, second, settings, onNotice);
    expect(split.training.map(({ id, label }) => [id, label])).toEqual([
      ['second:second:a', 'Effusion'],
      ['second:second:second:a', 'no Effusion'],
    ]);
    expect(split.validation.map(({ id, label }) => [id, label])).toEqual([['b', 'no Effusion']]);
    const indices = Object.values(split).flatMap((part) => part.map(({ index }) => index));
    expect(new Set([...indices, ...first.training.map(({ index }) => index)]).size).toBe(5);
    expect(notices[0]).toMatch(/^2 samples of the second data set have ids of the first/);
  });

  it('renames classes by their order, and refuses others', () => {
    const second: Split = {
      training: [sample({ label: 'tumour' }), sample({ label: 'benign' })],
      validation: [],
      test: [],
    };
    const renaming = {
      labels: ['healthy', 'ill'],
      allowSharedPatients: false,
      switch: { round: 2, data: '', labelled: 'drop' as const, labels: ['benign', 'tumour'] },
    };
    expect(switchedSplit(first, second, renaming).training.map(({ label }) => label)).toEqual(['ill', 'healthy']);
    second.training.push(sample({ label: 'cyst' }));
    expect(() => switchedSplit(first, second, renaming)).toThrow(/switch\.labels: cyst not among/);
  });

  it('checks patients against the labels that are kept', () => {
    const second: Split = {
      training: [sample({ label: 'Effusion' })],
      validation: [],
      test: [sample({ label: 'x', patient: '1' })],
    };
    const plain = { ...settings, switch: { ...settings.switch, finding: undefined } };
    expect(() => switchedSplit(first, second, plain)).toThrow(/1 patient is in both training and test/);
    expect(() =>
      switchedSplit(first, second, { ...plain, switch: { ...plain.switch, labelled: 'drop' } }),
    ).not.toThrow();
  });
});
