import { expectArgument, SightlineError } from '../../core/errors.js';
import type { Sample } from '../../data/types.js';
import { labelsOf, some } from './labels.js';
import { assignGroups } from './split_groups.js';

export const splitParts = ['training', 'validation', 'test'] as const;
export type SplitPart = (typeof splitParts)[number];

/** The samples of each part, in the pool's order. */
export type Split = Record<SplitPart, Sample[]>;

/** For each part what belongs to it. A part that is left out stays empty. */
type Parts = Partial<Record<SplitPart, readonly string[]>>;

export type SplitSettings =
  /**
   * By a column of the manifest: the values of each part (`fold`: training 1, 2, 3, validation 4, test 5). For `split`
   * they may be left out: train, training, pool / val, valid, validation, dev / test, testing.
   */
  | { by: 'split' | 'fold'; values?: Parts }
  /**
   * At random by patient: nobody is in two parts, and every part has about its share of samples and of every label. A
   * sample without a patient counts as a patient of its own. Shares default to 0.7, 0.1, 0.2, the seed to 0.
   */
  | { by: 'patient'; shares?: Partial<Record<SplitPart, number>>; seed?: number }
  /** By sample ids. */
  | { by: 'ids'; ids: Parts };

const usualNames: Parts = {
  training: ['train', 'training', 'pool'],
  validation: ['val', 'valid', 'validation', 'dev'],
  test: ['test', 'testing'],
};

/**
 * Training, validation and test samples. Tells as notices: samples that belong to no part, patients who are in several,
 * and labels that a part lacks.
 * @throws SightlineError E_ARGUMENT for settings that do not fit the samples, E_MANIFEST when the column is empty,
 *   E_POOL_EMPTY when nothing is left to train on
 */
export function splitSamples(
  samples: readonly Sample[],
  settings: SplitSettings,
  onNotice: (message: string) => void = () => {},
): Split {
  const split = byKind(samples, settings);
  if (split.training.length === 0) {
    throw new SightlineError('E_POOL_EMPTY', {
      where: `split by ${settings.by}`,
      what: 'no sample is left to train on',
      remedy: 'Give the training part its values, ids or share.',
    });
  }
  noteRest(samples, split, onNotice);
  notePatients(split, onNotice);
  noteLabels(split, onNotice);
  return split;
}

function byKind(samples: readonly Sample[], settings: SplitSettings): Split {
  if (settings.by === 'patient') return byPatient(samples, settings.shares, settings.seed);
  if (settings.by === 'ids') {
    const known = new Set(samples.map(({ id }) => id));
    return byValue(samples, settings.ids, ({ id }) => id, known, 'ids');
  }
  const column = settings.by;
  const known = new Set(samples.flatMap((sample) => sample[column] ?? []));
  if (known.size === 0) {
    throw new SightlineError('E_MANIFEST', {
      where: column,
      what: 'the column is missing or empty',
      remedy: `Fill in the column "${column}", or split by patient.`,
    });
  }
  if (settings.values) return byValue(samples, settings.values, (sample) => sample[column], known, column);
  const lower = (value: string | undefined) => value?.toLowerCase();
  const usual = Object.fromEntries(
    Object.entries(usualNames).map(([part, names]) => [part, names.filter((n) => [...known].map(lower).includes(n))]),
  );
  const named = Object.values(usual).flat();
  expectArgument(
    column === 'split' && named.length > 0,
    `values of ${column}`,
    `which of its values (${some([...known].sort(), 20)}) are training, validation and test`,
    undefined,
  );
  return byValue(samples, usual, (sample) => lower(sample[column]), new Set(named), column);
}

function byValue(
  samples: readonly Sample[],
  parts: Parts,
  valueOf: (sample: Sample) => string | undefined,
  known: ReadonlySet<string>,
  where: string,
): Split {
  const partOf = new Map<string, SplitPart>();
  for (const part of splitParts) {
    const values = parts[part] ?? [];
    const unknown = values.filter((value) => !known.has(value));
    const there = `values that samples have (${some([...known].sort())})`;
    expectArgument(unknown.length === 0, `${where} of ${part}`, there, some(unknown));
    for (const value of values) {
      const other = partOf.get(value) ?? part;
      expectArgument(other === part, where, 'each value in one part', `${value} in ${other} and ${part}`);
      partOf.set(value, part);
    }
  }
  const split: Split = { training: [], validation: [], test: [] };
  for (const sample of samples) {
    const value = valueOf(sample);
    const part = value === undefined ? undefined : partOf.get(value);
    if (part) split[part].push(sample);
  }
  return split;
}

const usualShares: Record<SplitPart, number> = { training: 0.7, validation: 0.1, test: 0.2 };

function byPatient(samples: readonly Sample[], given: Partial<Record<SplitPart, number>> | undefined, seed = 0): Split {
  const shares = splitParts.map((part) => (given ?? usualShares)[part] ?? 0);
  const total = shares.reduce((a, b) => a + b, 0);
  const sound = shares.every((share) => share >= 0) && Math.abs(total - 1) < 1e-6;
  expectArgument(sound, 'shares', 'numbers from 0 that add up to 1', shares);
  const patients = new Map<string, Sample[]>();
  for (const sample of samples) {
    // JSON keeps a patient called as a sample's id apart from that sample.
    const key = JSON.stringify(sample.patient === undefined ? { sample: sample.id } : { patient: sample.patient });
    const own = patients.get(key);
    if (own) own.push(sample);
    else patients.set(key, [sample]);
  }
  const groups = [...patients.values()];
  const parts = assignGroups(
    groups.map((own) => ({ size: own.length, labels: own.flatMap(labelsOf) })),
    shares,
    seed,
  );
  const partOf = new Map(groups.flatMap((own, g) => own.map((sample) => [sample, splitParts[parts[g]]] as const)));
  const split: Split = { training: [], validation: [], test: [] };
  for (const sample of samples) split[partOf.get(sample)!].push(sample);
  for (const [i, part] of splitParts.entries()) {
    const enough = shares[i] === 0 || split[part].length > 0;
    const expected = `enough patients for ${splitParts.filter((_, j) => shares[j] > 0).join(', ')}`;
    expectArgument(enough, 'split by patient', expected, patients.size);
  }
  return split;
}

function noteRest(samples: readonly Sample[], split: Split, onNotice: (message: string) => void): void {
  const rest = samples.length - splitParts.reduce((n, part) => n + split[part].length, 0);
  if (rest > 0) onNotice(`${rest} of ${samples.length} samples belong to no part of the split and are left out.`);
}

function notePatients(split: Split, onNotice: (message: string) => void): void {
  const parts = new Map<string, Set<SplitPart>>();
  for (const part of splitParts) {
    for (const { patient } of split[part]) {
      if (patient === undefined) continue;
      const seen = parts.get(patient);
      if (seen) seen.add(part);
      else parts.set(patient, new Set([part]));
    }
  }
  // Counts alone: a patient's name has no place in a log.
  const shared = [...parts.values()].filter((seen) => seen.size > 1).length;
  if (shared) {
    onNotice(
      `${shared} patients have samples in more than one part of the split: figures will look better than they are.`,
    );
  }
}

function noteLabels(split: Split, onNotice: (message: string) => void): void {
  const all = new Set(splitParts.flatMap((part) => split[part].flatMap(labelsOf)));
  for (const part of splitParts) {
    if (split[part].length === 0) continue;
    const here = new Set(split[part].flatMap(labelsOf));
    const missing = [...all].filter((label) => !here.has(label)).sort();
    if (missing.length) onNotice(`The ${part} part has no sample with the label ${some(missing)}.`);
  }
}
