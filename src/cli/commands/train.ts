import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { lossNames, type TrainOptions } from '../../engine/train_options.js';
import { trainModel, type TrainSummary } from '../../engine/train.js';
import { augmentationPresets, type AugmentationPreset } from '../../data/augment_settings.js';
import { modelNames } from '../../models/index.js';
import type { CurvePoint } from '../../report/figures/curve.js';
import { learningCurves } from '../../report/figures/learning_curves.js';
import { figurePng } from '../../report/figures/write_figure.js';
import { metricNames, type ValidationMetrics } from '../../training/validation.js';
import { fraction, integer, intensityWindow, nameList, numberList, positiveNumber } from '../numbers.js';
import { formatDuration, Terminal } from '../terminal.js';

export function addTrain(program: Command): void {
  const command = program
    .command('train')
    .description('train a network on labelled images, from scratch or from a model, and export it as ONNX')
    .requiredOption('--data <path>', 'manifest .csv, .jsonl, .parquet with labels or masks')
    .option('--out <folder>', 'run folder: model, history, checkpoints', 'sightline-training')
    .addOption(new Option('--arch <name>', 'architecture built from scratch').choices(modelNames))
    .option('--model <file>', 'ONNX classifier to fine-tune, instead of --arch');
  addNetworkFlags(command);
  addSampleFlags(command);
  addLossFlags(command);
  addUpdateFlags(command);
  addDurationFlags(command);
  addRunFlags(command);
  command.action(async (flags: TrainOptions) => {
    const terminal = new Terminal(program.opts().quiet === true);
    const { progress: onProgress, notice: onNotice } = terminal;
    const summary = await trainModel({ ...flags, onProgress, onNotice });
    const curves = join(summary.out, 'learning_curves.png');
    await writeFile(curves, await figurePng(...curvesOf(summary)));
    terminal.print();
    for (const line of describe(summary)) terminal.print(line);
    terminal.print(`  learning curves ${curves}`);
  });
}

function addNetworkFlags(command: Command): void {
  command
    .option('--size <n>', 'side of the input (default 224)', integer(8, 8192))
    .option('--channels <n>', 'channels of the input (default 3; unet and autoencoder 1)', integer(1, 64))
    .option('--width <factor>', "multiplies the layers' widths", positiveNumber)
    .option('--dropout <p>', 'share of units dropped, where the architecture has dropout', fraction)
    .addOption(new Option('--batch-norm <mode>', 'statistics of the batch or running ones').choices(['train', 'eval']))
    .option('--start-from <file>', 'model.onnx of an earlier training of the same network: begin with its weights')
    .option('--freeze <patterns>', 'parameters that stay as they are, such as features.*', nameList);
}

function addSampleFlags(command: Command): void {
  command
    .addOption(
      new Option('--task <name>', 'what is learnt (default: by architecture and labels)').choices([
        'classification',
        'multi-label',
        'segmentation',
        'reconstruction',
      ]),
    )
    .option('--labels <names>', 'classes in the order of the outputs (default: those that occur, sorted)', nameList)
    .option('--none-labels <names>', 'several labels: those that stand for none, such as "No finding"', nameList);
  addSplitFlags(command)
    .option('--mean <numbers>', 'per channel, on pixel values in [0, 1]', numberList)
    .option('--std <numbers>', 'per channel, on pixel values in [0, 1]', numberList)
    .addOption(
      new Option('--resize <how>', 'how images are brought to the input shape').choices(['stretch', 'crop', 'pad']),
    )
    .option('--window <center,width>', 'intensity window for DICOM and NIfTI', intensityWindow)
    .option('--axis <n>', 'slice axis of NIfTI volumes (default 2)', integer(0, 2))
    .option(
      '--augmentation <preset|json>',
      `${Object.keys(augmentationPresets).join(', ')} (default ideal), or settings as JSON`,
      augmentation,
    )
    .option('--balanced', 'draw every class as often as every other')
    .option('--batch <n>', 'images per batch (default 16)', integer(1, 65536))
    .option('--accumulate <k>', 'batches per update (default 1)', integer(1));
}

/** Flags that say which samples are which: shared with `evaluate`. */
export function addSplitFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--split <by>', 'column of the manifest, or patient: at random by patient').choices([
        'split',
        'fold',
        'patient',
      ]),
    )
    .option('--train <values>', 'values of that column to train on', nameList)
    .option('--validation <values>', 'values of that column to validate on', nameList)
    .option('--test <values>', 'values of that column to test on', nameList)
    .option('--shares <numbers>', 'by patient: training, validation, test (default 0.7,0.1,0.2)', numberList);
}

function addLossFlags(command: Command): void {
  command
    .addOption(new Option('--loss <name>', 'what is minimised (default: by task)').choices(lossNames))
    .option('--class-weights <which>', 'auto (inverse frequency), or a number per class', (text) =>
      text === 'auto' ? text : numberList(text),
    )
    .option('--label-smoothing <share>', 'cross-entropy', fraction)
    .option('--alignment <weight>', 'weight of 1 − soft Dice(Grad-CAM, ROI) in the loss', positiveNumber)
    .option('--alignment-layer <name>', 'its layer (default: the last spatial activation)');
}

