import { SightlineError } from '../core/errors.js';
import type { Sample } from '../data/types.js';
import { some } from '../training/feed/labels.js';
import { splitParts, type Split } from '../training/feed/split.js';
import type { RunConfig } from './config/types.js';
import { asFinding } from './finding.js';
import { checkPatients } from './leak_check.js';

/** What of the configuration says how the second data set is read. */
export type SwitchSettings = Pick<RunConfig, 'labels' | 'finding' | 'allowSharedPatients'> & {
  switch: NonNullable<RunConfig['switch']>;
};

/**
 * A second data set beside the first, to go on with from some round (IDEAL §V-E): its samples with the first's class names,
 * indices that go on after the first's, and ids that no sample of the first has (a notice tells where they had to change).
 * A patient of one name is taken for the same person in both.
 * @param first the run's data set by part
 * @param second that to switch to, labels as in its own manifest
 * @throws SightlineError E_MANIFEST for labels that are not among the classes, a finding that does not occur, and patients in
 *   two parts (where labels of the first set are kept: those of its training part too)
 */
export function switchedSplit(
  first: Split,
  second: Split,
  settings: SwitchSettings,
  onNotice: (message: string) => void = () => {},
): Split {
  const { switch: other, allowSharedPatients } = settings;
  const samples = splitParts.flatMap((part) => second[part]);
  const kept = splitParts.flatMap((part) => first[part]);
  const named = distinctIds(kept, withClassesOf(samples, settings), onNotice);
  let from = 0;
  const split = Object.fromEntries(
    splitParts.map((part) => [part, named.slice(from, (from += second[part].length))]),
  ) as Split;
  const trained = other.labelled === 'keep' ? [...first.training, ...split.training] : split.training;
  checkPatients({ ...split, training: trained }, allowSharedPatients, onNotice);
  return split;
}

function withClassesOf(samples: readonly Sample[], { labels, finding, switch: other }: SwitchSettings): Sample[] {
  if (finding !== undefined) return asFinding(samples, other.finding ?? finding, labels);
  if (!labels || !other.labels) return [...samples];
  const ours = new Map(other.labels.map((name, k) => [name, labels[k]]));
  const unknown = new Set(samples.flatMap(({ label }) => (label !== undefined && !ours.has(label) ? [label] : [])));
  if (unknown.size) {
    throw new SightlineError('E_MANIFEST', {
      where: 'switch.labels',
      what: `${some([...unknown].sort())} not among the names of the second data set's classes`,
      remedy: 'Name every class, or leave these samples out of its split.',
    });
  }
  return samples.map((sample) => (sample.label === undefined ? sample : { ...sample, label: ours.get(sample.label) }));
}

function distinctIds(
  first: readonly Sample[],
  second: readonly Sample[],
  onNotice: (message: string) => void,
): Sample[] {
  const taken = new Set(first.map(({ id }) => id));
  const own = new Set(second.map(({ id }) => id));
  const start = first.reduce((most, { index }) => Math.max(most, index), -1) + 1;
  let renamed = 0;
  const out = second.map((sample, i): Sample => {
    let { id } = sample;
    if (taken.has(id)) {
      renamed++;
      do id = `second:${id}`;
      while (taken.has(id) || own.has(id));
    }
    taken.add(id);
    return { ...sample, id, index: start + i };
  });
  if (renamed) {
    onNotice(`${renamed} samples of the second data set have ids of the first: theirs are written "second:<id>".`);
  }
  return out;
}
