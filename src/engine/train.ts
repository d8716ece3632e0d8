import { join } from 'node:path';
import { openCpuBackend } from '../backend/index.js';
import { batchNorms } from '../graph/training/parameters.js';
import { TrainingStore } from '../store/training_store.js';
import type { BatchSource } from '../training/batch_source.js';
import { TrainingFeed } from '../training/feed/feed.js';
import { flatTargets } from '../training/flat_targets.js';
import type { Split } from '../training/feed/split.js';
import type { LossSettings } from '../training/training_step.js';
import type { QuarantinedSample } from '../training/feed/quarantine.js';
import { openTrainingStep, prepareTrainingStep } from '../training/open_training_step.js';
import { readFinished, writeFinished } from '../training/finished_run.js';
import { RunFolder } from '../training/run_folder.js';
import { train as runTraining } from '../training/trainer.js';
import type { TrainingResult } from '../training/training_result.js';
import { validate, type TrainingTask, type ValidationMetrics } from '../training/validation.js';
import type { TrainOptions, TrainSamplesOptions } from './train_options.js';
import { withWeightsOf } from './start_weights.js';
import { trainedModelFiles, writeTrainedModel } from './trained_model.js';
import { openTrainingData, outputLabels, targetSettings, taskOf } from './training_data.js';
import {
  epochsOf,
  lengthOf,
  lossSettings,
  openNetwork,
  optimiserSettings,
  outputChannels,
  trainingFingerprint,
  trainingPreprocessing,
} from './training_plan.js';

/** What a training leaves behind, beside the files. */
export interface TrainSummary extends Omit<TrainingResult, 'step' | 'historyCsv'> {
  out: string;
  task: TrainingTask;
  labels: readonly string[];
  samples: { training: number; validation: number; test: number };
  /** Samples that could not be used, by id. */
  quarantined: QuarantinedSample[];
  /** Of the exported weights on the test samples; null without any. */
  test: ValidationMetrics | null;
  files: { model: string; sidecar: string; historyCsv: string; store: string };
}

/** What is the same whenever a run that has ended is asked for it. */
type DurableSummary = Omit<TrainSummary, 'out' | 'files' | 'iterationsNow'>;

/** Memory for decoded samples, MiB, shared between training and validation by their numbers. */
const defaultCache = 1024;

/**
 * Trains a network on a labelled pool and exports its best weights as `model.onnx` with the sidecar that `score` reads.
 * Resumable at any instant with the same result. Into `out`: model.onnx, model.json, history.csv, training.duckdb,
 * training.json and checkpoints.
 * @throws SightlineError for anything that stops the run: E_TRAINING when it diverges for good, E_RESUME_MISMATCH,
 *   E_OUTPUT, E_MEMORY, E_ARGUMENT, and those of manifest, split and model; a bad image is quarantined instead
 */
export async function trainModel(options: TrainOptions): Promise<TrainSummary> {
  return trainSamples(await openTrainingData(options), options);
}

/**
 * The same of samples that are there already, with labels as they carry them. `labels` and `task` are best given where the
 * samples grow from call to call: what one round's samples lack must not change the model's outputs. Validation and test
 * parts may be empty.
 * @throws SightlineError as `trainModel`; E_MANIFEST where the training samples are of one class only, E_ROI where none
 *   of them has the region that a segmentation needs
 */
