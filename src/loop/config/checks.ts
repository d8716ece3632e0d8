import { findingClasses } from '../finding.js';
import type { ConfigPath, ConfigProblem } from './problems.js';
import { fullySupervised, type BatchConfig, type RunConfig, type SplitConfig } from './types.js';

/** What was read; sections with problems of their own are absent. */
type Read = Partial<RunConfig>;
type Report = (path: ConfigPath, what: string) => void;

/** What no section can tell by itself. */
export function crossCheck(run: Read): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const report: Report = (path, what) => problems.push({ path, what });
  if (run.split) checkSplit(run.split, ['split'], report);
  if (run.switch?.split) checkSplit(run.switch.split, ['switch', 'split'], report);
  for (const check of [checkClasses, checkModel, checkRegions, checkGrid, checkBudget, checkOracle, checkSwitch]) {
    check(run, report);
  }
  return problems;
}

const repeated = <T>(items: readonly T[]): T[] => [...new Set(items.filter((item, i) => items.indexOf(item) < i))];

function checkSplit(split: SplitConfig, path: ConfigPath, report: Report): void {
  const parts = (['train', 'validation', 'test'] as const).filter((part) => split[part]);
  if (split.split === 'patient') {
    for (const part of parts) report([...path, part], 'has no meaning for a split by patient, which has shares');
    const sum = split.shares?.reduce((a, b) => a + b, 0) ?? 1;
    if (Math.abs(sum - 1) > 1e-6) {
      report([...path, 'shares'], `expected shares that add up to 1, received ${split.shares!.join(', ')}`);
    }
    return;
  }
  if (split.shares) report([...path, 'shares'], 'has a meaning for a split by patient only');
  if (split.split === 'fold' && parts.length === 0) {
    report(path, 'a split by fold needs its folds: train, validation and test');
  }
  for (const value of repeated(parts.flatMap((part) => split[part]!))) report(path, `"${value}" is in two parts`);
}

function checkClasses({ labels, finding, training, oracle }: Read, report: Report): void {
  if (labels && finding !== undefined) report(['finding'], 'give either labels or a finding, not both');
  if (labels && labels.length < 2) report(['labels'], 'expected two classes or more');
  for (const name of repeated(labels ?? [])) report(['labels'], `"${name}" is listed twice`);

  const names = finding === undefined ? labels : findingClasses(finding);
  const classes = names?.length;
  const weights = Array.isArray(training?.classWeights) ? training.classWeights.length : undefined;
  if (classes !== undefined && weights !== undefined && weights !== classes) {
    report(['training', 'class_weights'], `expected ${classes} weights, one for each class, received ${weights}`);
  }
  if (oracle?.kind === 'simulated' && oracle.noise && 'confusion' in oracle.noise) {
    checkConfusion(oracle.noise.confusion, classes, report);
  }
  if (oracle?.kind === 'simulated' && typeof oracle.cost === 'object' && names) {
    const other = Object.keys(oracle.cost).filter((name) => !names.includes(name));
    for (const name of other) report(['oracle', 'cost', name], `is not among the classes (${names.join(', ')})`);
  }
}

function checkConfusion(rows: readonly (readonly number[])[], classes: number | undefined, report: Report): void {
  const path = ['oracle', 'noise', 'confusion'];
  const size = classes ?? rows.length;
  if (rows.length !== size) report(path, `expected ${size} rows, one for each class, received ${rows.length}`);
  rows.forEach((row, i) => {
    const sum = row.reduce((a, b) => a + b, 0);
    if (row.length !== size) report([...path, i], `expected ${size} probabilities, received ${row.length}`);
    else if (Math.abs(sum - 1) > 1e-2) report([...path, i], `expected probabilities that add up to 1, not to ${sum}`);
  });
}

function checkModel({ model, training }: Read, report: Report): void {
  if (!model) return;
  const { arch, file, channels = 3, mean, std } = model;
  if ((arch === undefined) === (file === undefined)) {
    report(['model'], `expected an architecture (arch) or a file to fine-tune, received ${arch ? 'both' : 'neither'}`);
  }
  if (file !== undefined) {
    const built = (['channels', 'width', 'dropout'] as const).filter((key) => model[key] !== undefined);
    for (const key of built) report(['model', key], 'comes with the file: it is for an architecture only');
  } else {
    for (const [key, values] of Object.entries({ mean, std })) {
      if (values && values.length !== 1 && values.length !== channels) {
        report(['model', key], `expected 1 or ${channels} numbers, one for each channel, received ${values.length}`);
      }
    }
  }
  if (training?.labelSmoothing !== undefined && training.loss === 'bce') {
    report(['training', 'label_smoothing'], 'has no meaning with the loss bce');
  }
}

