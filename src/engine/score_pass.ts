import { criteria, criterionSources, type Criteria, type Criterion } from '../core/criteria.js';
import { SightlineError } from '../core/errors.js';
import type { ProgressListener } from '../core/progress.js';
import { tensor, type Tensor } from '../core/tensor.js';
import type { Sample } from '../data/types.js';
import { probabilities, type Activation } from '../features/uncertainty.js';
import { ScoreStore } from '../store/score_store.js';
import { fingerprint } from './fingerprint.js';
import { classesOf, covers, radiomicsNames, type RadiomicsClasses, type MapRadiomicsSetup } from './map_radiomics.js';
import { openModel, type OpenModel } from './model.js';
import type { ComputeOptions, DropoutSettings, ExplainOptions, ModelOptions, ScoreRadiomics } from './options.js';
import { scoreChunks, type ChunkScoring } from './score_chunks.js';

/** What a pass computes of every sample, where it keeps it, and how. */
export interface ScorePassOptions
  extends ModelOptions, ExplainOptions, DropoutSettings, ScoreRadiomics, ComputeOptions {
  /** Folder of the store: `store.duckdb`. */
  out: string;
  /** A pool or any part of one, already opened. A sample's row is its position here, whatever its `index`. */
  samples: readonly Sample[];
  /** Criteria without which the pass is of no use. Monte-Carlo dropout is run where one of them is made by it. */
  criteria?: readonly Criterion[];
  /** Radiomics features by full name ("saliency_glcm_Idn"); their whole classes are computed. */
  features?: readonly string[];
  /** Of dropout masks. Default 0. */
  seed?: number;
  /** Go on with the pass in `out`. Without it a folder that holds one is refused. */
  resume?: boolean;
  /** Discard the pass in `out`. */
  overwrite?: boolean;
  onProgress?: ProgressListener;
  onNotice?: (message: string) => void;
}

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
    const { model, scoring } = await runScorePass(store, options, () => Promise.resolve(options.samples));
    return await readPass(store, model, scoring);
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
  options: Omit<ScorePassOptions, 'samples'>,
  samples: () => Promise<readonly Sample[]>,
): Promise<{ model: OpenModel; scoring: ChunkScoring }> {
  const model = await openModel({ ...options, ...(await wantedOf(options, store)) });
  requireCriteria(options.criteria ?? [], model);
  await begin(store, options, model, samples);
  const scoring = await scoreChunks(store, model, options.onProgress);
  if ((await store.counts()).scored === 0) throw await nothingScored(store, options.out);
  return { model, scoring };
}

/** Ceiling of the store's buffers within a ceiling for the whole process, MiB. */
export function storeMemory(limitMb: number | undefined): number {
  return limitMb ? Math.max(64, Math.min(256, Math.floor(limitMb / 6))) : 256;
}

/** The rows of a finished pass, from its store. */
export async function readPass(store: ScoreStore, model: OpenModel, scoring: ChunkScoring): Promise<ScoredPass> {
  const { activation } = model.setup;
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
    labels: model.labels,
    maximumEntropy: model.maximumEntropy,
    columns: values as Criteria<Float64Array>,
    features: new Map(store.features.map((name) => [name, values[name]])),
    quarantined: await store.quarantined(),
    ran: scoring.ran,
    seconds: scoring.seconds,
  };
}

/**
 * What has to be computed beyond logits and saliency. A resumed pass goes on with what it computed before, where that is
 * enough: so that any strategy can rank it again.
 */
async function wantedOf(
  options: Omit<ScorePassOptions, 'samples'>,
  store: ScoreStore,
): Promise<{ dropout: boolean; radiomicsClasses: RadiomicsClasses }> {
  const dropout = (options.criteria ?? []).some((need) => criterionSources[need] === 'dropout');
  const wanted = classesOf(options.features ?? [], options.radiomics ?? [], options.radiomicsOf ?? 'saliency');
  const earlier = options.resume && !options.overwrite ? await store.meta<Earlier>('run') : undefined;
  const before = earlier?.radiomics?.classes;
  return {
    dropout: dropout || Boolean(earlier?.dropout),
    radiomicsClasses: before && covers(before, wanted) ? before : wanted,
  };
}

type Earlier = Partial<Record<'dropout', unknown> & { radiomics: MapRadiomicsSetup | null }>;

/** A new pass, a resumed one, or a refusal that says which flag is missing. */
async function begin(
  store: ScoreStore,
  options: Omit<ScorePassOptions, 'samples'>,
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
    return;
  }
  const features = model.setup.radiomics ? radiomicsNames(model.setup.radiomics) : [];
  await store.begin(samples, { labels: model.labels, run: model.metadata, fingerprint: print }, features);
}

function requireCriteria(needs: readonly Criterion[], model: OpenModel): void {
  const fromSaliency = needs.some((need) => criterionSources[need] === 'saliency');
  if ((fromSaliency || model.setup.radiomics?.classes.saliency.length) && model.noSaliency) throw model.noSaliency;
}

async function nothingScored(store: ScoreStore, out: string): Promise<SightlineError> {
  await store.export(out, 0);
  const [first] = await store.quarantined(1);
  return new SightlineError('E_POOL_EMPTY', {
    what: `not one image of the pool could be scored${first ? `; the first problem was: ${first.id}: ${first.message.replace(/\.$/, '')}` : ''}`,
    remedy: 'quarantine.csv in the output folder lists the reason for each.',
  });
}
