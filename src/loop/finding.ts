import { SightlineError } from '../core/errors.js';
import type { Sample } from '../data/types.js';
import { labelsOf, some } from '../training/feed/labels.js';

/** The two classes of a finding against the rest: without it, with it. */
export function findingClasses(finding: string): [without: string, present: string] {
  return [`no ${finding}`, finding];
}

/**
 * Samples of which several labels may hold (joined by `|`, or a JSON list) as two classes: one finding against the rest. A
 * sample without a label is unknown, not without the finding, and stays unlabelled: data sets write "No Finding".
 * @param classes names of the two, default `findingClasses`: those of another data set, where findings are spelt differently
 * @throws SightlineError E_MANIFEST where no label is the finding, naming the labels that there are
 */
export function asFinding(
  samples: readonly Sample[],
  finding: string,
  [without, present]: readonly [string, string] | readonly string[] = findingClasses(finding),
): Sample[] {
  const asked = finding.trim().toLowerCase();
  let found = 0;
  const out = samples.map((sample): Sample => {
    if (sample.label === undefined) return sample;
    const has = labelsOf(sample).some((label) => label.toLowerCase() === asked);
    if (has) found++;
    return { ...sample, label: has ? present : without };
  });
  if (found > 0) return out;
  const labels = [...new Set(samples.flatMap(labelsOf))].sort();
  throw new SightlineError('E_MANIFEST', {
    where: 'finding',
    what: `no sample has the label "${finding}"`,
    remedy: labels.length ? `Labels there are: ${some(labels, 20)}.` : 'The samples have no labels.',
  });
}
