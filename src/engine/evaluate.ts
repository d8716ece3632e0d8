import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expectArgument, SightlineError } from '../core/errors.js';
import { writeFileAtomic } from '../core/files.js';
import { ProgressMeter, type ProgressListener } from '../core/progress.js';
import { coreCount } from '../core/worker_pool.js';
import { openPool } from '../data/pool.js';
import type { Sample } from '../data/types.js';
import { bootstrapIntervals, type BootstrapInterval } from '../metrics/bootstrap.js';
import { evaluateClassifier } from '../metrics/evaluate_classifier.js';
import type { ClassifierEvaluation } from '../metrics/evaluation.js';
import { meanDefined } from '../metrics/inputs.js';
import { sigmoid, softmax } from '../metrics/probabilities.js';
import { TrainingFeed } from '../training/feed/feed.js';
import { labelsOf } from '../training/feed/labels.js';
import type { QuarantinedSample } from '../training/feed/quarantine.js';
import { splitSamples, type SplitPart } from '../training/feed/split.js';
import type { TargetSettings } from '../training/feed/targets.js';
import { maskAgreement } from '../training/validation.js';
import { openEvaluated, type EvaluatedModel, type EvaluatedModelOptions } from './evaluated_model.js';
import { classifierTables, maskTable, type Prediction } from './evaluation_tables.js';
import type { SplitOptions } from './train_options.js';
import { splitSettings } from './training_data.js';

/** Options of `evaluate`. */
export interface EvaluateOptions extends EvaluatedModelOptions, SplitOptions {
  /** Labelled manifest, folder or glob. */
  data: string;
  out: string;
  /** Part of the split to evaluate on, cut as `train` does by the same options. Default: everything. */
  part?: SplitPart;
  /** Of a split by patient, and of the bootstrap. Default 0. */
  seed?: number;
  /** Resamples of the intervals; 0: none. Default 1000. */
  bootstrap?: number;
  /** Positive from this probability up; two classes or several labels. Default 0.5. */
  threshold?: number;
  /** Default 16. */
  batch?: number;
  workers?: number;
  onProgress?: ProgressListener;
}

/** Dice of masks, mean over images that have a region, true or predicted, with its interval over patients. */
export interface MaskEvaluation {
  task: 'segmentation';
  samples: number;
  /** Those with a region, true or predicted: Dice is defined for them. */
  withRegion: number;
  dice: BootstrapInterval;
  /** Share of pixels. */
  accuracy: number;
}

export interface EvaluateSummary {
  evaluation: ClassifierEvaluation | MaskEvaluation;
  labels: readonly string[];
  /** Samples without a label: left out. */
  unlabelled: number;
  quarantined: QuarantinedSample[];
  provider: string;
  files: { evaluation: string; predictions: string; roc: string | null; calibration: string | null };
}

/**
 * What a model is worth on labelled samples: metrics with confidence intervals, confusion matrix, curves. Writes
 * evaluation.json, predictions.csv and, of classifiers, roc.csv and calibration.csv into `out`.
 * @throws SightlineError E_MANIFEST for labels that the model does not have, E_POOL_EMPTY when no sample has a label, and
 *   those of model, manifest and split
 */
export async function evaluateModel(options: EvaluateOptions): Promise<EvaluateSummary> {
  const { batch = 16, threads = coreCount(), out, onNotice } = options;
  const model = await openEvaluated({ ...options, threads }, batch);
  try {
    const samples = await partOf(options);
    const labelled = model.kind === 'classes' ? samples.filter(({ label }) => label !== undefined) : samples;
    const unlabelled = samples.length - labelled.length;
    if (unlabelled) onNotice?.(`${unlabelled} of ${samples.length} samples have no label and are left out.`);
    if (!labelled.length) {
      throw new SightlineError('E_POOL_EMPTY', {
        where: options.data,
        what: 'no sample has a label to compare with',
        remedy: 'Fill in the label column of the manifest.',
      });
    }
    const truth = model.kind === 'masks' ? [] : labelled.map((sample) => truthOf(sample, model));
    const { predictions, quarantined } = await predictAll(model, labelled, truth, options);
    await mkdir(out, { recursive: true }).catch((error) => {
      throw SightlineError.from(error, 'E_OUTPUT', { where: out, what: 'the output folder cannot be created' });
    });
    const evaluation = model.kind === 'masks' ? masks(predictions, options) : classes(model, predictions, options);
    const tables = model.kind === 'masks' ? maskTable(predictions) : classifierTables(model, predictions);
    const write = async (name: string, text: string | undefined) => {
      if (text === undefined) return null;
      await writeFileAtomic(join(out, name), text);
      return join(out, name);
    };
    const summary = { model: options.model, labels: model.labels, unlabelled, quarantined, evaluation };
    return {
      ...{ evaluation, labels: model.labels, unlabelled, quarantined, provider: model.provider },
      files: {
        evaluation: (await write('evaluation.json', `${JSON.stringify(summary, null, 2)}\n`))!,
        predictions: (await write('predictions.csv', tables.predictions))!,
        roc: await write('roc.csv', tables.roc),
        calibration: await write('calibration.csv', tables.calibration?.(evaluation as ClassifierEvaluation)),
      },
    };
  } finally {
    await model.close();
  }
}

