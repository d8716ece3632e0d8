import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { criteria, criterionSources, type Criteria, type Criterion } from '../core/criteria.js';
import { expectArgument, SightlineError } from '../core/errors.js';
import type { ProgressListener } from '../core/progress.js';
import { tensor, type Tensor } from '../core/tensor.js';
import type { Sample } from '../data/types.js';
import { maximumEntropy, probabilities, type Activation } from '../features/uncertainty.js';
import type { AttentionAgreement } from '../metrics/attention.js';
import { ScoreStore } from '../store/score_store.js';
import type { DecodedSet } from '../training/feed/decoded_set.js';
import { fingerprint } from './fingerprint.js';
import type { VectorSetup } from './inference.js';
import { classesOf, covers, radiomicsNames, type MapRadiomicsSetup } from './map_radiomics.js';
import { openModel, type OpenModel, type OpenModelOptions } from './model.js';
import type {
  ComputeOptions,
  DropoutSettings,
  ExplainOptions,
  ModelOptions,
  RegionOptions,
  ScoreRadiomics,
} from './options.js';
import { scoreChunks, type ChunkScoring } from './score_chunks.js';

/** Which vectors a pass keeps of every sample. */
export interface VectorOptions {
  /** Penultimate features: the input of the layer that makes the logits. */
  embeddings?: boolean;
  /** The saliency map, or the image in grey, in [0, 1], resized to a square of `size` pixels and flattened. */
  maps?: { of: 'saliency' | 'image'; size: number };
}

/** What a pass computes of every sample, where it keeps it, and how. */
export interface ScorePassOptions
  extends ModelOptions, ExplainOptions, DropoutSettings, ScoreRadiomics, RegionOptions, ComputeOptions {
  /** Folder of the store: `store.duckdb`. */
  out: string;
  /** A pool or any part of one, already opened. A sample's row is its position here, whatever its `index`. */
  samples: readonly Sample[];
  /** Criteria without which the pass is of no use. Monte-Carlo dropout is run where one of them is made by it. */
  criteria?: readonly Criterion[];
  /** Radiomics features by full name ("saliency_glcm_Idn"); their whole classes are computed. */
  features?: readonly string[];
  /** Vectors to keep of every sample, in files beside the store. Default none. */
  vectors?: VectorOptions;
  /** Compare every map with the manifest's region (pointing game and others), whatever `dice` is about. Default false. */
  attention?: boolean;
  /** Threads and decoded images that trainings and passes share, in place of `workers`. See `openDecoded`. */
  decoded?: DecodedSet;
  /** Of dropout masks. Default 0. */
  seed?: number;
  /** Go on with the pass in `out`. Without it a folder that holds one is refused. */
  resume?: boolean;
  /** Discard the pass in `out`. */
  overwrite?: boolean;
  onProgress?: ProgressListener;
  onNotice?: (message: string) => void;
}

/** Of a pass whose samples come from elsewhere. */
type PassSettings = Omit<ScorePassOptions, 'samples'>;

/** A scored pool in memory: N rows, those of the samples that could be scored, in the order of `samples`. */
export interface ScoredPass {
  ids: readonly string[];
  /** Position in `samples` by row; ascending. */
  positions: Int32Array;
  /** Class numbers; of a single sigmoid output 0 or 1. */
  predicted: Int32Array;
  /** f64[N,K], by output: softmax rows sum to 1; a single sigmoid output is the probability of class 1. */
  probabilities: Tensor<'f64'>;
  activation: Activation;
  /** Class names by predicted number. */
  labels: readonly string[];
  /** Largest possible entropy of the head, in nats. */
  maximumEntropy: number;
  /** Criteria by name; NaN where one does not exist. */
  columns: Criteria<Float64Array>;
  /** Radiomics by full name. */
  features: ReadonlyMap<string, Float64Array>;
  /** f32[N,D], where they were asked for: logits = W · embedding + b. */
  embeddings?: Tensor<'f32'>;
  /** f32[N,size²], where they were asked for. */
  maps?: Tensor<'f32'>;
  /** By row, where it was asked for; without a region all but `roiShare`, which is 0, and `flat` are NaN. */
  attention?: AttentionAgreement[];
  /** Samples that could not be scored: they have no row. */
  quarantined: QuarantinedRow[];
  /** Where it ran; null when nothing was left to score. */
  ran: ChunkScoring['ran'];
  /** Of scoring, without opening the model. */
  seconds: number;
}

