import { SightlineError } from '../core/errors.js';
import { openPool } from '../data/pool.js';
import type { Sample } from '../data/types.js';
import { splitSettings } from '../engine/training_data.js';
import { labelsOf, some } from '../training/feed/labels.js';
import { splitSamples, type Split } from '../training/feed/split.js';
import { asFinding } from './finding.js';
import { checkPatients } from './leak_check.js';
import { switchedSplit } from './pool_switch.js';
import type { RunConfig, SplitConfig } from './run_config.js';

/** The samples of a data set by what they are for. */
export interface RunData {
  /** What can be asked about. Labels are there where the manifest has them: for the simulated oracle alone. */
  pool: readonly Sample[];
  /** With a label each. */
  validation: readonly Sample[];
  test: readonly Sample[];
}

/** A run's data: the first set, and the one that takes its place. */
export interface LoopData {
  first: RunData;
  second?: RunData;
  classes: readonly string[];
  /** Everything that is ever in a pool, by id. */
  byId: ReadonlyMap<string, Sample>;
}

/**
 * Opens the data of a configuration: read, cut into parts, checked for patients in two of them, labels as classes.
 * @param filesMayBeGone of images: for those who look back at a run. Default false
 * @throws SightlineError E_MANIFEST for labels that are not among the classes, patients in two parts, and those of manifest and
 *   split
 */
export async function openLoopData(
  config: RunConfig,
  onNotice: (message: string) => void = () => {},
  { filesMayBeGone = false } = {},
): Promise<LoopData> {
  const open = (path: string, split: SplitConfig) => openSplit(path, split, config, { onNotice, filesMayBeGone });
  const split = await open(config.data, config.split);
  const named = config.finding === undefined ? split : mapSplit(split, (own) => asFinding(own, config.finding!));
  checkPatients(named, config.allowSharedPatients, onNotice);
  const classes = config.labels ?? occurring(Object.values(named).flat());
  const first = partsOf(named, classes, 'data', onNotice);
  if (!config.switch) return { first, classes, byId: new Map(first.pool.map((sample) => [sample.id, sample])) };
  const other = await open(config.switch.data, config.switch.split ?? {});
  const switched = switchedSplit(named, other, { ...config, labels: classes, switch: config.switch }, onNotice);
  const second = partsOf(switched, classes, 'switch.data', onNotice);
  const all = [...first.pool, ...second.pool];
  return { first, second, classes, byId: new Map(all.map((sample) => [sample.id, sample])) };
}

async function openSplit(
  path: string,
  split: SplitConfig,
  { model, oracle }: RunConfig,
  { onNotice, filesMayBeGone }: { onNotice: (message: string) => void; filesMayBeGone: boolean },
): Promise<Split> {
  const samples = await openPool(path, { axis: model.axis, onNotice, filesMayBeGone });
  // Patients in two parts are this loop's own check, which does not let them pass. A pool that people are to label has no labels.
  const known = oracle.kind === 'simulated' ? /^\d+ patients/ : /^\d+ patients|^The training part has no sample/;
  return splitSamples(samples, splitSettings(samples, split), (text) => known.test(text) || onNotice(text));
}

const mapSplit = (split: Split, change: (samples: Sample[]) => Sample[]): Split => {
  const changed = change(Object.values(split).flat());
  const byId = new Map(changed.map((sample) => [sample.id, sample]));
  const of = (samples: Sample[]) => samples.map(({ id }) => byId.get(id)!);
  return { training: of(split.training), validation: of(split.validation), test: of(split.test) };
};

function occurring(samples: readonly Sample[]): string[] {
  const labels = samples.map(labelsOf);
  if (labels.some(({ length }) => length > 1)) {
    throw new SightlineError('E_MANIFEST', {
      where: 'labels',
      what: 'samples have several labels',
      remedy: 'Name one of them as finding: it is learnt against the rest.',
    });
  }
  const classes = [...new Set(labels.flat())].sort();
  if (classes.length >= 2) return classes;
  throw new SightlineError('E_MANIFEST', {
    where: 'labels',
    what: `the data have ${classes.length ? `one class only: ${classes[0]}` : 'no labels'}`,
    remedy: 'Name the classes as labels in the configuration, or fill in the label column.',
  });
}

function partsOf(
  split: Split,
  classes: readonly string[],
  where: string,
  onNotice: (message: string) => void,
): RunData {
  const unknown = new Set(
    Object.values(split)
      .flat()
      .flatMap(({ label }) => (label !== undefined && !classes.includes(label) ? [label] : [])),
  );
  if (unknown.size) {
    throw new SightlineError('E_MANIFEST', {
      where,
      what: `labels that are not among the classes (${classes.join(', ')}): ${some([...unknown].sort())}`,
      remedy: 'Add them to labels, or leave these samples out of the split.',
    });
  }
  const labelled = (part: 'validation' | 'test') => {
    const own = split[part].filter(({ label }) => label !== undefined);
    const missing = split[part].length - own.length;
    if (missing) onNotice(`${missing} ${part} samples have no label and are left out.`);
    return own;
  };
  return { pool: split.training, validation: labelled('validation'), test: labelled('test') };
}
