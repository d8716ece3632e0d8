import { SightlineError } from '../../core/errors.js';
import { nearestNames } from '../../core/nearest_names.js';
import type { DatasetOption, Importing } from './dataset.js';
import { names, yes } from './options.js';

/** Options of sets whose images have several findings. */
export interface FindingOptions {
  findings?: string[];
  oneLabel: boolean;
}

export const findingOptions: { [K in keyof FindingOptions]-?: DatasetOption<FindingOptions[K]> } = {
  findings: {
    flag: '--findings <names>',
    help: 'keep only these findings as labels (comma-separated); images with other findings alone are left out',
    schema: names.optional(),
  },
  oneLabel: {
    flag: '--one-label',
    help: 'leave out images with more than one of the findings: a label each, for a classifier of several classes',
    schema: yes,
  },
};

/** How a set says that there is nothing to find. */
export interface FindingVocabulary {
  all: readonly string[];
  none: string;
  /** Of `all`: what is no disease, so that `none` may stand beside it (devices), where the set says both. */
  beside?: readonly string[];
}

/**
 * Labels that an image keeps; null where it is left out, which is counted. An image without any finding keeps the set's word
 * for that, unless findings were chosen and it is not among them.
 */
export class FindingChoice {
  readonly #kept: ReadonlySet<string>;

  /** @throws SightlineError E_ARGUMENT for a finding that the set does not have */
  constructor(
    private readonly options: FindingOptions,
    private readonly vocabulary: FindingVocabulary,
    private readonly importing: Pick<Importing, 'leaveOut'>,
  ) {
    const { all, none } = vocabulary;
    const known = [...all, none];
    for (const name of options.findings ?? []) {
      if (known.includes(name)) continue;
      const near = nearestNames(name, known);
      throw new SightlineError('E_ARGUMENT', {
        where: '--findings',
        what: `"${name}" is not a finding of this set${near.length ? `; did you mean ${near.join(' or ')}?` : ''}`,
        remedy: `Findings: ${known.join(', ')}.`,
      });
    }
    this.#kept = new Set(options.findings ?? known);
  }

  /** @param found findings of the image, in the set's own words; empty: none @returns "A|B" */
  labelOf(found: readonly string[]): string | null {
    const { none, beside = [] } = this.vocabulary;
    const own = found.filter((name) => name !== none);
    const clear = !own.length || (found.includes(none) && own.every((name) => beside.includes(name)));
    const kept = [...(clear ? [none] : []), ...own].filter((name) => this.#kept.has(name));
    if (!kept.length) {
      this.importing.leaveOut('none of the chosen findings');
      return null;
    }
    if (this.options.oneLabel && kept.length > 1) {
      this.importing.leaveOut('several findings');
      return null;
    }
    return kept.join('|');
  }
}
