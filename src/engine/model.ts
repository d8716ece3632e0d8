import { expectArgument, SightlineError } from '../core/errors.js';
import { sizeOf, toShared } from '../core/tensor.js';
import type { VectorWidths } from '../store/score_store.js';
import type { Preprocessing, Sample } from '../data/types.js';
import {
  defaultExplanation,
  noExplanation,
  findExplanation,
  type Explanation,
  type ExplanationSettings,
} from '../explain/index.js';
import { maximumEntropy } from '../features/uncertainty.js';
import type { Classifier } from '../graph/classifier.js';
import { compile, type CompiledGraph } from '../graph/compile.js';
import type { DropoutGraph } from '../graph/dropout.js';
import { peakActivationBytes } from '../graph/memory.js';
import { hashOf } from './file_hash.js';
import type { InferenceSetup, VectorSetup } from './inference.js';
import { describeModel } from './model_description.js';
import { openRegionModel } from './region_model.js';
import { embedding } from '../graph/passes/embedding.js';
import type { DropoutSetup } from './dropout_scorer.js';
import { resolveProvider, runsAlone } from '../runtime/index.js';
import { planWidth } from './memory_plan.js';
import type { ComputeOptions, DropoutSettings, ExplainOptions, ModelOptions, ScoreRadiomics } from './options.js';
import type { PipelineWidth } from './pipeline.js';
import { radiomicsNames, type RadiomicsClasses, type MapRadiomicsSetup } from './map_radiomics.js';
import { withAlternatives } from './support.js';
import { version } from '../core/version.js';

const defaultBatch = 8;

/** A classifier read, compiled and planned: all that a pipeline needs. */
export interface OpenModel {
  setup: InferenceSetup;
  preprocessing: Preprocessing;
  width: PipelineWidth;
  /** Class names by predicted index. */
  labels: string[];
  /** Numbers per vector, of the kinds that are computed. */
  vectorWidths: VectorWidths;
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
    /** Vectors to compute. Default none. */
    vectors?: Partial<VectorSetup>;
    /** Compare maps with the manifest's regions (pointing game and others). Default false. */
    attention?: boolean;
    /** Where the regions of the criterion `dice` come from: the manifest (default), nowhere, or a segmentation model. */
    regions?: 'manifest' | 'none' | { model: string };
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
  const { explain = defaultExplanation } = options;
  const explanation = explain === noExplanation ? null : findExplanation(explain);
  const settings = { layer: options.layer, ...pixelRange(preprocessing) };
  const { compiled, noSaliency } = compileFor(classifier, explanation, settings, options, preprocessing);
  if (noSaliency) notice(noSaliency.message);
  if (compiled.batchNote) notice(compiled.batchNote);

  const activation = classifier.multiLabel ? 'sigmoid' : 'softmax';
  const onnx = toShared(compiled.onnx);
  const dropout = compiled.dropout ? dropoutSetup(compiled.dropout, options) : null;
  const runtime = options.runtime ?? 'onnxruntime';
  const provider = await resolveProvider(runtime, options.provider);
  const { batch, channels, height, width } = compiled;
  const { regions = 'manifest' } = options;
  const regionModel = typeof regions === 'object' ? await openRegionModel(regions.model, preprocessing) : null;
  const plan = planWidth(
    {
      modelBytes: onnx.byteLength + (dropout?.onnx.byteLength ?? 0) + (regionModel?.setup.onnx.byteLength ?? 0),
      activationBytes: (peakActivationBytes(classifier.graph) + (regionModel?.activationBytes ?? 0)) * batch,
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
    explanation: noSaliency || !explanation ? null : explanation.name,
    binarise: options.binarise ?? 0.5,
    radiomics: radiomicsSetup(options),
    dropout,
    roi: typeof regions === 'object' ? 'predicted' : regions,
    regionModel: regionModel?.setup ?? null,
    attention: options.attention ?? false,
    vectors: vectorSetup(options),
  };
  const classChoice = options.class ?? 'predicted';
  const modelHash = await hashOf(classifier.files);
  return {
    setup,
    preprocessing,
    width: plan,
    labels,
    vectorWidths: vectorWidths(setup, compiled),
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
      vectors: setup.vectors,
      attention: setup.attention,
      roi: setup.roi,
      regionModelHash: regionModel?.hash ?? null,
      dropout: dropout && { ...describeDropout(dropout), at: compiled.dropout?.placement },
      runtime,
      provider,
      backend: setup.backend,
      batch,
    },
  };
}