/** A sample without a score, and why. */
export interface QuarantinedRow {
  id: string;
  stage: string;
  code: string;
  message: string;
}

/**
 * Scores samples that are already opened, for those who rank, select or learn from the numbers themselves: as `score`
 * without the ranking. Resumable at any instant; equal inputs and seed give the same rows on any number of workers.
 * @throws SightlineError for anything that stops the whole pass; a bad image is quarantined instead
 */
export async function scorePass(options: ScorePassOptions): Promise<ScoredPass> {
  const store = await ScoreStore.open(options.out, storeMemory(options.limitMemory));
  try {
    const { scoring } = await runScorePass(store, options, () => Promise.resolve(options.samples));
    return await readPass(store, scoring);
  } finally {
    store.close();
  }
}

/**
 * The pass itself, into an open store.
 * @param samples asked for once it is clear that the pass may run
 */
export async function runScorePass(
  store: ScoreStore,
  options: PassSettings,
  samples: () => Promise<readonly Sample[]>,
): Promise<{ model: OpenModel; scoring: ChunkScoring }> {
  const regions = regionsOf(options);
  const model = await openModel({ ...options, regions, ...(await wantedOf(options, store)) });
  requireSaliency(options, model);
  await begin(store, options, model, samples);
  const scoring = await scoreChunks(store, model, options);
  if ((await store.counts()).scored === 0) throw await nothingScored(store, options.out);
  return { model, scoring };
}

/** Ceiling of the store's buffers within a ceiling for the whole process, MiB. */
export function storeMemory(limitMb: number | undefined): number {
  return limitMb ? Math.max(64, Math.min(256, Math.floor(limitMb / 6))) : 256;
}

/** The rows of a finished pass, from its store, and what its scoring was. @param withVectors default true */
export async function readPass(
  store: ScoreStore,
  { ran, seconds }: ChunkScoring,
  withVectors = true,
): Promise<ScoredPass> {
  const run = (await store.meta<StoredRun>('run'))!;
  const { activation, labels, vectors, attention } = run;
  const { indices, ids, values } = await store.scoredColumns([...criteria, ...store.features]);
  const { predicted, logits } = await store.predictions();
  const [rows, classes] = logits.dims;
  const scores = tensor('f64', [rows, classes]);
  for (let row = 0; row < rows; row++) {
    const own = logits.data.subarray(row * classes, (row + 1) * classes);
    scores.data.set(probabilities(own, activation), row * classes);
  }
  return {
    ids,
    positions: indices,
    predicted,
    probabilities: scores,
    activation,
    labels,
    maximumEntropy: maximumEntropy(classes, activation),
    columns: values as Criteria<Float64Array>,
    features: new Map(store.features.map((name) => [name, values[name]])),
    ...(withVectors && vectors.embeddings && { embeddings: await store.vectors('embeddings', indices) }),
    ...(withVectors && vectors.maps && { maps: await store.vectors('maps', indices) }),
    ...(attention && { attention: await store.attention() }),
    quarantined: await store.quarantined(),
    ran,
    seconds,
  };
}

/**
 * What a finished pass has left in its folder, without its model or its images.
 * @param vectors whether to read them, too: of a large pool they are gigabytes. Default true
 * @throws SightlineError E_NOT_FOUND: there is none
 */
export async function readScoredPass(folder: string, { vectors = true } = {}): Promise<ScoredPass> {
  const missing = (what: string) =>
    new SightlineError('E_NOT_FOUND', { where: folder, what, remedy: 'Check the folder.' });
  if (!existsSync(join(folder, 'store.duckdb'))) throw missing('no scoring pass is stored there');
  const store = await ScoreStore.open(folder);
  try {
    if ((await store.meta('run')) === undefined) throw missing('the scoring pass there has not begun');
    return await readPass(store, { count: 0, seconds: 0, ran: null }, vectors);
  } finally {
    store.close();
  }
}

