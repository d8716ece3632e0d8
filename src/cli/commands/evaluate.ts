import { Option, type Command } from 'commander';
import { evaluateModel, type EvaluateOptions, type EvaluateSummary } from '../../engine/evaluate.js';
import type { ClassifierEvaluation, EvaluationSummary } from '../../metrics/evaluation.js';
import { fraction, imageSize, integer, intensityWindow, nameList, numberList } from '../numbers.js';
import { Terminal } from '../terminal.js';
import { addSplitFlags } from './train.js';

export function addEvaluate(program: Command): void {
  const command = program
    .command('evaluate')
    .description('what a model is worth on labelled images: metrics with confidence intervals')
    .requiredOption('--model <file>', 'ONNX classifier, or a segmentation model from train')
    .requiredOption('--data <path>', 'manifest .csv, .jsonl, .parquet with labels or masks')
    .option('--out <folder>', 'where results go', 'sightline-evaluation')
    .addOption(
      new Option('--part <name>', 'evaluate on this part of the split only').choices([
        'training',
        'validation',
        'test',
      ]),
    );
  addSplitFlags(command)
    .option('--sidecar <json>', 'labels and preprocessing; default: <model>.json beside the model')
    .option('--labels <names>', 'class names in the order of the outputs', nameList)
    .addOption(new Option('--activation <name>', 'how outputs become probabilities').choices(['softmax', 'sigmoid']))
    .option('--size <n|HxW>', 'input size where the graph leaves it open', imageSize)
    .option('--mean <numbers>', 'per channel, on pixel values in [0, 1]', numberList)
    .option('--std <numbers>', 'per channel, on pixel values in [0, 1]', numberList)
    .addOption(new Option('--resize <how>', 'how images are brought to the input').choices(['stretch', 'crop', 'pad']))
    .option('--window <center,width>', 'intensity window for DICOM and NIfTI', intensityWindow)
    .option('--axis <n>', 'slice axis of NIfTI volumes (default 2)', integer(0, 2))
    .option('--threshold <p>', 'positive from this probability up (default 0.5)', fraction)
    .option('--bootstrap <n>', 'resamples of the confidence intervals; 0: none (default 1000)', integer(0))
    .option('--seed <n>', 'of the split by patient and the resamples', integer(0), 0)
    .option('--batch <n>', 'images per model run (default 16)', integer(1))
    .option('--workers <n>', 'decoding threads (default: the number of cores)', integer(1, 512))
    .option('--provider <name>', 'where the model runs (default auto)')
    .action(async (flags: EvaluateOptions) => {
      const terminal = new Terminal(program.opts().quiet === true);
      const { progress: onProgress, notice: onNotice } = terminal;
      const summary = await evaluateModel({ ...flags, onProgress, onNotice });
      terminal.print();
      for (const line of describe(summary)) terminal.print(line);
    });
}

const shown: readonly (readonly [keyof EvaluationSummary, string])[] = [
  ['accuracy', 'accuracy'],
  ['balancedAccuracy', 'balanced accuracy'],
  ['auc', 'AUC'],
  ['averagePrecision', 'average precision'],
  ['f1', 'F1'],
  ['precision', 'precision'],
  ['recall', 'recall'],
  ['specificity', 'specificity'],
  ['kappa', "Cohen's kappa"],
  ['logLoss', 'log loss'],
  ['brier', 'Brier score'],
  ['calibrationError', 'calibration error'],
];

const number = (value: number) => (Number.isFinite(value) ? value.toFixed(4) : '–').padStart(8);

function describe({ evaluation, labels, quarantined, provider, files }: EvaluateSummary): string[] {
  const interval = ({ low, high }: { low: number; high: number }) =>
    `  [${number(low).trim()}, ${number(high).trim()}]`;
  const intervals = evaluation.task === 'segmentation' || evaluation.intervals;
  const written = Object.values(files).filter((file) => file !== null);
  const body =
    evaluation.task === 'segmentation'
      ? [
          `  Dice               ${number(evaluation.dice.estimate)}${interval(evaluation.dice)} over ${evaluation.withRegion} images with a region`,
          `  pixel accuracy     ${number(evaluation.accuracy)}`,
        ]
      : [
          ...shown.map(([name, title]) => {
            const spread = evaluation.intervals?.[name];
            return `  ${title.padEnd(18)} ${number(evaluation[name])}${spread ? interval(spread) : ''}`;
          }),
          ...(evaluation.delong
            ? [`  AUC by DeLong      ${number(evaluation.delong.auc)}${interval(evaluation.delong)}`]
            : []),
          ...classLines(evaluation, labels),
          ...confusionLines(evaluation, labels),
        ];
  return [
    `${evaluation.samples} samples on ${provider}${quarantined.length ? `, ${quarantined.length} could not be used` : ''}${intervals ? '; 95 % intervals over patients' : ''}`,
    ...['', ...body, ''],
    ...written.map((file) => `  ${file}`),
  ];
}

function classLines({ perClass, classes }: ClassifierEvaluation, labels: readonly string[]): string[] {
  if (classes <= 2) return [];
  const rows = perClass.map(
    (one, k) =>
      `  ${(labels[k] ?? String(k)).slice(0, 18).padEnd(18)} ${number(one.auc)} ${number(one.f1)} ${number(one.recall)} ${String(one.support).padStart(8)}`,
  );
  return ['', `  ${'class'.padEnd(18)}      AUC       F1   recall  samples`, ...rows];
}

function confusionLines({ confusion }: ClassifierEvaluation, labels: readonly string[]): string[] {
  if (!confusion || confusion.length > 12) return [];
  const name = (k: number) => (labels[k] ?? String(k)).slice(0, 12);
  return [
    ...['', '  true \\ predicted  ' + confusion.map((_, k) => name(k).padStart(13)).join('')],
    ...confusion.map((row, k) => `  ${name(k).padEnd(18)}${row.map((count) => String(count).padStart(13)).join('')}`),
  ];
}
