import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { SightlineError } from '../core/errors.js';
import { readSidecar, type Sidecar } from '../data/sidecar.js';
import type { Preprocessing, Sample } from '../data/types.js';
import { defaultExplanation, findExplanation, type Explanation, type ExplanationSettings } from '../explain/index.js';
import { maximumEntropy } from '../features/uncertainty.js';
import { readClassifier, type Classifier } from '../graph/classifier.js';
import { compile, type CompiledGraph } from '../graph/compile.js';
import type { DropoutGraph } from '../graph/dropout.js';
import { peakActivationBytes } from '../graph/memory.js';
import type { InferenceSetup } from './batch_scorer.js';
import type { DropoutSetup } from './dropout_scorer.js';
import { resolveProvider, runsAlone } from '../runtime/index.js';
import { planWidth } from './memory_plan.js';
import type { ComputeOptions, DropoutSettings, ExplainOptions, ModelOptions, ScoreRadiomics } from './options.js';
import type { PipelineWidth } from './pipeline.js';
import { radiomicsNames, type RadiomicsClasses, type MapRadiomicsSetup } from './map_radiomics.js';
import { withAlternatives } from './support.js';
import { version } from '../core/version.js';

const defaultBatch = 8;
const defaultSize = [224, 224] as const;

/** A classifier read, compiled and planned: all that a pipeline needs. */
export interface OpenModel {
  setup: InferenceSetup;
  preprocessing: Preprocessing;
  width: PipelineWidth;
  /** Class names by predicted index. */
  labels: string[];
  modelHash: string;
  targetLayer: string | null;
  classChoice: number | string;
  /** Class to explain for a sample; −1 = the predicted one. */
  classFor: (sample: Pick<Sample, 'label'>) => number;
  maximumEntropy: number;
  /** Why the model has no saliency maps, when it has none. */
  noSaliency: SightlineError | null;
  /** Settings as they were resolved, for the store. */
  metadata: Record<string, unknown>;
}

export type OpenModelOptions = ModelOptions &
  ExplainOptions &
  DropoutSettings &
  Omit<ScoreRadiomics, 'radiomics' | 'radiomicsOf'> &
  ComputeOptions & {
    /** Whether to run Monte-Carlo dropout. Default false. */
    dropout?: boolean;
    /** Radiomics to compute. Default none. */
    radiomicsClasses?: RadiomicsClasses;
    seed?: number;
    onNotice?: (message: string) => void;
  };

/**
 * Reads the model, its sidecar and the flags (flags win over the sidecar, the sidecar over the graph).
 * @throws SightlineError E_NOT_FOUND, E_MODEL_FORMAT, E_MODEL_UNSUPPORTED, E_ARGUMENT, E_MEMORY
 */
export async function openModel(options: OpenModelOptions): Promise<OpenModel> {
  const notice = options.onNotice ?? (() => {});
  const { classifier, preprocessing, labels } = describeModel(options);
  const explanation = findExplanation(options.explain ?? defaultExplanation);
  const settings = { layer: options.layer, ...pixelRange(preprocessing) };
  const { compiled, noSaliency } = compileFor(classifier, explanation, settings, options, preprocessing);
  if (noSaliency) notice(noSaliency.message);
  if (compiled.batchNote) notice(compiled.batchNote);

  const activation = classifier.multiLabel ? 'sigmoid' : 'softmax';
  const onnx = shared(compiled.onnx);
  const dropout = compiled.dropout ? dropoutSetup(compiled.dropout, options) : null;
  const runtime = options.runtime ?? 'onnxruntime';
  const provider = await resolveProvider(runtime, options.provider);
  const { batch, channels, height, width } = compiled;
  const plan = planWidth(
    {
      modelBytes: onnx.byteLength + (dropout?.onnx.byteLength ?? 0),
      activationBytes: peakActivationBytes(classifier.graph) * batch,
      slotBytes: batch * height * width * (4 * channels + 1),
      singleSession: runsAlone(provider),
    },
    options,
  );
  const setup: InferenceSetup = {
    onnx,
    runtime,
    provider,
    threads: plan.threads,
    backend: options.backend ?? 'auto',
    batch,
    preprocessing,
    channels,
    height,
    width,
    classes: compiled.classes,
    activation,
    explanation: noSaliency ? null : explanation.name,
    binarise: options.binarise ?? 0.5,
    radiomics: radiomicsSetup(options),
    dropout,
  };
  const classChoice = options.class ?? 'predicted';
  const modelHash = await hashOf(classifier.files);
  return {
    setup,
    preprocessing,
    width: plan,
    labels,
    modelHash,
    targetLayer: compiled.targetLayer ?? null,
    classChoice,
    classFor: classSelector(classChoice, labels, compiled.classes),
    maximumEntropy: maximumEntropy(compiled.classes, activation),
    noSaliency,
    metadata: {
      sightline: version,
      modelHash,
      activation,
      labels,
      preprocessing,
      explanation: setup.explanation,
      targetLayer: compiled.targetLayer ?? null,
      class: classChoice,
      binarise: setup.binarise,
      radiomics: setup.radiomics,
      dropout: dropout && { ...describeDropout(dropout), at: compiled.dropout?.placement },
      runtime,
      provider,
      backend: setup.backend,
      batch,
    },
  };
}

