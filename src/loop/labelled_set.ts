import type { Box, Sample } from '../data/types.js';
import type { StoredAnswer } from '../store/run_schema.js';

/** What the oracle has said so far, as samples. */
export interface LabelledSet {
  /** With the label that was given, in the order in which they were asked; skipped ones are not among them. */
  samples: Sample[];
  /** Everything that is not to be asked about again: labelled, skipped. */
  asked: ReadonlySet<string>;
  cost: number;
  /** Different labels that have come up. */
  classes: ReadonlySet<string>;
}

/**
 * Samples with the oracle's labels. A region that came with the answer takes the place of the manifest's.
 * @param samples all that can be asked about, by id; answers about others (of a data set that was left) are counted, not given
 */
export function labelledSet(samples: ReadonlyMap<string, Sample>, answers: readonly StoredAnswer[]): LabelledSet {
  const set: LabelledSet = { samples: [], asked: new Set(answers.map(({ id }) => id)), cost: 0, classes: new Set() };
  for (const { id, label, mask, boxes, cost, skipped } of answers) {
    set.cost += cost;
    const sample = samples.get(id);
    if (skipped || label === null || !sample) continue;
    const { mask: ownMask, boxes: ownBoxes, ...rest } = sample;
    const region = mask !== null || boxes !== null;
    set.samples.push({
      ...rest,
      label,
      ...(region
        ? { ...(mask !== null && { mask }), ...(boxes !== null && { boxes: JSON.parse(boxes) as Box[] }) }
        : { ...(ownMask !== undefined && { mask: ownMask }), ...(ownBoxes && { boxes: ownBoxes }) }),
    });
    (set.classes as Set<string>).add(label);
  }
  return set;
}

/** A sample as it stands before anybody has labelled it: what the pool must not know of it is not there. */
export function unlabelled({ label: _, ...sample }: Sample): Sample {
  return sample;
}