function addUpdateFlags(command: Command): void {
  command
    .addOption(new Option('--optimiser <rule>', 'default adam').choices(['adam', 'adamw', 'sgd']))
    .option('--learning-rate <rate>', 'default 0.001', positiveNumber)
    .addOption(
      new Option('--schedule <kind>', 'of the learning rate (default constant)').choices([
        'constant',
        'cosine',
        'step',
      ]),
    )
    .option('--warm-up <updates>', 'updates over which the rate climbs from 0', integer(0))
    .option('--step-epochs <n>', 'schedule step: every so many epochs (default 10)', integer(1))
    .option('--step-factor <f>', 'schedule step: times this (default 0.1)', positiveNumber)
    .option('--beta1 <b>', 'Adam (default 0.9; IDEAL: 0.93)', fraction)
    .option('--beta2 <b>', 'Adam (default 0.999)', fraction)
    .option('--momentum <m>', 'SGD (default 0.9)', fraction)
    .option('--weight-decay <w>', 'L2 of adam and sgd, decoupled of adamw', Number)
    .option('--clip-norm <norm>', 'largest norm of the gradient', positiveNumber);
}

function addDurationFlags(command: Command): void {
  command
    .option('--epochs <n>', 'default 10, unless --iterations is given', integer(1))
    .option('--iterations <n>', 'batches', integer(1))
    .option('--validate-every <n>', 'batches between validations, besides the ends of epochs', integer(1))
    .addOption(
      new Option('--watch <metric>', 'what chooses the best model (default: by task)').choices([
        'auc',
        'accuracy',
        'loss',
        'dice',
      ]),
    )
    .option('--patience <n>', 'stop after so many validations without improvement', integer(1))
    .option('--minimum-improvement <x>', 'what counts as improvement (default 0)', Number);
}

function addRunFlags(command: Command): void {
  command
    .option('--seed <n>', 'of weights, order, augmentation and dropout', integer(0), 0)
    .option('--workers <n>', 'decoding threads (default: the number of cores)', integer(1, 512))
    .option('--cache-mb <n>', 'memory for decoded images, MiB (default 1024)', integer(0))
    .addOption(new Option('--runtime <name>', 'default auto').choices(['auto', 'native', 'onnxruntime']))
    .addOption(
      new Option('--provider <name>', 'of ONNX Runtime (default cpu)').choices([
        'cpu',
        'webgpu',
        'cuda',
        'dml',
        'coreml',
      ]),
    )
    .option('--threads <n>', 'threads of the model (default: the number of cores)', integer(1, 512))
    .option('--checkpoint-seconds <s>', 'default 300', integer(0))
    .option('--checkpoint-every <n>', 'batches between checkpoints, besides the ends of epochs', integer(1))
    .option('--log-every <n>', 'batches between rows of the history (default 10)', integer(1))
    .option('--resume', 'continue the run in --out')
    .option('--overwrite', 'discard the run in --out');
}

/** A preset's name, or settings as JSON, which are checked where they are used. */
function augmentation(text: string): TrainOptions['augmentation'] {
  if (text in augmentationPresets) return text as AugmentationPreset;
  try {
    return JSON.parse(text) as TrainOptions['augmentation'];
  } catch {
    throw new InvalidArgumentError(
      `Expected ${Object.keys(augmentationPresets).join(', ')}, or JSON such as {"rotation": 10}.`,
    );
  }
}

/** What the picture shows: the losses, and the metric that chose the model. */
function curvesOf({ periods, watch, best }: TrainSummary) {
  const at = (value: (row: (typeof periods)[number]) => number | null | undefined): CurvePoint[] =>
    periods.map((row) => ({ x: row.iteration, y: value(row) ?? NaN }));
  const losses = [
    { name: 'training', points: at((row) => row.trainLoss) },
    { name: 'validation', points: at((row) => row.validation?.loss) },
  ];
  const metric = [{ name: 'validation', points: at((row) => row.validation?.[watch]) }];
  const panels = [{ yLabel: 'loss', curves: losses }, ...(watch === 'loss' ? [] : [{ yLabel: watch, curves: metric }])];
  return panels.map(({ yLabel, curves }) =>
    learningCurves({
      ...{ name: yLabel, title: yLabel, caption: 'By batches.', xLabel: 'batches', yLabel, curves },
      ...(best && { at: { label: 'best', x: best.iteration } }),
    }),
  );
}

function describe(summary: TrainSummary): string[] {
  const { samples, epochs, iterations, iterationsNow, ended, best, watch, periods, test, quarantined } = summary;
  const reasons = { epochs: '', iterations: '', 'early-stopping': ', ended early: nothing better came' };
  const validation = periods.findLast((row) => row.best)?.validation ?? periods.at(-1)?.validation;
  return [
    `${samples.training} training, ${samples.validation} validation, ${samples.test} test samples` +
      (summary.labels.length ? `; ${summary.task}: ${summary.labels.join(', ')}` : `; ${summary.task}`),
    `${epochs > 0 ? `${epochs} epochs, ` : ''}${iterations} batches${iterationsNow < iterations ? ` (${iterationsNow} in this run)` : ''}` +
      ` in ${formatDuration(summary.seconds)}, ${summary.imagesPerSecond.toFixed(1)} images/s on ${summary.description}${reasons[ended]}`,
    ...(summary.skipped ? [`${summary.skipped} batches were left out: their loss was not finite`] : []),
    ...(quarantined.length ? [`${quarantined.length} images could not be used`] : []),
    '',
    best
      ? `Best by ${watch} ${best.value.toFixed(4)}, epoch ${best.epoch}`
      : 'Nothing to choose a best model by: the last weights',
    ...[metricLine('validation', validation), metricLine('test', test)].filter((line) => line !== ''),
    '',
    `  model           ${summary.files.model} (with ${summary.files.sidecar})`,
    `  history         ${summary.files.historyCsv}, ${summary.files.store}`,
  ];
}

function metricLine(part: string, metrics: ValidationMetrics | null | undefined): string {
  if (!metrics) return '';
  const values = metricNames.flatMap((name) =>
    metrics[name] === null
      ? []
      : [`${name === 'calibrationError' ? 'calibration error' : name} ${metrics[name].toFixed(4)}`],
  );
  return `  ${part.padEnd(11)} ${values.join('  ')}`;
}