async function partOf({ data, axis, onNotice, part, ...options }: EvaluateOptions): Promise<Sample[]> {
  const samples = await openPool(data, { axis, onNotice });
  if (part) return splitSamples(samples, splitSettings(samples, options))[part];
  const { split, train, validation, test, shares } = options;
  const unused = split ?? train ?? validation ?? test ?? shares;
  expectArgument(
    unused === undefined,
    'part',
    'the part of the split to evaluate on: training, validation, test',
    part,
  );
  return samples;
}

/** A sample's label as class number, or as 0 and 1 for each of several. */
function truthOf(sample: Sample, { kind, labels, outputs }: EvaluatedModel): number[] {
  const own = kind === 'labels' || outputs === 1 ? labelsOf(sample) : [sample.label!];
  const unknown = own.filter((label) => !labels.includes(label));
  // Several labels: what is none of them ("no finding") stands for none.
  if (kind === 'labels') return labels.map((label) => Number(own.includes(label)));
  if (!unknown.length && own.length === 1) return [labels.indexOf(own[0])];
  throw new SightlineError('E_MANIFEST', {
    where: sample.id,
    what: `the label "${sample.label}" is none of the model's: ${labels.slice(0, 20).join(', ')}`,
    remedy: 'Name the classes in the order of the outputs by --labels, or leave this sample out.',
  });
}

async function predictAll(
  model: EvaluatedModel,
  samples: readonly Sample[],
  truth: readonly number[][],
  { batch = 16, workers, onProgress, onNotice }: EvaluateOptions,
): Promise<{ predictions: Prediction[]; quarantined: QuarantinedSample[] }> {
  const quarantined: QuarantinedSample[] = [];
  const channels = model.outputs === 1 ? 'inside' : model.outputs === 2 ? 'background' : 'classes';
  const targets: TargetSettings =
    model.kind === 'masks'
      ? { kind: 'mask', channels, ...(channels === 'classes' && { classes: model.labels.slice(1) }) }
      : { kind: 'image' };
  const feed = await TrainingFeed.open({
    ...{ samples, targets, preprocessing: model.preprocessing, batch, workers, cacheMb: 0, onNotice },
    onQuarantine: (row) => quarantined.push(row),
  });
  const meter = new ProgressMeter('evaluating', samples.length, onProgress);
  const position = new Map(samples.map(({ id }, i) => [id, i]));
  const predictions: Prediction[] = [];
  try {
    for await (const { images, targets: wanted, ids, release } of feed.inOrder()) {
      const logits = await model.predict(images);
      const agreement = model.kind === 'masks' ? maskAgreement(logits, wanted) : [];
      release();
      ids.forEach((id, b) => {
        const sample = samples[position.get(id)!];
        const scores = [...logits.data.subarray(b * model.outputs, (b + 1) * model.outputs)];
        const probabilities = model.kind === 'masks' ? [] : probabilitiesOf(scores, model);
        predictions.push({ sample, truth: truth[position.get(id)!] ?? [], probabilities, mask: agreement[b] ?? null });
      });
      meter.add(ids.length);
    }
  } finally {
    await feed.close();
  }
  return { predictions, quarantined };
}

function probabilitiesOf(logits: readonly number[], { kind }: EvaluatedModel): number[] {
  return kind === 'labels' || logits.length === 1 ? logits.map(sigmoid) : softmax(logits);
}

const patientsOf = (predictions: readonly Prediction[]) =>
  predictions.map(({ sample }) => (sample.patient === undefined ? `sample ${sample.id}` : `patient ${sample.patient}`));

function classes(
  { kind, outputs }: EvaluatedModel,
  predictions: readonly Prediction[],
  { bootstrap: resamples = 1000, seed, threshold }: EvaluateOptions,
): ClassifierEvaluation {
  return evaluateClassifier(
    predictions.flatMap(({ probabilities }) => probabilities),
    predictions.flatMap(({ truth }) => truth),
    {
      ...{ classes: outputs, threshold, task: kind === 'labels' ? 'multi-label' : 'single-label' },
      ...(resamples > 0 && { bootstrap: { patients: patientsOf(predictions), resamples, seed } }),
    },
  );
}

function masks(predictions: readonly Prediction[], { bootstrap = 1000, seed }: EvaluateOptions): MaskEvaluation {
  const own = predictions.map(({ mask }) => mask!);
  const mean = (rows: Uint32Array) => ({ dice: meanDefined(Array.from(rows, (row) => own[row].dice)) });
  const options = { patients: patientsOf(predictions), resamples: Math.max(1, bootstrap), seed };
  const { dice } = bootstrapIntervals(new Uint8Array(own.length), mean, options);
  const [right, pixels] = [own.reduce((sum, m) => sum + m.right, 0), own.reduce((sum, m) => sum + m.pixels, 0)];
  const withRegion = own.filter((m) => !Number.isNaN(m.dice)).length;
  return { task: 'segmentation', samples: own.length, withRegion, dice, accuracy: right / pixels };
}