/** Compiles with what the explanation needs; a model that cannot have it is compiled for its probabilities alone. */
function compileFor(
  classifier: Classifier,
  explanation: Explanation | null,
  settings: ExplanationSettings,
  options: OpenModelOptions,
  { height, width }: Preprocessing,
): { compiled: CompiledGraph; noSaliency: SightlineError | null } {
  const size = [height, width] as const;
  const { dropoutAt, dropoutRate, dropoutUnit } = options;
  const dropout = options.dropout ? { placement: dropoutAt, rate: dropoutRate, unit: dropoutUnit } : undefined;
  const besides = options.vectors?.embeddings ? [embedding()] : [];
  const common = { batch: options.batch ?? defaultBatch, size, dropout, passes: besides };
  if (!explanation) return { compiled: compile(classifier, common), noSaliency: null };
  try {
    const passes = [...explanation.passes(settings), ...besides];
    return { compiled: compile(classifier, { ...common, passes }), noSaliency: null };
  } catch (error) {
    if (!(error instanceof SightlineError) || !['E_MODEL_UNSUPPORTED', 'E_OP_UNSUPPORTED'].includes(error.code)) {
      throw error;
    }
    // Penultimate features that do not exist are the obstacle to name: nothing takes their place.
    const compiled = compile(classifier, common);
    const obstacle = withAlternatives(error, classifier, settings, size);
    // A layer or method that was asked for by name must not be dropped silently.
    if (options.layer || options.explain) throw obstacle;
    return { compiled, noSaliency: obstacle };
  }
}

function vectorSetup({ vectors }: OpenModelOptions): VectorSetup {
  const { embeddings = false, maps = null } = vectors ?? {};
  if (maps) {
    const whole = Number.isSafeInteger(maps.size) && maps.size >= 1;
    expectArgument(whole, 'vectors.maps.size', 'a whole number from 1', maps.size);
  }
  return { embeddings, maps };
}

function vectorWidths({ vectors, batch }: InferenceSetup, { dims }: CompiledGraph): VectorWidths {
  return {
    ...(vectors.embeddings && { embeddings: sizeOf(dims.embedding) / batch }),
    ...(vectors.maps && { maps: vectors.maps.size ** 2 }),
  };
}

function radiomicsSetup(options: OpenModelOptions): MapRadiomicsSetup | null {
  const { radiomicsClasses: classes, binWidth, binCount, shapeBinarise } = options;
  if (!classes || !radiomicsNames({ classes }).length) return null;
  return { classes, binWidth: binWidth ?? 25, binCount: binCount ?? null, binarise: shapeBinarise ?? 'otsu' };
}

const defaultPasses = 20;

function dropoutSetup({ onnx, feeds, masks }: DropoutGraph, options: OpenModelOptions): DropoutSetup {
  const passes = options.dropoutPasses ?? defaultPasses;
  return { onnx: toShared(onnx), feeds, masks, passes, seed: options.seed ?? 0 };
}

/** The settings that decide the stochastic passes' results. */
export function describeDropout({ passes, seed, masks }: DropoutSetup): Record<string, unknown> {
  return { passes, seed, masks: masks.map(({ dims, rate }) => ({ dims, rate })) };
}

/** What a preprocessed pixel can be at least and at most, per channel. */
function pixelRange({ mean, std }: Preprocessing): Pick<ExplanationSettings, 'low' | 'high'> {
  return { low: mean.map((m, c) => -m / std[c]), high: mean.map((m, c) => (1 - m) / std[c]) };
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