/**
 * What has to be computed beyond logits and saliency. A resumed pass goes on with what it computed before, where that is
 * enough: so that any strategy can rank it again.
 */
async function wantedOf(
  options: PassSettings,
  store: ScoreStore,
): Promise<Pick<OpenModelOptions, 'dropout' | 'radiomicsClasses' | 'vectors' | 'attention'>> {
  const dropout = (options.criteria ?? []).some((need) => criterionSources[need] === 'dropout');
  const wanted = classesOf(options.features ?? [], options.radiomics ?? [], options.radiomicsOf ?? 'saliency');
  const earlier = options.resume && !options.overwrite ? await store.meta<StoredRun>('run') : undefined;
  const before = earlier?.radiomics?.classes;
  return {
    dropout: dropout || Boolean(earlier?.dropout),
    radiomicsClasses: before && covers(before, wanted) ? before : wanted,
    vectors: {
      embeddings: options.vectors?.embeddings || earlier?.vectors?.embeddings,
      maps: options.vectors?.maps ?? earlier?.vectors?.maps,
    },
    attention: options.attention || earlier?.attention,
  };
}

/** What a run's metadata say of it. */
interface StoredRun {
  activation: Activation;
  labels: readonly string[];
  dropout: unknown;
  radiomics: MapRadiomicsSetup | null;
  vectors: VectorSetup;
  attention: boolean;
}

function regionsOf({ roi = 'manifest', roiModel }: PassSettings): OpenModelOptions['regions'] {
  if (roiModel === undefined) return roi;
  expectArgument(roi === 'manifest', 'roi', '"manifest", beside a model that predicts the regions', roi);
  return { model: roiModel };
}

/** A new pass, a resumed one, or a refusal that says which flag is missing. */
async function begin(
  store: ScoreStore,
  options: PassSettings,
  model: OpenModel,
  open: () => Promise<readonly Sample[]>,
): Promise<void> {
  const earlier = await store.meta<Record<string, unknown>>('fingerprint');
  if (earlier && !options.resume && !options.overwrite) {
    throw new SightlineError('E_OUTPUT', {
      where: options.out,
      what: 'the output folder already holds a run',
      remedy: 'Add --resume to continue or re-rank it, --overwrite to discard it, or choose another --out.',
    });
  }
  const samples = (await open()).map((sample, index) => ({ ...sample, index }));
  const print = fingerprint(model, samples);
  if (earlier && options.resume && !options.overwrite) {
    const changed = Object.keys(print).filter((key) => earlier[key] !== print[key]);
    if (changed.length) {
      throw new SightlineError('E_RESUME_MISMATCH', {
        where: options.out,
        what: `the run there was made with another ${changed.join(', ')}`,
        remedy: 'Give the same settings, or --overwrite to start again, or another --out.',
      });
    }
    await store.requireVectors();
    return;
  }
  const features = model.setup.radiomics ? radiomicsNames(model.setup.radiomics) : [];
  await store.begin(
    samples,
    { labels: model.labels, run: model.metadata, fingerprint: print },
    features,
    model.vectorWidths,
  );
}

function requireSaliency({ criteria: needs = [] }: PassSettings, { setup, noSaliency }: OpenModel): void {
  const { radiomics, vectors, attention } = setup;
  const needed = needs.some((need) => criterionSources[need] === 'saliency') || radiomics?.classes.saliency.length;
  if (noSaliency && (needed || vectors.maps?.of === 'saliency' || attention)) throw noSaliency;
}

async function nothingScored(store: ScoreStore, out: string): Promise<SightlineError> {
  await store.export(out, 0);
  const [first] = await store.quarantined(1);
  return new SightlineError('E_POOL_EMPTY', {
    what: `not one image of the pool could be scored${first ? `; the first problem was: ${first.id}: ${first.message.replace(/\.$/, '')}` : ''}`,
    remedy: 'quarantine.csv in the output folder lists the reason for each.',
  });
}
