import { SightlineError } from '../../core/errors.js';
import type { Sample } from '../../data/types.js';

/**
 * The labels of a sample of which several may hold: joined by `|`, or a JSON array of strings (a list in a JSONL or
 * Parquet manifest). Empty where it has none.
 */
export function labelsOf({ label }: Pick<Sample, 'label'>): string[] {
  if (!label) return [];
  if (label.startsWith('[')) {
    try {
      const list: unknown = JSON.parse(label);
      if (Array.isArray(list)) return list.map((one) => String(one).trim()).filter((one) => one !== '');
    } catch {
      // A label that only begins like a list.
    }
  }
  return label
    .split('|')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

/** The first few, and how many more there are. */
export function some(items: readonly string[], most = 5): string {
  const rest = items.length - most;
  return `${items.slice(0, most).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

/**
 * The class list of a training and how many of its samples have each class.
 * @param given the list to use; without it: the labels that occur, sorted by code unit
 * @throws SightlineError E_ARGUMENT for a list with repetitions, E_MANIFEST for labels that are not in the list
 */
export function countClasses(
  labels: readonly (readonly string[])[],
  given: readonly string[] | undefined,
): { classes: readonly string[]; counts: number[] } {
  const occurring = [...new Set(labels.flat())].sort();
  const classes = given ?? occurring;
  const repeated = classes.filter((name, k) => classes.indexOf(name) !== k);
  if (repeated.length) {
    throw new SightlineError('E_ARGUMENT', { where: 'classes', what: `repeated: ${some(repeated)}` });
  }
  const unknown = occurring.filter((label) => !classes.includes(label));
  if (unknown.length) {
    throw new SightlineError('E_MANIFEST', {
      where: 'labels',
      what: `${some(unknown.map((label) => `"${label}"`))} not among the classes (${some(classes, 20)})`,
      remedy: 'Add the class, mend the label, or leave these samples out.',
    });
  }
  const counts = classes.map(() => 0);
  const index = new Map(classes.map((name, k) => [name, k]));
  for (const list of labels) for (const label of new Set(list)) counts[index.get(label)!]++;
  return { classes, counts };
}