/** What a model is: its graph, how it is fed, and what its outputs are called. */
export interface ModelDescription {
  classifier: Classifier;
  preprocessing: Preprocessing;
  labels: string[];
}

/**
 * Reads model, sidecar and flags (flags win over the sidecar, the sidecar over the graph).
 * @throws SightlineError E_NOT_FOUND, E_MODEL_FORMAT, E_MODEL_UNSUPPORTED, E_ARGUMENT
 */
export function describeModel(
  options: ModelOptions & { layer?: string; onNotice?: (message: string) => void },
): ModelDescription {
  const notice = options.onNotice ?? (() => {});
  const sidecar = findSidecar(options);
  const size = options.size ?? sidecar.size;
  const classifier = readClassifier(options.model, {
    activation: options.activation ?? sidecar.activation,
    size,
    targetLayer: options.layer,
  });
  const preprocessing = resolvePreprocessing(options, sidecar, classifier, size, notice);
  if (classifier.activationSource === 'assumed') {
    notice(
      `The graph ends in raw scores: taken as ${classifier.multiLabel ? 'sigmoid' : 'softmax'} (--activation says otherwise).`,
    );
  }
  return { classifier, preprocessing, labels: classNames(options, sidecar, classifier) };
}

/** Compiles with what the explanation needs; a model that cannot have it is compiled for its probabilities alone. */
function compileFor(
  classifier: Classifier,
  explanation: Explanation,
  settings: ExplanationSettings,
  options: OpenModelOptions,
  { height, width }: Preprocessing,
): { compiled: CompiledGraph; noSaliency: SightlineError | null } {
  const size = [height, width] as const;
  const { dropoutAt, dropoutRate, dropoutUnit } = options;
  const dropout = options.dropout ? { placement: dropoutAt, rate: dropoutRate, unit: dropoutUnit } : undefined;
  const common = { batch: options.batch ?? defaultBatch, size, dropout };
  try {
    return { compiled: compile(classifier, { ...common, passes: explanation.passes(settings) }), noSaliency: null };
  } catch (error) {
    if (!(error instanceof SightlineError) || !['E_MODEL_UNSUPPORTED', 'E_OP_UNSUPPORTED'].includes(error.code)) {
      throw error;
    }
    const obstacle = withAlternatives(error, classifier, settings, size);
    // A layer or method that was asked for by name must not be dropped silently.
    if (options.layer || options.explain) throw obstacle;
    return { compiled: compile(classifier, common), noSaliency: obstacle };
  }
}

function radiomicsSetup(options: OpenModelOptions): MapRadiomicsSetup | null {
  const { radiomicsClasses: classes, binWidth, binCount, shapeBinarise } = options;
  if (!classes || !radiomicsNames({ classes }).length) return null;
  return { classes, binWidth: binWidth ?? 25, binCount: binCount ?? null, binarise: shapeBinarise ?? 'otsu' };
}

const defaultPasses = 20;

function dropoutSetup({ onnx, feeds, masks }: DropoutGraph, options: OpenModelOptions): DropoutSetup {
  const passes = options.dropoutPasses ?? defaultPasses;
  return { onnx: shared(onnx), feeds, masks, passes, seed: options.seed ?? 0 };
}

