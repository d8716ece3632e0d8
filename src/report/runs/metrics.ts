import type { RunOutcome } from '../../loop/comparison.js';

/** Metrics that are shown, those of them that there are; without a test set those of the validation set. */
const shown = ['test auc', 'test accuracy', 'test segmentation dice', 'test attention dice'];
const shownOtherwise = ['validation auc', 'validation accuracy', 'validation segmentation dice'];

/** Names of the metrics to show of some runs, the most telling one first. */
export function shownMetrics(runs: readonly Pick<RunOutcome, 'rounds'>[]): string[] {
  const has = (name: string) =>
    runs.some(({ rounds }) => rounds.some(({ metrics }) => !Number.isNaN(metrics.get(name) ?? NaN)));
  const there = shown.filter(has);
  return there.length ? there : shownOtherwise.filter(has);
}

const words: Readonly<Record<string, string>> = {
  auc: 'AUC',
  accuracy: 'accuracy',
  'segmentation dice': 'segmentation Dice',
  'attention dice': 'attention Dice',
};

/** "test auc" → "test AUC". */
export function metricLabel(name: string): string {
  const [part, ...rest] = name.split(' ');
  return `${part} ${words[rest.join(' ')] ?? rest.join(' ')}`;
}

/** "test attention dice" → "attention-dice", as a part of a file's name. */
export const metricStem = (name: string): string => name.split(' ').slice(1).join('-');