/** A predicted region comes from a U-Net of the classifier's size, which is halved up to four times. */
const unetDivisor = 16;

function checkRegions({ model, strategies, task }: Read, report: Report): void {
  if (!model || model.size === undefined || model.size % unetDivisor === 0) return;
  const entry = strategies?.findIndex(({ roi }) => roi === 'predicted') ?? -1;
  const who =
    entry >= 0 ? `strategies[${entry}] predicts regions` : task === 'segmentation' ? 'of the task segmentation' : '';
  if (who)
    report(['model', 'size'], `expected a multiple of ${unetDivisor} (${who} by a U-Net), received ${model.size}`);
}

function checkGrid({ strategies = [], seeds = [] }: Read, report: Report): void {
  const names = strategies.map(({ name }) => name.toLowerCase());
  names.forEach((name, i) => {
    const first = names.indexOf(name);
    if (first < i) {
      report(
        ['strategies', i],
        `"${strategies[i].name}" is the name of strategies[${first}] too: give it a name of its own`,
      );
    }
  });
  for (const seed of repeated(seeds)) report(['seeds'], `${seed} is listed twice`);
}

const firstBatch = (batch: BatchConfig): number =>
  typeof batch === 'number' ? batch : 'first' in batch ? batch.first : batch[0];

function checkBudget({ initial, batch, stop, task }: Read, report: Report): void {
  if (initial) {
    const { count, fraction } = initial;
    if (count !== undefined && fraction !== undefined) report(['initial'], 'give either count or fraction, not both');
    if (stop?.labels !== undefined && count !== undefined) {
      const left = stop.labels - count;
      if (left <= 0 && stop.rounds !== 0) {
        report(
          ['initial', 'count'],
          `expected below stop.labels (${stop.labels}), received ${count}: nothing is left to select`,
        );
      } else if (batch !== undefined && stop.rounds !== 0 && firstBatch(batch) > left) {
        const path = typeof batch === 'object' && 'first' in batch ? ['batch', 'first'] : ['batch'];
        report(
          path,
          `a first batch of ${firstBatch(batch)} is more than the ${left} labels that stop.labels leaves after the initial ${count}`,
        );
      }
    }
  }
  if (typeof batch === 'object' && 'first' in batch && batch.most !== undefined && batch.most < batch.first) {
    report(['batch', 'most'], `expected from ${batch.first} (batch.first), received ${batch.most}`);
  }
  if (stop?.dice !== undefined && task === 'classification') {
    report(['stop', 'dice'], 'has a meaning for the task segmentation only');
  }
}

function checkOracle({ oracle, labels, finding, strategies, seeds, task }: Read, report: Report): void {
  if (!oracle || oracle.kind === 'simulated') return;
  if (!labels && finding === undefined) {
    report(['labels'], `the oracle ${oracle.kind} needs to know the classes: give labels, or a finding`);
  }
  if (oracle.kind === 'terminal' && task === 'segmentation') {
    report(['oracle'], 'the terminal asks for classes only: masks for the task segmentation can come as files');
  }
  const cells = (strategies?.length ?? 1) * (seeds?.length ?? 1);
  if (cells !== 1) {
    report(
      ['oracle'],
      `${oracle.kind} asks a person, who answers one run: expected one strategy and one seed, received ${cells} runs`,
    );
  }
}

function checkSwitch({ switch: other, stop, labels, finding, strategies }: Read, report: Report): void {
  if (!other) return;
  if (stop?.rounds !== undefined && stop.rounds < other.round) {
    report(['switch', 'round'], `round ${other.round} never comes: stop.rounds is ${stop.rounds}`);
  }
  if (other.finding !== undefined && finding === undefined) {
    report(['switch', 'finding'], 'names the finding of the second data set: the first needs one too');
  }
  if (other.labels && other.labels.length !== labels?.length) {
    const expected = labels ? `${labels.length} names, in the order of labels` : 'none without labels';
    report(['switch', 'labels'], `expected ${expected}, received ${other.labels.length}`);
  }
  for (const name of repeated(other.labels ?? [])) report(['switch', 'labels'], `"${name}" is listed twice`);
  const whole = strategies?.findIndex(({ strategy }) => strategy === fullySupervised) ?? -1;
  if (whole >= 0) {
    report(['strategies', whole], `${fullySupervised} has no rounds in which the data set could be switched`);
  }
}