export async function trainSamples(split: Split, options: TrainSamplesOptions): Promise<TrainSummary> {
  const { out, batch = 16, augmentation = 'ideal', seed, resume, overwrite, onNotice, alignment } = options;
  if (!split.validation.length) onNotice?.('No validation samples: the last weights are exported, not the best ones.');
  const preprocessing = trainingPreprocessing(options);
  const task = taskOf(options, split.training);
  const quarantined: QuarantinedSample[] = [];
  const store = await TrainingStore.open(out);
  const closing: (() => void | Promise<void>)[] = [() => store.close()];
  try {
    if (overwrite) await store.clear();
    const earlier = resume && !overwrite ? await RunFolder.standing(out) : null;
    const cacheMb = options.cacheMb ?? defaultCache;
    const writes: Promise<void>[] = [];
    const all = split.training.length + split.validation.length;
    const common = {
      ...{ preprocessing, batch, seed, decoded: options.decoded, onNotice },
      onQuarantine: (row: QuarantinedSample) => {
        quarantined.push(row);
        onNotice?.(`Left out: ${row.id}: ${row.message}`);
        const written = store.quarantine(row);
        written.catch(() => {}); // awaited in the end
        writes.push(written);
      },
    };
    const feed = await TrainingFeed.open({
      ...{ ...common, samples: split.training, targets: targetSettings(task, options, split.training) },
      ...{ augmentation, balanced: options.balanced, workers: options.workers, rois: alignment !== undefined },
      ...{ cacheMb: (cacheMb * split.training.length) / all, quarantined: earlier?.quarantined },
    });
    closing.push(() => feed.close());
    const { targets } = feed;
    const inOrder = (samples: typeof split.test, memory: number) =>
      TrainingFeed.open({ ...common, samples, targets, workers: feed.decoders, cacheMb: memory });
    const sourceOf = (source: BatchSource) => (task === 'reconstruction' ? flatTargets(source) : source);
    const validation = split.validation.length
      ? await inOrder(split.validation, (cacheMb * split.validation.length) / all)
      : undefined;

    const loss = lossSettings(task, options, targets, split.training.length);
    const optimiser = optimiserSettings(options, feed.iterations);
    const { batchNorm, runtime, provider, threads, alignmentLayer: layer } = options;
    const labels = outputLabels(task, targets);
    const initial = openNetwork(options, outputChannels(task, targets, preprocessing));
    const network = options.startFrom ? withWeightsOf(initial, options.startFrom, labels) : initial;
    const stepSettings = (size: number) => ({
      ...{ batch: size, loss, optimiser, batchNorm, seed, runtime, provider, threads },
      ...(alignment !== undefined && { alignment: { weight: alignment, layer } }),
    });
    const leastBatch = batchNorm !== 'eval' && batchNorms(network).length > 0 ? 2 : 1;
    // A batch that is too small is refused by the trainer, with a remedy.
    const whole = Math.max(feed.batch, leastBatch);
    const prepared = prepareTrainingStep(network, stepSettings(whole));
    const facts = { task, preprocessing, loss, optimiser, classes: labels, runtime: prepared.runtime };
    const fingerprint = await trainingFingerprint(options, split, facts);
    const complete = { ...fingerprint, length: lengthOf(options) };
    const finished = await readFinished<DurableSummary>(out, complete, ['model.onnx', 'model.json'], {
      resume,
      overwrite,
    });
    if (finished) return { ...finished, ...filesOf(out, store.file), iterationsNow: 0 };
    const backend = openCpuBackend({ onNotice });
    closing.push(() => backend.close());
    const { patience, minimumImprovement, watch, validateEvery, accumulate, iterations } = options;
    const result = await runTraining({
      ...{ out, fingerprint, about: { task, labels, preprocessing, loss, optimiser }, task, loss },
      ...{ training: sourceOf(feed), validation: validation && sourceOf(validation), backend, history: store },
      openStep: (size) => (size === whole ? prepared.open() : openTrainingStep(network, stepSettings(size))),
      leastBatch,
      ...{ epochs: epochsOf(options), iterations, accumulate, validateEvery, watch },
      ...(patience !== undefined && { earlyStopping: { patience, minimumImprovement } }),
      ...{ checkpointSeconds: options.checkpointSeconds, checkpointEvery: options.checkpointEvery },
      ...{ logEvery: options.logEvery, resume, overwrite, onNotice, onProgress: options.onProgress },
    });
    const { step, historyCsv: _, iterationsNow, ...rest } = result;
    closing.push(() => step.close());
    const test = split.test.length ? await validate(step, sourceOf(await inOrder(split.test, 0)), task, loss) : null;
    await Promise.all(writes);
    const chosen = rest.periods.findLast((row) => row.best) ?? rest.periods.at(-1);
    const settings = { arch: options.arch ?? options.model, loss, optimiser, batch, accumulate, augmentation, seed };
    await writeTrainedModel(out, step.model(), {
      ...{ task, labels, activation: activationOf(loss.kind, targets.dims(preprocessing)[0]), preprocessing },
      training: { ...settings, epochs: rest.epochs, iterations: rest.iterations, chosen: chosen?.iteration },
      metrics: { validation: chosen?.validation ?? null, test },
    });
    const samples = {
      ...{ training: split.training.length, validation: split.validation.length, test: split.test.length },
    };
    // What an earlier part of the run has found is not found again.
    const before = await store.quarantined<QuarantinedSample>(earlier?.quarantined ?? []);
    const leftOut = byId([...before, ...quarantined]);
    const summary: DurableSummary = { ...rest, task, labels, samples, quarantined: leftOut, test };
    if (options.keepCheckpoints === false) await writeFinished(out, complete, summary);
    return { ...summary, ...filesOf(out, store.file), iterationsNow };
  } finally {
    for (const close of closing.toReversed()) await close();
  }
}

/** In the order of their ids, each once. */
function byId(rows: readonly QuarantinedSample[]): QuarantinedSample[] {
  const distinct = new Map(rows.map((row) => [row.id, row]));
  return [...distinct.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function filesOf(out: string, store: string): Pick<TrainSummary, 'out' | 'files'> {
  return { out, files: { ...trainedModelFiles(out), historyCsv: join(out, 'history.csv'), store } };
}

function activationOf(kind: LossSettings['kind'], channels: number): 'softmax' | 'sigmoid' | null {
  if (kind === 'mean-squared-error') return null;
  return kind === 'binary-cross-entropy' || (kind === 'dice-cross-entropy' && channels === 1) ? 'sigmoid' : 'softmax';
}