/** The settings that decide the stochastic passes' results. */
export function describeDropout({ passes, seed, masks }: DropoutSetup): Record<string, unknown> {
  return { passes, seed, masks: masks.map(({ dims, rate }) => ({ dims, rate })) };
}

/** A copy in shared memory, which every worker reads. */
function shared(bytes: Uint8Array): SharedArrayBuffer {
  const copy = new SharedArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return copy;
}

/** What a preprocessed pixel can be at least and at most, per channel. */
function pixelRange({ mean, std }: Preprocessing): Pick<ExplanationSettings, 'low' | 'high'> {
  return { low: mean.map((m, c) => -m / std[c]), high: mean.map((m, c) => (1 - m) / std[c]) };
}

function findSidecar(options: ModelOptions): Sidecar {
  if (options.sidecar) return readSidecar(options.sidecar);
  // A TensorFlow.js model is a .json file itself: model.json → model.sidecar.json.
  const beside = options.model.replace(/\.onnx$/i, '').replace(/\.json$/i, '.sidecar') + '.json';
  return existsSync(beside) ? readSidecar(beside) : {};
}

function classNames(options: ModelOptions, sidecar: Sidecar, classifier: Classifier): string[] {
  const given = options.labels ?? sidecar.labels ?? classifier.labels;
  // One sigmoid output decides between two classes.
  const expected = classifier.classes === 1 ? 2 : classifier.classes;
  if (!given)
    return classifier.classes === 1 ? ['negative', 'positive'] : Array.from({ length: expected }, (_, k) => String(k));
  if (classifier.classes === 1 && given.length === 1) return [`not ${given[0]}`, given[0]];
  if (given.length !== expected) {
    throw new SightlineError('E_ARGUMENT', {
      where: 'labels',
      what: `the model has ${expected} classes but ${given.length} names were given`,
      remedy: 'Give one name per output, in the order of the outputs.',
    });
  }
  return [...given];
}

function classSelector(choice: number | string, labels: string[], classes: number): OpenModel['classFor'] {
  if (choice === 'predicted') return () => -1;
  const indexOf = (name: string) => (classes === 1 ? 0 : labels.indexOf(name));
  if (choice === 'label') return ({ label }) => (label === undefined ? -1 : indexOf(label));
  const number =
    typeof choice === 'number'
      ? choice
      : /^\d+$/.test(choice) && !labels.includes(choice)
        ? Number(choice)
        : indexOf(choice);
  if (number < 0 || number >= classes) {
    throw new SightlineError('E_ARGUMENT', {
      where: 'class',
      what: `"${choice}" is no class of this model`,
      remedy: `Choose 0 to ${classes - 1}, ${labels.slice(0, 20).join(', ')}, "predicted" or "label".`,
    });
  }
  return () => number;
}

function resolvePreprocessing(
  options: ModelOptions,
  sidecar: Sidecar,
  classifier: Classifier,
  size: readonly [number, number] | undefined,
  notice: (message: string) => void,
): Preprocessing {
  const mean = options.mean ?? sidecar.mean;
  const std = options.std ?? sidecar.std;
  const { channels } = classifier;
  const [height, width] = size ?? classifier.size ?? defaultSize;
  if (!mean && !std) notice('No --mean and --std given: pixels go into the model as they are, in [0, 1].');
  return {
    channels,
    height,
    width,
    mean: perChannel('mean', mean ?? [0], channels),
    std: perChannel('std', std ?? [1], channels),
    resize: options.resize ?? sidecar.resize ?? 'stretch',
    window: options.window ?? sidecar.window,
    axis: options.axis,
  };
}

function perChannel(name: string, values: readonly number[], channels: number): number[] {
  if (values.length === 1) return new Array<number>(channels).fill(values[0]);
  if (values.length !== channels) {
    throw new SightlineError('E_ARGUMENT', {
      where: name,
      what: `expected 1 or ${channels} numbers (the model has ${channels} input channels), received ${values.length}`,
    });
  }
  if (name === 'std' && values.some((v) => !(v > 0))) {
    throw new SightlineError('E_ARGUMENT', {
      where: name,
      what: `expected positive numbers, received ${values.join(', ')}`,
    });
  }
  return [...values];
}

/** SHA-256 of a model's files one after another, its weights' included. */
async function hashOf(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) for await (const part of createReadStream(file)) hash.update(part as Buffer);
  return hash.digest('hex');
}
